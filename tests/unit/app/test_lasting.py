"""A program that goes on running searches for garbage as Python does by itself."""

from __future__ import annotations

import gc
from threading import Event

from suwen.app import gateway, lasting, main
from suwen.core.settings import Settings


def test_the_gateway_gives_back_what_a_command_keeps(monkeypatch, tmp_path):
    met = []
    monkeypatch.setattr(gateway.Gateway, "run", lambda own, stop: met.append(gc.get_threshold()))
    monkeypatch.setattr(gateway, "_lines", lambda told: ())
    before = gc.get_threshold()
    gc.set_threshold(*main.COLLECTING)
    try:
        chosen = Settings(home=tmp_path / "home", mqtt_url="mqtt://127.0.0.1:1")
        gateway.run_gateway("", lambda: None, chosen, Event())
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
    assert met == [lasting.PYTHONS_OWN]
