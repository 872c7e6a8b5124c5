"""Whether readings wait at the broker: seen by large batches one after the other.

The broker never has more on the way than the window allows (MQTT 5.0 section 4.9), so that memory
here stays as it is however much waits; that something waits shows in nothing but large batches.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from suwen.records.streams.gateway_state import BEAT_S, GatewayState

FULL_BATCHES: Final = 5
MUCH: Final = 0.5
"""So many batches of at least this share of a whole one, one after the other, are a backlog."""
_log = logging.getLogger("suwen.mqtt")
Teller = Callable[[GatewayState], None]


class Backlog:
    """How the gateway stands, told when it changes and every `BEAT_S`.

    Parameters
    ----------
    tell
        Called with the state; what it raises is its caller's.
    """

    def __init__(self, tell: Teller = lambda _: None) -> None:
        self.state = GatewayState.AWAY
        self._tell = tell
        self._full = 0
        self._told = -float("inf")

    def taken(self, share: float) -> None:
        """Note how much of a whole batch was stored at once; 0 where nothing came for a while."""
        self._full = self._full + 1 if share >= MUCH else 0
        if self._full >= FULL_BATCHES:
            self.stands(GatewayState.BEHIND)
        elif not self._full:
            self.stands(GatewayState.LISTENING)

    def stands(self, state: GatewayState) -> None:
        """Note a state; say it where it is new, or was not said for a while."""
        now = time.monotonic()
        if state is self.state and now - self._told < BEAT_S:
            return
        before, self.state, self._told = self.state, state, now
        if state is not before and before is not GatewayState.AWAY:
            bad = state in (GatewayState.BEHIND, GatewayState.BLOCKED)
            _log.log(logging.WARNING if bad else logging.INFO, "readings: %s", WORDS[state])
        self._tell(state)


WORDS: Final = {
    GatewayState.BEHIND: "more come than are stored; the rest waits at the broker",
    GatewayState.LISTENING: "nothing waits at the broker any more",
    GatewayState.BLOCKED: "the store takes nothing; everything waits at the broker",
    GatewayState.AWAY: "not connected to the broker",
}
