"""One unit of work: a transaction and the log entries that belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from suwen.core.nouns import Decision
from suwen.records.log import Act, Head, Log


@dataclass
class Work:
    """What is written and what is logged together, or not at all."""

    connection: Connection
    _log: Log
    head: Head | None = None

    def log(self, act: Act) -> Decision:
        """Append one entry to the decision log."""
        return self.log_all([act])[0]

    def log_all(self, acts: Sequence[Act]) -> list[Decision]:
        """Append entries to the decision log, in that order."""
        decisions, self.head = self._log.append(self.connection, acts)
        return decisions
