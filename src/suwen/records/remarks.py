"""Remarks: what people write as a reason. It may tell of a patient, so the log holds only its name.

A remark is sealed with the patient's key in a table of its own; the decision log holds its id and
a keyed digest, so it can be checked while it can be read, and is gone with the patient's key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, select

from suwen.core.nouns import Decision
from suwen.records.keys import Secrets
from suwen.records.tables import remark
from suwen.records.vault import PatientKey

CHUNK = 400
SEALED = ("reason", "text", "comment")
"""Names in a decision's detail whose text is kept as a remark."""


def sealed(
    connection: Connection, key: PatientKey, secrets: Secrets, detail: Mapping[str, Any]
) -> dict[str, Any]:
    """Return `detail` with its free texts replaced by the names of stored remarks."""
    kept = dict(detail)
    for name in SEALED:
        text = kept.get(name)
        if isinstance(text, str) and text:
            kept[name] = {
                "remark": keep(connection, key, secrets, text),
                "digest": secrets.content_digest(text.encode()),
            }
    return kept


def keep(connection: Connection, key: PatientKey, secrets: Secrets, text: str) -> str:
    """Seal a text of a patient; return the id it is read again by."""
    name = secrets.new_id()
    connection.execute(
        remark.insert().values(
            id=name,
            patient=key.patient,
            generation=key.current,
            content=key.seal(place(key.patient, name), text.encode()),
        )
    )
    return name


def place(patient: str, name: str) -> str:
    """Return what the content of a remark is bound to."""
    return f"remark|{patient}|{name}"


def text_of(connection: Connection, key: PatientKey, name: str) -> str:
    """Return the text of a remark; empty when it is not there."""
    query = select(remark).where(remark.c.id == name, remark.c.patient == key.patient)
    row = connection.execute(query).first()
    if row is None:
        return ""
    return key.unseal(row.generation, place(key.patient, name), bytes(row.content)).decode()


def texts_of(
    connection: Connection, keys: Mapping[str, PatientKey | None], names: Collection[str]
) -> dict[str, str]:
    """Return several texts by id; without those of patients whose key is None or not given."""
    found: dict[str, str] = {}
    wanted = sorted(names)
    for start in range(0, len(wanted), CHUNK):
        query = select(remark).where(remark.c.id.in_(wanted[start : start + CHUNK]))
        for row in connection.execute(query):
            if (key := keys.get(row.patient)) is not None:
                sealing = place(row.patient, row.id)
                found[row.id] = key.unseal(row.generation, sealing, bytes(row.content)).decode()
    return found


def opened(connection: Connection, key: PatientKey, entry: Decision) -> Decision:
    """Return a decision with its remarks in the clear (its hash stays that of the logged line)."""
    detail = dict(entry.detail)
    for name in SEALED:
        value = detail.get(name)
        if isinstance(value, dict) and isinstance(value.get("remark"), str):
            detail[name] = text_of(connection, key, value["remark"])
    return entry.model_copy(update={"detail": detail})
