"""The command line's application: which commands search for garbage seldom."""

from __future__ import annotations

import gc
import sys

import pytest

from suwen.app import main


@pytest.fixture(autouse=True)
def thresholds():
    before = gc.get_threshold()
    yield before
    gc.set_threshold(*before)
    gc.unfreeze()


def met_by(command, monkeypatch, place):
    """Run a command whose work is replaced, and return the thresholds it works with."""
    met = []

    def work(*_, **__):
        met.append(gc.get_threshold())
        raise SystemExit

    monkeypatch.setattr(place, work)
    monkeypatch.setattr(sys, "argv", ["suwen", *command])
    with pytest.raises(SystemExit):
        main.main()
    return met


def test_a_gateway_gives_back_what_is_let_go_of_as_python_does(monkeypatch, thresholds):
    place = "suwen.app.gateway.run_gateway"
    assert met_by(["gateway", "--url", "mqtt://127.0.0.1:1"], monkeypatch, place) == [thresholds]


def test_a_diagnosis_searches_seldom(monkeypatch, tmp_path):
    place = "suwen.app.diagnose.diagnose_folder"
    assert met_by(["diagnose", str(tmp_path)], monkeypatch, place) == [main.COLLECTING]
