"""The record store: opens database, keys, policy and log, and hands out access to persons."""

from __future__ import annotations

from contextlib import AbstractContextManager

from sqlalchemy import func, select

from suwen.core.errors import NotFound, StorageUnavailable
from suwen.core.settings import Settings
from suwen.records import house
from suwen.records.access import Access
from suwen.records.administration import Administration
from suwen.records.gate import admit
from suwen.records.holdings import Holdings
from suwen.records.log import Act
from suwen.records.people import Person
from suwen.records.pseudonyms import Pseudonyms
from suwen.records.tables import log_head
from suwen.records.tables import patient as patient_table

DATABASE = "suwen.sqlite"
"""File of the default database; made with mode 0600, which its journal files inherit."""
OPERATOR = "operator"
"""Stands in the decision log for who holds the machine and acts without signing in."""


class Store(Holdings, AbstractContextManager["Store"]):
    """The records of one installation. Safe to share between threads; close it when done.

    `open` creates what is missing (folder, database, key file) and migrates the schema.
    """

    @classmethod
    def open(cls, settings: Settings) -> Store:
        """Open the store of these settings.

        Raises
        ------
        KeyUnavailable
            The master key is missing, wrong, or its file may be read by others.
        StorageUnavailable
            The folder or the database cannot be used.
        """
        home = settings.home
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not settings.database_url:
                (home / DATABASE).touch(mode=0o600)
        except OSError as error:
            raise StorageUnavailable(
                f"SUWEN_HOME cannot be made ({type(error).__name__})", "a writable folder", ""
            ) from None
        return cls(home, settings.store_url, settings.master_key)

    def __exit__(self, *_: object) -> None:
        self.close()

    def session(self, person: Person, purpose: str) -> Access:
        """Return what this person may do for this purpose; every call is checked and logged.

        Raises
        ------
        Denied
            The purpose is not in the policy, or the person was deactivated or changed role.
        """
        admit(self, person, purpose)
        return Access(self, person, purpose)

    def administer(self, person: Person, purpose: str = "administration") -> Administration:
        """Return the administrative acts of this person; every call is checked and logged.

        Raises
        ------
        Denied
            As for `session`.
        """
        admit(self, person, purpose)
        return Administration(self, person, purpose)

    def pseudonyms(self, person: Person, purpose: str, project: str) -> Pseudonyms:
        """Return what this person may do with the pseudonyms of a project; checked and logged.

        Raises
        ------
        Denied
            As for `session`.
        """
        admit(self, person, purpose)
        return Pseudonyms(self, person, purpose, project)

    def add_person(self, person: Person, credential: str, by: str = OPERATOR) -> None:
        """Add a person who may sign in; `credential` is kept as given (a password hash).

        Raises
        ------
        BadInput, Conflict
            The id cannot be used, or is taken.
        """
        with self.work() as work:
            self.people.add(work.connection, person, credential)
            detail = {"role": person.role}
            work.log(Act(by, "person-added", "", f"Person/{person.id}", "administration", detail))

    def person(self, name: str) -> Person:
        """Return the person of that id.

        Raises
        ------
        NotFound
            No such person.
        """
        with self.database.transaction(reading=True) as connection:
            if (found := self.people.find(connection, name)) is None:
                raise NotFound("no such person", "the id of a person of this store", "check it")
        return found

    def persons(self) -> list[Person]:
        """Return everyone, by id."""
        with self.database.transaction(reading=True) as connection:
            return self.people.all(connection)

    def credential(self, name: str) -> str:
        """Return the opaque credential of a person.

        Raises
        ------
        NotFound
            No such person.
        """
        with self.database.transaction(reading=True) as connection:
            return self.people.credential(connection, name)

    def counts(self) -> dict[str, int]:
        """Return how many patients and log entries there are, for `suwen doctor` and metrics."""
        with self.database.transaction(reading=True) as connection:
            patients = connection.execute(select(func.count()).select_from(patient_table)).scalar()
            entries = connection.execute(select(log_head.c.entries)).scalar()
            own = bool(house.find(connection, self.secrets))
        return {"patients": int(patients or 0) - own, "decisions": int(entries or 0)}
