"""Wards: who lies where, who is paged for them in which order, and how many alerts are bearable.

A ward belongs to the house: it is defined by who may write there. Where a patient lies, the bed and
a location that the patient shares are the patient's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, select, update

from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.core.nouns import canonical
from suwen.records import house, remarks
from suwen.records.alert_tables import ward, ward_place
from suwen.records.alerts.rows import in_parts, texts
from suwen.records.gate import Gate, admit
from suwen.records.index import stamp
from suwen.records.people import PERSON_ID, Person
from suwen.records.vault import Vault
from suwen.records.work import Work

if TYPE_CHECKING:
    from suwen.records.store import Store

EVERYBODY: Final = "*"
"""Stands in a ladder for everybody on it and the whole care team."""
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}")
LONGEST_S: Final = 24 * 3600.0
LONGEST_BED: Final = 64


@dataclass(frozen=True)
class Rung:
    """After so many seconds without an acknowledgement these persons are paged."""

    after_s: float
    to: tuple[str, ...]


@dataclass(frozen=True)
class Ward:
    """A ward.

    Parameters
    ----------
    name
        What people call it.
    ladder
        Who is paged, in order of time; without it the care team, all at once.
    budget
        Alerts a patient and day that are bearable, None where nobody set one.
    silence
        Seconds without data that are an alert, by LOINC code; others follow the usual distance.
    beds
        Names of its beds, in the order of the ward; empty where nobody listed them.
    """

    id: str
    name: str = ""
    ladder: tuple[Rung, ...] = ()
    budget: float | None = None
    silence: Mapping[str, float] = field(default_factory=dict)
    beds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        times = [rung.after_s for rung in self.ladder]
        named = [person for rung in self.ladder for person in rung.to]
        persons = all(one == EVERYBODY or PERSON_ID.fullmatch(one) for one in named)
        good = times == sorted(times) and all(0 <= t <= LONGEST_S for t in times) and persons
        if not NAME.fullmatch(self.id) or not good or not all(rung.to for rung in self.ladder):
            raise BadInput(
                "a ward that cannot be used",
                "an id of letters, digits and ._-, and a ladder of persons in order of time",
                "correct it",
            )
        if (self.budget is not None and self.budget <= 0) or any(
            not 0 < s <= 7 * LONGEST_S for s in self.silence.values()
        ):
            raise BadInput("a budget or time of a ward that cannot be", "positive numbers", "")
        named_beds = [one.strip() for one in self.beds]
        if len(set(named_beds)) != len(named_beds) or not all(
            0 < len(one) <= LONGEST_BED for one in named_beds
        ):
            raise BadInput(
                "beds that cannot be told apart",
                f"a different name for each, of at most {LONGEST_BED} characters",
                "correct them",
            )


@dataclass(frozen=True)
class Place:
    """Where a patient is.

    Parameters
    ----------
    bed
        As the ward calls it.
    location
        What the patient shares: `text`, or `latitude` and `longitude`, with `at`. None: nothing.
    """

    patient: str
    ward: str
    since: datetime
    bed: str = ""
    location: Mapping[str, Any] | None = None


class Wards:
    """The acts of one person on wards, for one purpose.

    All methods raise `Denied` when the policy does not allow them; the denial is logged.
    """

    def __init__(self, store: Store, person: Person, purpose: str) -> None:
        admit(store, person, purpose)
        self._store = store
        self._gate = Gate(store, person, purpose)

    def define(self, one: Ward) -> None:
        """Make a ward, or change it.

        Raises
        ------
        NotFound
            Somebody on its ladder is no person of this store.
        """
        content = canonical(asdict(one)).decode()
        with self._gate.act("list", "", "Ward") as work:
            owner = house.make(work.connection, self._store.vault)
            self._gate.check(work, "write", owner)
            self._known(work.connection, one)
            old = work.connection.execute(select(ward).where(ward.c.id == one.id)).first()
            if old is None:
                now = stamp(datetime.now(UTC))
                row = {"id": one.id, "content": content, "created": now}
                work.connection.execute(ward.insert(), row)
            else:
                work.connection.execute(
                    update(ward).where(ward.c.id == one.id).values(content=content)
                )
            work.log(self._gate.entry("ward-defined", "", f"Ward/{one.id}", asdict(one)))

    def tested(self, where: str, person: str) -> None:
        """Log that a test is sent to somebody on a ward's ladder, by whoever may define the ward.

        Raises
        ------
        NotFound
            No such ward, or that person is not on its ladder.
        """
        with self._gate.act("list", "", "Ward") as work:
            owner = house.make(work.connection, self._store.vault)
            self._gate.check(work, "write", owner)
            known = [one for one in wards(work.connection) if one.id == where]
            if not any(person in rung.to for one in known for rung in one.ladder):
                raise NotFound("nobody of that name on this ladder", "a person on it", "save it")
            detail = {"to": person}
            work.log(self._gate.entry("page-tested", "", f"Ward/{where}", detail))

    def _known(self, connection: Connection, one: Ward) -> None:
        for person in {p for rung in one.ladder for p in rung.to if p != EVERYBODY}:
            if self._store.people.find(connection, person) is None:
                raise NotFound(
                    f"nobody here is called {person!r}", "the id of a person of this store", ""
                )

    def list(self) -> list[Ward]:
        """Return the wards, by id."""
        with self._store.database.transaction(reading=True) as connection:
            return wards(connection)

    def place(self, patient: str, where: str, bed: str = "") -> None:
        """Say where a patient lies; `where` empty: in no ward any more.

        Raises
        ------
        NotFound
            No such ward, or no such bed in a ward whose beds are listed.
        Conflict
            Somebody else lies in that bed.
        """
        bed = bed.strip()[:LONGEST_BED] if where else ""
        with self._gate.act("write", patient, f"Patient/{patient}") as work:
            if where:
                self._check_bed(work.connection, patient, where, bed)
            old = self._old(work.connection, patient)
            self._put(work, patient, where, bed, old.location if old else None)
            detail = {"ward": where}
            work.log(self._gate.entry("ward-placed", patient, f"Patient/{patient}", detail))

    def _check_bed(self, connection: Connection, patient: str, where: str, bed: str) -> None:
        connection.execute(select(ward.c.id).where(ward.c.id == where).with_for_update())
        known = {one.id: one for one in wards(connection)}
        if where not in known:
            raise NotFound("no such ward", "a ward that was defined", "define it first")
        if bed and known[where].beds and bed not in known[where].beds:
            raise NotFound("no such bed in this ward", "one of its beds", "choose one of the list")
        if bed and self._occupied(connection).get((where, bed), patient) != patient:
            raise Conflict(
                "somebody else lies in that bed", "a free bed", "choose another, or move them first"
            )

    def occupied(self) -> dict[tuple[str, str], str]:
        """Return who lies in each bed (ward, bed); empty for somebody this person may not read."""
        with self._gate.act("list", "", "Ward") as work:
            mine = set(self._gate.readable(work.connection))
            found = self._occupied(work.connection)
        return {bed: patient if patient in mine else "" for bed, patient in found.items()}

    def _occupied(self, connection: Connection) -> dict[tuple[str, str], str]:
        lying = select(ward_place.c.patient).where(ward_place.c.ward != "")
        names = [str(name) for name in connection.execute(lying).scalars()]
        found = places(connection, self._store.vault, names)
        return {(one.ward, one.bed): name for name, one in found.items() if one.bed}

    def place_of(self, patient: str) -> Place | None:
        """Return where a patient is, for whoever may read the record; None: nobody said."""
        with self._gate.act("read", patient, f"Patient/{patient}") as work:
            return self._old(work.connection, patient)

    def share_location(self, patient: str, location: Mapping[str, Any] | None) -> None:
        """Share where the patient is with whoever is paged; None: no more."""
        if location is not None:
            location = _checked(location)
        with self._gate.act("write", patient, f"Patient/{patient}") as work:
            old = self._old(work.connection, patient)
            where, bed = (old.ward, old.bed) if old else ("", "")
            self._put(work, patient, where, bed, location)
            detail = {"location": "shared" if location else "not shared"}
            work.log(self._gate.entry("ward-placed", patient, f"Patient/{patient}", detail))

    def _old(self, connection: Connection, patient: str) -> Place | None:
        return places(connection, self._store.vault, [patient]).get(patient)

    def _put(
        self,
        work: Work,
        patient: str,
        where: str,
        bed: str,
        location: Mapping[str, Any] | None,
    ) -> None:
        connection = work.connection
        key = self._store.vault.patient_key(connection, patient, lock=True)
        text = canonical({"bed": bed, "location": location}).decode()
        values = {
            "ward": where,
            "since": stamp(datetime.now(UTC)),
            "content": remarks.keep(connection, key, self._store.secrets, text),
        }
        mine = ward_place.c.patient == patient
        if connection.execute(select(ward_place.c.patient).where(mine)).first() is None:
            connection.execute(ward_place.insert(), values | {"patient": patient})
        else:
            connection.execute(update(ward_place).where(mine).values(**values))


def wards(connection: Connection) -> list[Ward]:
    """Return every ward, by id."""
    return [
        _ward(json.loads(row.content))
        for row in connection.execute(select(ward).order_by(ward.c.id))
    ]


def _ward(content: dict[str, Any]) -> Ward:
    ladder = tuple(Rung(rung["after_s"], tuple(rung["to"])) for rung in content["ladder"])
    beds = tuple(content.get("beds", ()))
    return Ward(**content | {"ladder": ladder, "beds": beds})


def places(connection: Connection, vault: Vault, patients: Sequence[str]) -> dict[str, Place]:
    """Return where patients are; those placed nowhere, or whose key is gone, are left out."""
    rows = [
        row
        for part in in_parts(select(ward_place), ward_place.c.patient, patients)
        for row in connection.execute(part)
    ]
    contents = texts(connection, vault, rows)
    return {
        row.patient: Place(
            row.patient,
            row.ward,
            datetime.fromisoformat(row.since),
            **json.loads(contents[row.content]),
        )
        for row in rows
        if row.content in contents
    }


def _checked(location: Mapping[str, Any]) -> dict[str, Any]:
    """Return a location as it is kept.

    Raises
    ------
    BadInput
        Neither words nor coordinates.
    """
    text = str(location.get("text", ""))[:200]
    latitude, longitude = location.get("latitude"), location.get("longitude")
    numbers = isinstance(latitude, int | float) and isinstance(longitude, int | float)
    if not text and not numbers:
        raise BadInput(
            "a location without words or coordinates", "text, or latitude and longitude", ""
        )
    found: dict[str, Any] = {"at": stamp(datetime.now(UTC)), "text": text}
    if isinstance(latitude, int | float) and isinstance(longitude, int | float):
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            raise BadInput("coordinates that are nowhere", "latitude and longitude in degrees", "")
        found |= {"latitude": float(latitude), "longitude": float(longitude)}
    return found
