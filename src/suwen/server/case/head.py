"""The head that all pages of a case share: whose it is, and by which right it was opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suwen.core.nouns import Record
from suwen.records.people import in_team
from suwen.server.asking import Asking
from suwen.server.case.patients import about


def case_head(asking: Asking, patient: str, people: Sequence[Record]) -> dict[str, Any]:
    """Return what `case_head.html` shows.

    Parameters
    ----------
    asking, patient
        Who looks at whose case.
    people
        The Patient records of the case, the newest last.
    """
    return {
        "patient": patient,
        "about": about(asking.language, patient, people[-1].content if people else None),
        "emergency": in_emergency(asking, patient),
    }


def in_emergency(asking: Asking, patient: str) -> bool:
    """Say whether the asker reads this case by a broken glass, not as a member of its care team."""
    if not asking.may["act"]:
        return False
    with asking.bench.store.database.transaction(reading=True) as connection:
        return not in_team(connection, patient, asking.person.id)
