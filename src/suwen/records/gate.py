"""The gate every act passes: the policy is asked, denials are logged, work is one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from suwen.core.errors import Denied
from suwen.records import house
from suwen.records.holdings import Holdings
from suwen.records.log import Act
from suwen.records.people import PERSON_ID, Person, bonds
from suwen.records.policy import Action
from suwen.records.work import Work


@dataclass(frozen=True)
class Gate:
    """One person acting for one purpose on one store."""

    store: Holdings
    person: Person
    purpose: str

    @contextmanager
    def act(self, action: Action, patient: str, subject: str) -> Iterator[Work]:
        """Check the policy, then yield one unit of work.

        Parameters
        ----------
        action
            What is asked for, as the policy names it.
        patient
            The patient it is about; empty when about none.
        subject
            What a denial is logged against: a reference or a resource type.

        Raises
        ------
        Denied
            No rule allows it. The denial stands in the log.
        """
        try:
            with self.store.work() as work:
                self.check(work, action, patient)
                yield work
        except Denied:
            # What is no id of this store could be anything, a name say: it is not written down.
            known = not patient or self.store.secrets.is_own(patient)
            names = (patient, subject) if known else ("", "")
            detail = {"action": action, "role": self.person.role}
            with self.store.work() as work:
                work.log(self.entry("denied", *names, detail))
            raise

    def check(self, work: Work, action: Action, patient: str) -> None:
        """Raise `Denied` unless a rule of the policy allows `action` on `patient`."""
        bound = bonds(work.connection, self.person, patient)[patient] if patient else frozenset()
        if self.allows(action, bound):
            return
        own = patient and patient == house.find(work.connection, self.store.secrets)
        if own and self.may_in_house(action):
            return
        raise Denied(
            f"the role {self.person.role} may not {action!r} here for {self.purpose}",
            "a rule of the access policy that allows it",
            "join the care team, or break the glass with a reason where the policy allows that",
        )

    def may_in_house(self, action: Action) -> bool:
        """Whether a rule allows `action` on what belongs to no patient but to the house."""
        return self.allows(action, frozenset({"house"}))

    def readable(self, connection: Connection) -> list[str]:
        """Return the patients this person is bound to in a way that allows reading."""
        bound = bonds(connection, self.person)
        return sorted(name for name in bound if self.allows("read", bound[name]))

    def closed(self, connection: Connection, patients: Collection[str]) -> set[str]:
        """Return those of `patients` whose drafts this person may not read."""
        bound = bonds(connection, self.person)
        return {name for name in patients if not self.allows("draft", bound[name])}

    def allows(self, action: Action, bound: frozenset[Any]) -> bool:
        """Whether a rule allows `action` to this person, bound so to a patient."""
        return self.store.policy.allows(self.person.role, self.purpose, action, bound)

    def entry(
        self,
        act: str,
        patient: str,
        subject: str,
        detail: Mapping[str, Any],
        key: str | None = None,
    ) -> Act:
        """Return an entry for the decision log that names this person and purpose."""
        return Act(self.person.id, act, patient, subject, self.purpose, detail, key)


def admit(store: Holdings, person: Person, purpose: str) -> None:
    """Let a person in as they are stored, for a purpose of the policy; a refusal is logged.

    Raises
    ------
    Denied
        The purpose is not in the policy, or the person was deactivated or changed role.
    """
    with store.database.transaction(reading=True) as connection:
        stored = store.people.find(connection, person.id)
    if not PERSON_ID.fullmatch(person.id):
        raise Denied("the person's id cannot be used", "letters, digits and ._@-", "sign in")
    changed = stored is not None and (stored.role, stored.patient) != (
        person.role,
        person.patient,
    )
    if changed or not person.active or (stored is not None and not stored.active):
        reason = "the person was deactivated or has another role now"
    elif purpose not in store.policy.purposes:
        reason = "the purpose is not one the access policy knows"
    else:
        return
    store.note(person.id, "denied", {"action": "session", "purpose": purpose[:32]})
    raise Denied(
        reason,
        f"a purpose of {', '.join(sorted(store.policy.purposes))}, and the role as it is stored",
        "sign in again",
    )
