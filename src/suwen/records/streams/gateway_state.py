"""How the door for readings stands, told through the store: another process shows it.

A gateway that cannot keep up loses nothing, since the broker keeps what was not acknowledged; but
whoever looks at a ward has to know that values come late.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from suwen.records.alert_tables import heartbeat
from suwen.records.alerts.book import AlertBook

if TYPE_CHECKING:
    from suwen.records.store import Store

BEAT_S: Final = 5.0
"""The gateway says how it stands at least so often."""
SILENT: Final = timedelta(seconds=20)
"""What was said longer ago does not hold any more."""


class GatewayState(StrEnum):
    """How the gateway stands.

    `listening`: what is published is stored at once. `behind`: more waits at the broker than one
    batch; it is being stored. `blocked`: the store takes nothing, the broker keeps everything.
    `away`: no gateway has said anything lately, or its broker does not answer.
    """

    LISTENING = "listening"
    BEHIND = "behind"
    BLOCKED = "blocked"
    AWAY = "away"


def tell(store: Store, state: GatewayState) -> None:
    """Write how the gateway stands now."""
    AlertBook(store).beat(_name(state))


def told(store: Store, now: datetime | None = None) -> GatewayState:
    """Return how the gateway stands."""
    by_name = {_name(state): state for state in GatewayState}
    query = select(heartbeat).where(heartbeat.c.name.in_(by_name)).order_by(heartbeat.c.at.desc())
    with store.database.transaction(reading=True) as connection:
        row = connection.execute(query).first()
    late = (now or datetime.now(UTC)) - SILENT
    if row is None or datetime.fromisoformat(str(row.at)) < late:
        return GatewayState.AWAY
    return by_name[row.name]


def _name(state: GatewayState) -> str:
    return f"gateway-{state.value}"
