"""What only the lifecycle's own tests share."""

from __future__ import annotations

import pytest

from suwen.lifecycle import assemble


@pytest.fixture
def quick(monkeypatch):
    """Leave out drawing and the measuring process, which other tests of the suite look at."""
    cost = {
        "median_ms": 1.0,
        "p95_ms": 2.0,
        "first_ms": 3.0,
        "peak_mb": 100.0,
        "own_mb": 10.0,
        "threads": 2,
        "members": 3,
        "processor": "not measured in this test",
        "unwanted_imports": [],
        "pack_mb": 0.1,
    }
    monkeypatch.setattr(assemble.footprint, "measured", lambda task, pack: cost)
    monkeypatch.setattr(assemble.plots, "draw", lambda task, rows, histories, folder: [])
