"""Real Chromium for the tests of this folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "unit" / "server")]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright
    from window import CHROMIUM, FLAGS

    with sync_playwright() as player:
        started = player.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield started
        started.close()
