"""What waits at the broker is seen by large batches, and told through the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from suwen.core.settings import Settings
from suwen.gateway.backlog import FULL_BATCHES, Backlog
from suwen.records import Store
from suwen.records.streams import gateway_state
from suwen.records.streams.gateway_state import GatewayState


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def backlog(said) -> Backlog:
    return Backlog(lambda state: said.append(state.value))


def test_a_burst_is_no_backlog_and_what_goes_on_is_one(backlog, said):
    backlog.taken(0.1)
    for _ in range(FULL_BATCHES - 1):
        backlog.taken(1.0)
    assert backlog.state is GatewayState.LISTENING
    backlog.taken(0.1)
    for _ in range(FULL_BATCHES):
        backlog.taken(0.6)
    assert backlog.state is GatewayState.BEHIND
    backlog.taken(1.0)
    backlog.taken(0.0)
    assert said == ["listening", "behind", "listening"], "told once each"


def test_a_state_that_lasts_is_told_again_now_and_then(backlog, said, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("suwen.gateway.backlog.time.monotonic", lambda: clock[0])
    for clock[0] in (0.0, 4.0, 6.0, 9.0, 12.0):
        backlog.taken(0.1)
    assert said == ["listening"] * 3


def test_the_state_is_told_through_the_store_and_does_not_outlive_the_gateway(tmp_path):
    with Store.open(Settings(home=tmp_path / "home")) as store:
        assert gateway_state.told(store) is GatewayState.AWAY
        gateway_state.tell(store, GatewayState.LISTENING)
        gateway_state.tell(store, GatewayState.BEHIND)
        assert gateway_state.told(store) is GatewayState.BEHIND
        later = datetime.now(UTC) + timedelta(seconds=30)
        assert gateway_state.told(store, later) is GatewayState.AWAY
