"""The house: what the store keeps for all of its people, as it keeps the records of a patient.

Local terms are such records: no patient's, sealed with a key of their own, versioned and logged.
Nobody joins a care team for them; the policy says by the relation `house` who may read and who may
change them. The house is found by a keyed hash that no identifier from outside can meet.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from suwen.records.keys import Secrets
from suwen.records.tables import patient_identifier
from suwen.records.vault import Vault

NAME = "house"


def find(connection: Connection, secrets: Secrets) -> str:
    """Return the id of the house; empty before it was made."""
    query = select(patient_identifier.c.patient).where(
        patient_identifier.c.value == secrets.hashed(NAME)
    )
    return str(connection.execute(query).scalar() or "")


def make(connection: Connection, vault: Vault) -> str:
    """Return the id of the house, made now where there is none."""
    if found := find(connection, vault.secrets):
        return found
    name = vault.new_patient(connection)
    row = {"value": vault.secrets.hashed(NAME), "patient": name}
    connection.execute(patient_identifier.insert(), row)
    return name
