"""Real Chromium for the tests of this folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "unit" / "server")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; its event loop ends with the module, since no job runs beside a running loop."""
    from playwright.sync_api import sync_playwright
    from window import CHROMIUM, FLAGS

    with sync_playwright() as player:
        started = player.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield started
        started.close()
