"""What devices sent that could not be stored: counted by day and state, and kept sealed.

With the patient's key where the device is known, else with a key of the store's own. Of one device
and day at most `MOST` readings a state are kept (all unknown devices together count as one), so
that who floods the door fills no disk; beyond them they are only counted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, bindparam, delete, select, update

from suwen.core.nouns import canonical
from suwen.records.database import Prepared, insert_many
from suwen.records.index import stamp
from suwen.records.keys import seal, unseal
from suwen.records.tables import stream_refused, stream_tally
from suwen.records.vault import PatientKey

if TYPE_CHECKING:
    from suwen.records.store import Store

MOST: Final = 10_000
LONGEST: Final = 4096
"""Bytes kept of a message that is set aside as a whole."""
_C: Final = stream_tally.c
_COUNTED = Prepared(
    update(stream_tally)
    .where(_C.device == bindparam("of"), _C.day == bindparam("on"), _C.state == bindparam("called"))
    .values(count=_C.count + bindparam("more"))
)


class Letter(NamedTuple):
    """Something that could not be stored: whose, why, what it said, and of how many readings."""

    device: str
    state: str
    said: Any
    readings: int = 1


class Kept(NamedTuple):
    """A letter as it is read again."""

    device: str
    at: datetime
    state: str
    said: Any


def keep(
    store: Store,
    connection: Connection,
    letters: Sequence[Letter],
    patients: Mapping[str, str],
    now: datetime,
) -> None:
    """Count letters, and keep them sealed while the day's are not too many."""
    if not letters:
        return
    day, rows, names = now.date().isoformat(), [], {letter.device for letter in letters}
    counted: Counter[tuple[str, str]] = Counter()
    before = _tallies(connection, names, day)
    keys = store.vault.patient_keys(
        connection, sorted({patients[name] for name in names if name in patients})
    )
    for letter in letters:
        place = letter.device, letter.state
        if before.get(place, 0) + counted[place] < MOST:
            key = keys.get(patients.get(letter.device, ""))
            if key is not None or letter.device == "":
                rows.append(_row(store, letter, key, now))
        counted[place] += letter.readings
    insert_many(connection, stream_refused, rows)
    new = [
        {"device": device, "day": day, "state": state, "count": n}
        for (device, state), n in counted.items()
        if (device, state) not in before
    ]
    insert_many(connection, stream_tally, new)
    more = [
        {"of": device, "on": day, "called": state, "more": n}
        for (device, state), n in counted.items()
        if (device, state) in before
    ]
    _COUNTED.many(connection, more)


def _tallies(connection: Connection, names: set[str], day: str) -> dict[tuple[str, str], int]:
    query = select(_C.device, _C.state, _C.count.label("n")).where(_C.day == day)
    return {
        (row.device, row.state): row.n for row in connection.execute(query) if row.device in names
    }


def _row(store: Store, letter: Letter, key: PatientKey | None, now: datetime) -> dict[str, Any]:
    name = store.secrets.new_id()
    try:
        plain = canonical(letter.said)
    except (TypeError, ValueError):  # NaN and lone surrogates are no canonical JSON.
        plain = canonical(ascii(letter.said)[:LONGEST])
    place = f"refused|{name}"
    cipher = store.secrets.letters
    return {
        "id": name,
        "device": letter.device,
        "patient": key.patient if key else "",
        "at": stamp(now),
        "state": letter.state,
        "generation": key.current if key else 0,
        "content": key.seal(place, plain) if key else seal(cipher, place, plain),
    }


def kept(connection: Connection, key: PatientKey, device: str) -> list[Kept]:
    """Return what was set aside of a device, oldest first."""
    c = stream_refused.c
    query = select(stream_refused).where(c.patient == key.patient, c.device == device)
    return [_opened(row, key) for row in connection.execute(query.order_by(c.at, c.id))]


def newest(
    store: Store, connection: Connection, key: PatientKey | None, place: tuple[str, str], most: int
) -> list[Kept]:
    """Return the letters that were set aside last, the newest first.

    `place` is a device (empty: unknown ones) and a state; `key` that of the device's patient, None
    for what no known device sent.
    """
    device, state = place
    c, patient = stream_refused.c, key.patient if key else ""
    query = select(stream_refused).where(c.patient == patient, c.device == device, c.state == state)
    rows = connection.execute(query.order_by(c.at.desc(), c.id.desc()).limit(most))
    return [_opened(row, key or store.secrets.letters) for row in rows]


def _opened(row: Any, key: PatientKey | AESGCM) -> Kept:
    place, content = f"refused|{row.id}", bytes(row.content)
    if isinstance(key, PatientKey):
        plain = key.unseal(row.generation, place, content)
    else:
        plain = unseal(key, place, content)
    return Kept(row.device, datetime.fromisoformat(row.at), row.state, json.loads(plain))


def forget(connection: Connection, before: datetime) -> int:
    """Remove what was set aside before a moment; return how many letters. Counts stay."""
    query = delete(stream_refused).where(stream_refused.c.at < stamp(before.astimezone(UTC)))
    return int(connection.execute(query).rowcount)
