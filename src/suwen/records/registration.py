"""Registration: a patient found by keyed hashes of identifiers, or made."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from suwen.core.errors import Conflict
from suwen.records.database import Prepared
from suwen.records.people import in_team, join_team
from suwen.records.tables import keyring, patient_identifier
from suwen.records.vault import Vault

_ALONE = Prepared(select(keyring.c.id).with_for_update())


def find_or_make(
    connection: Connection, vault: Vault, identifiers: Sequence[tuple[str, str]], person: str
) -> tuple[str, bool]:
    """Return the patient of these identifiers, and whether it was made just now.

    Who makes a patient joins its care team. Identifiers not known yet are added to the patient
    found, when the person belongs to the care team.

    Raises
    ------
    Conflict
        The identifiers belong to different patients.
    """
    _ALONE(connection)  # One registration at a time.
    hashed = vault.secrets.hashed
    hashes = sorted({hashed(f"p|{system}|{value}") for system, value in identifiers})
    table = patient_identifier
    query = table.select().where(table.c.value.in_(hashes))
    rows = connection.execute(query).all() if hashes else []
    owners = {row.patient for row in rows}
    if len(owners) > 1:
        raise Conflict(
            "the identifiers belong to different patients",
            "identifiers of one patient",
            "sort the files by patient",
        )
    made = not owners
    name = vault.new_patient(connection) if made else owners.pop()
    if made:
        join_team(connection, name, person)
    known = {row.value for row in rows}
    fresh = [{"value": value, "patient": name} for value in hashes if value not in known]
    if fresh and in_team(connection, name, person):
        connection.execute(table.insert(), fresh)
    return name, made
