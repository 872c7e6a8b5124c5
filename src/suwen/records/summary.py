"""One line about a patient, for the worklist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from suwen.core.errors import KeyUnavailable
from suwen.records import reading
from suwen.records.documents import NOUNS
from suwen.records.tables import record
from suwen.records.vault import Vault


@dataclass(frozen=True)
class PatientSummary:
    """Who a patient is and how much is recorded.

    Parameters
    ----------
    name, birth_date, sex
        As the newest Patient resource tells them; empty when it does not.
    updated
        When something was last written, None when nothing is recorded.
    records
        How many current FHIR resources there are.
    """

    patient: str
    name: str
    birth_date: str
    sex: str
    updated: datetime | None
    records: int


def of(connection: Connection, vault: Vault, patients: Sequence[str]) -> list[PatientSummary]:
    """Return the summaries of patients whose key exists, the last changed first."""
    found = []
    for name in patients:
        try:
            found.append(_summary(connection, vault, name))
        except KeyUnavailable:
            continue
    return sorted(found, key=lambda one: one.updated.isoformat() if one.updated else "")[::-1]


def _summary(connection: Connection, vault: Vault, patient: str) -> PatientSummary:
    key = vault.patient_key(connection, patient)
    mine = record.c.patient == patient
    here = mine & record.c.current.is_(True) & record.c.deleted.is_(False)
    row = connection.execute(select(record).where(here, record.c.type == "Patient")).first()
    content = reading.opened(row, key).content if row is not None else {}
    updated = connection.execute(select(func.max(record.c.at)).where(mine)).scalar()
    number = select(func.count()).select_from(record).where(here, record.c.type.not_in(NOUNS))
    return PatientSummary(
        patient,
        _name(content),
        str(content.get("birthDate", "")),
        str(content.get("gender", "")),
        datetime.fromisoformat(updated) if updated else None,
        int(connection.execute(number).scalar() or 0),
    )


def _name(content: dict[str, Any]) -> str:
    for name in content.get("name") or ():
        if text := name.get("text"):
            return str(text)
        parts = [*(name.get("given") or ()), name.get("family") or ""]
        if any(parts):
            return " ".join(str(part) for part in parts if part)
    return ""
