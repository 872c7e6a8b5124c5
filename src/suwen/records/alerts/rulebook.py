"""Rules of alerts as they are enabled, and the dry runs that come before.

A rule can only be enabled where a dry run of that very rule (its fingerprint) on that very history
(the patient's, or the ward's) is kept. What a rule is, is not known here: it is JSON with a key and
a fingerprint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Row, select, update

from suwen.core.errors import Conflict, NotFound
from suwen.core.nouns import canonical
from suwen.records import acts, house, remarks
from suwen.records.alert_tables import alert_rule, alert_trial
from suwen.records.alerts.rows import moment, texts
from suwen.records.alerts.wards import wards
from suwen.records.gate import Gate, admit
from suwen.records.index import stamp
from suwen.records.people import Person
from suwen.records.policy import Action
from suwen.records.vault import Vault
from suwen.records.work import Work

if TYPE_CHECKING:
    from suwen.records.store import Store

TRIAL_DAYS: Final = 90
"""A dry run says what a rule does for so long; then the ward has changed."""


@dataclass(frozen=True)
class Scope:
    """Whom a rule is for: one patient, the patients of a ward, or (both empty) of all wards."""

    patient: str = ""
    ward: str = ""


@dataclass(frozen=True)
class Enabled:
    """A rule as somebody enabled it; `content` is the rule."""

    id: str
    scope: Scope
    key: str
    fingerprint: str
    trial: str
    enabled: datetime
    enabled_by: str
    disabled: datetime | None
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Trial:
    """A dry run; `content` holds the rule and what it would have said."""

    id: str
    scope: Scope
    fingerprint: str
    by: str
    at: datetime
    content: Mapping[str, Any]


class AlertRules:
    """The acts of one person on rules, for one purpose.

    A patient's rule asks for what a decision about the patient asks for; a ward's for a decision in
    the house. All methods raise `Denied` when the policy does not allow them.
    """

    def __init__(self, store: Store, person: Person, purpose: str) -> None:
        admit(store, person, purpose)
        self._store = store
        self._gate = Gate(store, person, purpose)

    def keep_trial(
        self, scope: Scope, rule: Mapping[str, Any], fingerprint: str, result: Mapping[str, Any]
    ) -> str:
        """Keep a dry run; return its id."""
        with self._gate.act("list", "", "AlertRule") as work:
            owner = self._owner(work, scope, "decide")
            name = self._store.secrets.new_id()
            text = canonical({"rule": rule, "result": result}).decode()
            work.connection.execute(
                alert_trial.insert().values(
                    id=name,
                    owner=owner,
                    ward=scope.ward,
                    fingerprint=fingerprint,
                    by=self._gate.person.id,
                    at=stamp(datetime.now(UTC)),
                    content=self._sealed(work, owner, text),
                )
            )
            detail = {"fingerprint": fingerprint, "ward": scope.ward}
            entry = self._gate.entry
            work.log(entry("alert-rule-tried", scope.patient, f"AlertTrial/{name}", detail))
        return name

    def enable(self, scope: Scope, rule: Mapping[str, Any], fingerprint: str) -> str:
        """Let a rule raise alerts from now on; return its id. One of the same key is replaced.

        Raises
        ------
        Conflict
            There is no dry run of this very rule on this history, or it is too old.
        """
        key, now = str(rule["key"]), datetime.now(UTC)
        with self._gate.act("list", "", "AlertRule") as work:
            owner = self._owner(work, scope, "decide")
            trial = self._trial(work.connection, owner, scope, fingerprint, now)
            for row in _live(work.connection, owner, scope.ward, key):
                self._end(work, row, scope, now, {"replaced": True})
            name = self._store.secrets.new_id()
            work.connection.execute(
                alert_rule.insert().values(
                    id=name,
                    owner=owner,
                    ward=scope.ward,
                    key=key,
                    fingerprint=fingerprint,
                    trial=trial,
                    enabled=stamp(now),
                    enabled_by=self._gate.person.id,
                    content=self._sealed(work, owner, canonical(rule).decode()),
                )
            )
            detail = {"fingerprint": fingerprint, "trial": trial, "rule": key, "ward": scope.ward}
            entry = self._gate.entry
            work.log(entry("alert-rule-enabled", scope.patient, f"AlertRule/{name}", detail))
        return name

    def disable(self, rule: str, reason: str) -> None:
        """Let a rule raise no more alerts.

        Raises
        ------
        NotFound
            No such rule is enabled.
        """
        acts.check_reason(reason)
        now = datetime.now(UTC)
        with self._gate.act("list", "", "AlertRule") as work:
            query = select(alert_rule).where(alert_rule.c.id == rule)
            row = work.connection.execute(query.where(alert_rule.c.disabled.is_(None))).first()
            if row is None:
                raise NotFound("no such rule is enabled", "an enabled rule", "list them")
            scope = self._scope(work.connection, row)
            owner = self._owner(work, scope, "decide")
            key = self._store.vault.patient_key(work.connection, owner)
            secrets = self._store.secrets
            detail = remarks.sealed(work.connection, key, secrets, {"reason": reason})
            self._end(work, row, scope, now, detail)

    def list(self) -> list[Enabled]:
        """Return the enabled rules this person may see, the house's first."""
        with self._gate.act("list", "", "AlertRule") as work:
            mine = set(self._gate.readable(work.connection))
            own = house.find(work.connection, self._store.secrets)
            seen = enabled(work.connection, self._store.vault, own)
            return [one for one in seen if not one.scope.patient or one.scope.patient in mine]

    def ever(self, fingerprint: str) -> Mapping[str, Any] | None:
        """Return a rule as it was when it was enabled, also one that is disabled now."""
        with self._gate.act("list", "", "AlertRule") as work:
            query = select(alert_rule).where(alert_rule.c.fingerprint == fingerprint)
            rows = work.connection.execute(query).all()
            contents = texts(work.connection, self._store.vault, rows)
            found = [contents[row.content] for row in rows if row.content in contents]
            return dict(json.loads(found[-1])) if found else None

    def trials(self, scope: Scope) -> Sequence[Trial]:
        """Return the dry runs of a patient's or a ward's history, the newest first."""
        with self._gate.act("list", "", "AlertRule") as work:
            owner = self._owner(work, scope, "read")
            query = select(alert_trial).where(
                alert_trial.c.owner == owner, alert_trial.c.ward == scope.ward
            )
            rows = work.connection.execute(query.order_by(alert_trial.c.at.desc()).limit(50)).all()
            contents = texts(work.connection, self._store.vault, rows)
            return [
                Trial(row.id, scope, row.fingerprint, row.by, datetime.fromisoformat(row.at),
                      json.loads(contents[row.content]))
                for row in rows
                if row.content in contents
            ]  # fmt: skip

    def _owner(self, work: Work, scope: Scope, action: Action) -> str:
        if scope.patient:
            self._gate.check(work, action, scope.patient)
            return scope.patient
        if scope.ward and not any(one.id == scope.ward for one in wards(work.connection)):
            raise NotFound("no such ward", "a ward that was defined", "define it first")
        owner = house.make(work.connection, self._store.vault)
        self._gate.check(work, action, owner)
        return owner

    def _scope(self, connection: Connection, row: Row[Any]) -> Scope:
        own = row.owner == house.find(connection, self._store.secrets)
        return Scope("" if own else row.owner, row.ward)

    def _sealed(self, work: Work, owner: str, text: str) -> str:
        key = self._store.vault.patient_key(work.connection, owner, lock=True)
        return remarks.keep(work.connection, key, self._store.secrets, text)

    def _trial(
        self, connection: Connection, owner: str, scope: Scope, fingerprint: str, now: datetime
    ) -> str:
        query = select(alert_trial).where(
            alert_trial.c.owner == owner,
            alert_trial.c.ward == scope.ward,
            alert_trial.c.fingerprint == fingerprint,
        )
        row = connection.execute(query.order_by(alert_trial.c.at.desc())).first()
        if row is None or (now - datetime.fromisoformat(row.at)).days >= TRIAL_DAYS:
            raise Conflict(
                "this very rule was not tried on this history",
                f"a dry run of the last {TRIAL_DAYS} days with the same limits and times",
                "make a dry run, look at it, then enable the rule",
            )
        return str(row.id)

    def _end(
        self, work: Work, row: Row[Any], scope: Scope, now: datetime, detail: Mapping[str, Any]
    ) -> None:
        work.connection.execute(
            update(alert_rule).where(alert_rule.c.id == row.id).values(disabled=stamp(now))
        )
        subject = f"AlertRule/{row.id}"
        work.log(self._gate.entry("alert-rule-disabled", scope.patient, subject, detail))


def _live(connection: Connection, owner: str, ward: str, key: str) -> Sequence[Row[Any]]:
    query = select(alert_rule).where(
        alert_rule.c.owner == owner,
        alert_rule.c.ward == ward,
        alert_rule.c.key == key,
        alert_rule.c.disabled.is_(None),
    )
    return connection.execute(query).all()


def enabled(connection: Connection, vault: Vault, own: str) -> list[Enabled]:
    """Return every rule that is enabled, the house's (`own`) first."""
    query = select(alert_rule).where(alert_rule.c.disabled.is_(None))
    rows = connection.execute(query.order_by(alert_rule.c.enabled)).all()
    contents = texts(connection, vault, rows)
    found = [
        Enabled(
            id=row.id,
            scope=Scope("" if row.owner == own else row.owner, row.ward),
            key=row.key,
            fingerprint=row.fingerprint,
            trial=row.trial,
            enabled=datetime.fromisoformat(row.enabled),
            enabled_by=row.enabled_by,
            disabled=moment(row.disabled),
            content=json.loads(contents[row.content]),
        )
        for row in rows
        if row.content in contents
    ]
    return sorted(found, key=lambda one: (bool(one.scope.patient), one.key))
