"""`suwen devices` and `suwen gateway`: a token once, who was seen, who is revoked."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from suwen.app.main import Application
from suwen.cli import build
from suwen.core.errors import BadInput
from suwen.core.settings import settings
from suwen.records import Store
from suwen.records.streams.door import Door, Message


@pytest.fixture
def told(tmp_path, settled):
    """A function that runs the command line on a home of its own and returns what it printed."""
    settled(home=tmp_path / "home")
    app = build()

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments, obj=Application())
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    return run


def test_a_device_is_added_seen_renewed_and_revoked(told):
    added = told("devices", "add", "watch-1", "--new-patient")
    token, patient = added.split()[-1], added.split("patient ")[1].split(".")[0]
    assert "never seen" in told("devices", "list", "--patient", patient)
    now = datetime.now(UTC).isoformat()
    said = {"code": "8867-4", "unit": "/min", "at": now, "value": 72}
    with Store.open(settings()) as store:
        door = Door(store)
        door.receive([Message("watch-1", json.dumps(said).encode(), token)])
        door.receive([Message("watch-1", b"rubbish", token)])
    listed = told("devices", "list")
    assert f"seen {now[:10]}" in listed
    assert "set aside: 1 malformed" in listed
    assert told("devices", "renew", "watch-1").split()[-1] != token
    told("devices", "revoke", "watch-1", "--reason", "left on a bus")
    assert f"revoked {now[:10]}" in told("devices", "list")
    assert "0 readings became 0 means" in told("devices", "thin")


def test_a_device_needs_one_patient(told):
    for options in ((), ("--patient", "x", "--new-patient")):
        with pytest.raises(BadInput, match="no patient, or two"):
            told("devices", "add", "watch-1", *options)


def test_a_gateway_without_a_broker_says_what_to_set(told):
    with pytest.raises(BadInput, match="SUWEN_MQTT_URL"):
        told("gateway")
