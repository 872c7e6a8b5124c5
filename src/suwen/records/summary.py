"""One line about a patient, for the worklist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from suwen.records import reading
from suwen.records.documents import NOUNS
from suwen.records.tables import record
from suwen.records.vault import Vault

CHUNK = 400


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
    found: list[PatientSummary] = []
    for start in range(0, len(patients), CHUNK):
        found += _part(connection, vault, patients[start : start + CHUNK])
    return sorted(found, key=lambda one: one.updated.isoformat() if one.updated else "")[::-1]


def _part(
    connection: Connection, vault: Vault, patients: Sequence[str]
) -> Iterator[PatientSummary]:
    keys = vault.patient_keys(connection, patients)
    mine = record.c.patient.in_(patients)
    here = mine & record.c.current.is_(True) & record.c.deleted.is_(False)
    about = {
        row.patient: reading.opened(row, key).content
        for row in connection.execute(select(record).where(here, record.c.type == "Patient"))
        if (key := keys[row.patient]) is not None
    }
    newest = select(record.c.patient, func.max(record.c.at)).where(mine)
    counted = select(record.c.patient, func.count()).where(here, record.c.type.not_in(NOUNS))
    updated, number = (
        {row[0]: row[1] for row in connection.execute(query.group_by(record.c.patient))}
        for query in (newest, counted)
    )
    for patient, key in keys.items():
        if key is not None:
            content, at = about.get(patient, {}), updated.get(patient)
            yield PatientSummary(
                patient,
                _name(content),
                str(content.get("birthDate", "")),
                str(content.get("gender", "")),
                datetime.fromisoformat(at) if at else None,
                number.get(patient, 0),
            )


def _name(content: dict[str, Any]) -> str:
    for name in content.get("name") or ():
        if text := name.get("text"):
            return str(text)
        parts = [*(name.get("given") or ()), name.get("family") or ""]
        if any(parts):
            return " ".join(str(part) for part in parts if part)
    return ""
