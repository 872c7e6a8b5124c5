"""Who acts: persons with a role. Signing in is the server's work; the credential is opaque here."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import BindParameter, Connection, Row, bindparam, select, update

from suwen.core.codes import Language
from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.records.database import Prepared, insert_many
from suwen.records.index import stamp
from suwen.records.keys import seal, unseal
from suwen.records.tables import break_glass, care_team
from suwen.records.tables import person as table

Role = Literal["clinician", "nurse", "patient", "scientist", "administrator"]
Relation = Literal["care-team", "break-glass", "self", "house", "any"]
"""What binds a person to a patient; `any` in a rule asks for no bond."""
ROLES: tuple[Role, ...] = ("clinician", "nurse", "patient", "scientist", "administrator")
PERSON_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True)
class Person:
    """Someone who acts on the store.

    Parameters
    ----------
    id
        Name used to sign in; it stands in the decision log, so it must not tell a patient's name.
    name
        Name shown to others; sealed in the store.
    role
        What the access policy speaks of.
    patient
        For the role `patient`: the patient this person is.
    """

    id: str
    name: str
    role: Role
    patient: str | None = None
    language: Language = "en"
    active: bool = True


class People:
    """The persons of one store, on a connection of the caller's."""

    def __init__(self, cipher: AESGCM) -> None:
        self._cipher = cipher

    def add(self, connection: Connection, person: Person, credential: str) -> None:
        """Add a person.

        Raises
        ------
        BadInput
            An id or role that cannot be.
        Conflict
            A person of that id is there already.
        """
        if not PERSON_ID.fullmatch(person.id) or person.role not in ROLES:
            raise BadInput(
                "the person's id or role cannot be used",
                f"letters, digits and ._@- (at most 64), and one of {', '.join(ROLES)}",
                "choose another",
            )
        if (person.role == "patient") != (person.patient is not None):
            raise BadInput(
                "the role patient and the patient's id belong together", "both or neither", ""
            )
        if connection.execute(select(table.c.id).where(table.c.id == person.id)).first():
            raise Conflict(f"a person {person.id!r} is there already", "a new id", "choose another")
        connection.execute(
            table.insert().values(
                id=person.id,
                name=seal(self._cipher, f"person|{person.id}", person.name.encode()),
                role=person.role,
                language=person.language,
                patient=person.patient,
                credential=credential,
                active=person.active,
                created=stamp(datetime.now(UTC)),
            )
        )

    def find(self, connection: Connection, name: str) -> Person | None:
        """Return the person of that id."""
        row = connection.execute(select(table).where(table.c.id == name)).first()
        return None if row is None else self._person(row)

    def all(self, connection: Connection) -> list[Person]:
        """Return everyone, by id."""
        return [self._person(row) for row in connection.execute(select(table).order_by(table.c.id))]

    def credential(self, connection: Connection, name: str) -> str:
        """Return the opaque credential of a person.

        Raises
        ------
        NotFound
            No such person.
        """
        found = connection.execute(select(table.c.credential).where(table.c.id == name)).scalar()
        if found is None:
            raise _nobody()
        return str(found)

    def change(
        self, connection: Connection, name: str, *, credential: str | None, active: bool | None
    ) -> None:
        """Change a person's credential, or whether the person may act.

        Raises
        ------
        NotFound
            No such person.
        """
        values: dict[str, Any] = {}
        if credential is not None:
            values["credential"] = credential
        if active is not None:
            values["active"] = active
        if (
            connection.execute(update(table).where(table.c.id == name).values(**values)).rowcount
            != 1
        ):
            raise _nobody()

    def _person(self, row: Row[Any]) -> Person:
        name = unseal(self._cipher, f"person|{row.id}", bytes(row.name)).decode()
        language = cast("Language", row.language)
        return Person(row.id, name, row.role, row.patient, language, row.active)


def _nobody() -> NotFound:
    return NotFound("no such person", "the id of a person of this store", "check the id")


_PERSON: BindParameter[str] = bindparam("person")
_PATIENT: BindParameter[str] = bindparam("patient")
_NOW: BindParameter[str] = bindparam("now")
_team = select(care_team.c.patient).where(care_team.c.person == _PERSON)
_glass = select(break_glass.c.patient).where(
    break_glass.c.person == _PERSON,
    break_glass.c.until > _NOW,
    break_glass.c.outcome.is_(None) | (break_glass.c.outcome == "justified"),
)
_TEAM, _TEAM_OF = Prepared(_team), Prepared(_team.where(care_team.c.patient == _PATIENT))
_GLASS, _GLASS_OF = Prepared(_glass), Prepared(_glass.where(break_glass.c.patient == _PATIENT))


def in_team(connection: Connection, patient: str, person: str) -> bool:
    """Whether a person belongs to a patient's care team."""
    return _TEAM_OF(connection, person=person, patient=patient).first() is not None


def join_team(connection: Connection, patient: str, person: str) -> None:
    """Make a person a member of a patient's care team."""
    if not in_team(connection, patient, person):
        row = {"patient": patient, "person": person, "since": stamp(datetime.now(UTC))}
        insert_many(connection, care_team, [row])


def bonds(
    connection: Connection, person: Person, patient: str | None = None
) -> defaultdict[str, frozenset[Relation]]:
    """Return what binds a person to each patient, or to one: own team, open glass, own self."""
    now = stamp(datetime.now(UTC))
    found: defaultdict[str, frozenset[Relation]] = defaultdict(frozenset)
    team, glass = (_TEAM, _GLASS) if patient is None else (_TEAM_OF, _GLASS_OF)
    for name in team(connection, person=person.id, patient=patient).scalars():
        found[name] |= {"care-team"}
    for name in glass(connection, person=person.id, patient=patient, now=now).scalars():
        found[name] |= {"break-glass"}
    if person.role == "patient" and person.patient and patient in (None, person.patient):
        found[person.patient] |= {"self"}
    return found
