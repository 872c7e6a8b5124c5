"""What a signature opens: unsigned reports, findings in no signed report and notes that nobody
stands behind (a Composition that is neither `final` nor `amended`) are drafts.

Whoever the policy does not let read drafts (its action `draft`) gets neither, by any way of
reading. A withdrawn report or note is a draft again in this sense.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row

from suwen.core.nouns import Record
from suwen.records import reading
from suwen.records.documents import NOUNS, finding_of, report_of
from suwen.records.holdings import Holdings
from suwen.records.keys import Secrets
from suwen.records.vault import Vault

if TYPE_CHECKING:
    from suwen.records.gate import Gate

FINAL = "final"
ATTESTED = "Composition"
STANDS = frozenset({FINAL, "amended"})
"""Statuses of a Composition that somebody stands behind."""
GATED = frozenset({*NOUNS, ATTESTED})
"""Types of which some records are drafts."""


def rows(
    connection: Connection,
    vault: Vault,
    secrets: Secrets,
    found: Sequence[Row[Any]],
    closed: Collection[str],
) -> list[Row[Any]]:
    """Return the rows without drafts of the patients in `closed`.

    Parameters
    ----------
    connection, vault, secrets
        Where the patients' signed reports are read, and with what.
    found
        Rows that match what was asked for.
    closed
        Patients whose drafts this person may not read.
    """
    if not any(row.type in GATED and row.patient in closed for row in found):
        return list(found)
    known = {
        patient: _signed(connection, vault, secrets, patient)
        for patient in {row.patient for row in found if row.patient in closed}
    }
    kept = []
    for row in found:
        if row.type not in GATED or row.patient not in closed:
            kept.append(row)
            continue
        (record,) = reading.opened_all(connection, vault, [row]) or (None,)
        if record is not None and _is_open(record, known[row.patient]):
            kept.append(row)
    return kept


def readable(
    connection: Connection, store: Holdings, gate: Gate, found: Sequence[Row[Any]]
) -> list[Row[Any]]:
    """Return the rows a person may read: drafts only where the policy allows them."""
    if not any(row.type in GATED for row in found):
        return list(found)
    closed = gate.closed(connection, {row.patient for row in found})
    return rows(connection, store.vault, store.secrets, found, closed)


def _is_open(record: Record, known: Collection[str]) -> bool:
    """Say whether a record is no draft: attested, or named by a signed report."""
    if record.type == ATTESTED:
        return record.content.get("status") in STANDS
    return _name(record) in known


def _name(record: Record) -> str:
    return finding_of(record).id if record.type == "Finding" else record.reference


def _signed(connection: Connection, vault: Vault, secrets: Secrets, patient: str) -> set[str]:
    """Return the references of a patient's signed reports and the ids of the findings in them."""
    wanted = reading.Search("Report", FINAL)
    stored = reading.search(connection, secrets, [patient], wanted)
    names: set[str] = set()
    for record in reading.opened_all(connection, vault, stored):
        names |= {record.reference, *(finding.id for finding in report_of(record).findings)}
    return names
