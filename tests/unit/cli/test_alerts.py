"""Rules from the command line: tried first, then enabled."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from suwen.app.main import Application
from suwen.app.services import operator
from suwen.cli import build
from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.core.settings import settings
from suwen.core.streams import MICROSECONDS, Channel, ticks
from suwen.health.alerts.rules import stretch
from suwen.records import Store
from suwen.records.streams.seen import Streams


def say(*words: str) -> str:
    done = CliRunner().invoke(
        build(), ["alerts", *words], obj=Application(), catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return done.output


def test_a_rule_is_tried_and_then_enabled(tmp_path, settled) -> None:
    settled(home=tmp_path / "home")
    with Store.open(settings()) as store:
        person = operator(store)
        patient = store.session(person, "treatment").new_patient([("urn:mrn", "1")])
        now = ticks(datetime.now(UTC))
        pairs = [(now - i * 10 * MICROSECONDS, 85.0 if i < 20 else 97.0) for i in range(400)]
        probe = Channel("59408-5", "%", "probe")
        Streams(store, person, "treatment").put(patient, [stretch(probe, pairs)])
    say("ward", "icu", "--shown", "ICU", "--rung", f"0:{person.id}", "--place", f"{patient}:12 A")
    with pytest.raises(Conflict):
        say("enable", "spo2-low", "--ward", "icu")
    tried = say("dry-run", "spo2-low", "--ward", "icu", "--set", "limit=90")
    assert "1 in 1 patients" in tried
    assert "can see 100% of that time" in tried
    assert '"alerts":1' in say("dry-run", "spo2-low", "--ward", "icu", "--json")
    assert "is enabled as" in say("enable", "spo2-low", "--ward", "icu", "--set", "limit=90")
    assert "icu: at or below 90 %" in say("rules")
    assert "0 alerts" in say("list", "--hours", "24")
    with pytest.raises(BadInput):
        say("dry-run", "spo2-low", "--set", "limit=low")
    with pytest.raises(NotFound):
        say("replay", "nothing")
    rule = say("rules").strip().splitlines()[-1].split()[0]
    assert say("disable", rule, "tried enough") == "disabled\n"
