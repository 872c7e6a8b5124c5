"""Administration: people, care teams, reviews of broken glass, keys, the whole log.

No method returns the content of a patient. Each is checked against the policy and logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from sqlalchemy import delete, select, update

from suwen.core.errors import BadInput, Conflict, KeyUnavailable, NotFound
from suwen.core.nouns import Decision
from suwen.records import remarks, rotation, sample_keys, uploads
from suwen.records.gate import Gate
from suwen.records.holdings import Holdings
from suwen.records.index import stamp
from suwen.records.keys import MasterKeySource
from suwen.records.people import Person, join_team
from suwen.records.tables import blob as blob_table
from suwen.records.tables import break_glass, care_team, patient_identifier, record, remark, token
from suwen.records.work import Work

Outcome = Literal["justified", "misuse"]
FILE = "file"
"""As the new place of the master key: the 0600 file in SUWEN_HOME."""


@dataclass(frozen=True)
class Glass:
    """One breaking of the glass, waiting for review or reviewed."""

    id: str
    patient: str
    person: str
    at: datetime
    until: datetime
    reason: str
    resolved_by: str | None
    outcome: str | None


class Administration:
    """The administrative acts of one person. Made by `Store.administer`."""

    def __init__(self, store: Holdings, person: Person, purpose: str) -> None:
        self.person = person
        self.purpose = purpose
        self._store = store
        self._gate = Gate(store, person, purpose)

    def add_person(self, person: Person, credential: str) -> None:
        """Add a person who may sign in."""
        with self._gate.act("manage", "", "") as work:
            self._store.people.add(work.connection, person, credential)
            self._log(work, "person-added", "", f"Person/{person.id}", role=person.role)

    def change_person(
        self, name: str, *, credential: str | None = None, active: bool | None = None
    ) -> None:
        """Change a person's credential, or whether the person may act.

        Raises
        ------
        NotFound
            No such person.
        """
        if credential is None and active is None:
            raise BadInput("nothing to change", "a credential or whether the person is active", "")
        with self._gate.act("manage", "", "") as work:
            self._store.people.change(work.connection, name, credential=credential, active=active)
            changed = [
                n for n, v in (("credential", credential), ("active", active)) if v is not None
            ]
            self._log(work, "person-changed", "", f"Person/{name}", changed=changed)

    def share(self, patient: str, person: str, *, member: bool = True) -> None:
        """Add a person to a patient's care team, or take one out (`member=False`)."""
        with self._gate.act("share", patient, "") as work:
            self._store.vault.patient_key(work.connection, patient)
            if member:
                join_team(work.connection, patient, person)
            else:
                work.connection.execute(
                    delete(care_team).where(
                        care_team.c.patient == patient, care_team.c.person == person
                    )
                )
            self._log(work, "share", patient, f"Person/{person}", member=member)

    def reviews(self, *, all: bool = False) -> list[Glass]:
        """Return the broken glasses that wait for review (or all of them), oldest first."""
        query = select(break_glass).order_by(break_glass.c.at, break_glass.c.id)
        if not all:
            query = query.where(break_glass.c.outcome.is_(None))
        with self._gate.act("review", "", "") as work:
            found = []
            for row in work.connection.execute(query).all():
                try:
                    key = self._store.vault.patient_key(work.connection, row.patient)
                    reason = remarks.text_of(work.connection, key, row.remark)
                except KeyUnavailable:
                    reason = ""
                at, until = datetime.fromisoformat(row.at), datetime.fromisoformat(row.until)
                found.append(
                    Glass(
                        row.id,
                        row.patient,
                        row.person,
                        at,
                        until,
                        reason,
                        row.resolved_by,
                        row.outcome,
                    )
                )
            self._log(work, "review", "", "BreakGlass", n=len(found))
        return found

    def resolve(self, glass: str, outcome: Outcome) -> None:
        """Close a review; `misuse` ends the access at once.

        Raises
        ------
        NotFound
            No such review.
        Conflict
            It is closed already, or it is about the reviewer.
        """
        if outcome not in ("justified", "misuse"):
            raise BadInput("an unknown outcome", "justified or misuse", "choose one")
        with self._gate.act("review", "", "") as work:
            row = work.connection.execute(
                select(break_glass).where(break_glass.c.id == glass).with_for_update()
            ).first()
            if row is None:
                raise NotFound("no such review", "the id of one in the queue", "list the queue")
            if row.outcome is not None or row.person == self.person.id:
                raise Conflict(
                    "the review is closed, or is about you", "an open one about someone else", ""
                )
            work.connection.execute(
                update(break_glass)
                .where(break_glass.c.id == glass)
                .values(
                    outcome=outcome,
                    resolved_by=self.person.id,
                    resolved_at=stamp(datetime.now(UTC)),
                )
            )
            self._log(
                work,
                "reviewed",
                row.patient,
                f"BreakGlass/{glass}",
                outcome=outcome,
                who=row.person,
            )

    def log(self, after: int = 0) -> Sequence[Decision]:
        """Return the decision log of everyone, from the entry after `after`."""
        with self._gate.act("audit", "", "") as work:
            self._log(work, "log-read", "", "Decision", after=after)
        return list(self._store.log.entries(after=after))

    def export_log(self, path: Path) -> int:
        """Write the whole decision log as JSON Lines; return the number of entries."""
        with self._gate.act("audit", "", "") as work:
            self._log(work, "log-exported", "", "Decision")
        return self._store.log.export(path)

    def rotate_master_key(self, to: str = FILE) -> int:
        """Wrap every key with a new master key, in one transaction; return how many.

        Parameters
        ----------
        to
            Where the new key is: `env:NAME`, `command:...`, or `file` for a fresh key in
            SUWEN_HOME. Afterwards SUWEN_MASTER_KEY must say the same (empty for `file`).

        Raises
        ------
        KeyUnavailable
            The new key cannot be had; nothing was changed.
        BadInput
            It is the key in use.
        """
        source = MasterKeySource("" if to == FILE else to, self._store.home)
        with self._gate.act("manage", "", "") as work:
            key = source.prepare() if to == FILE else source.load()
            count = self._store.vault.rotate_master(work.connection, key)
            self._log(work, "master-key-rotated", "", "Key/master", n=count)
        self._store.vault.adopt(source)
        self._store.database.scrub(("keyring", "data_key"))
        return count

    def rotate_data_key(self, patient: str) -> int:
        """Seal all content of a patient anew with a fresh data key; return how many items.

        Cut off at any point, a second call goes on where the first ended.
        """
        with self._gate.act("manage", patient, "") as work:
            generation = rotation.begin(work.connection, self._store.vault, patient)
            subject = f"Key/{patient}"
            self._log(work, "data-key-rotated", patient, subject, generation=generation)
        return rotation.finish(self._store, patient, generation)

    def destroy_patient(self, patient: str, reason: str) -> None:
        """Destroy a patient's key: the content can never be read again. There is no way back.

        Search indexes, identifiers, remarks, blob files, samples and waiting uploads of the patient
        are removed as well.

        Raises
        ------
        NotFound
            No such patient.
        KeyUnavailable
            It was destroyed before.
        """
        if len(reason.strip()) < 3:
            raise BadInput("no usable reason was given", "at least 3 characters", "say why")
        with self._gate.act("destroy", patient, "") as work:
            connection = work.connection
            self._store.vault.destroy(connection, patient)
            names = connection.execute(
                select(blob_table.c.name).where(blob_table.c.patient == patient)
            ).scalars()
            files = list(names)
            for table in (token, patient_identifier, remark, blob_table):
                connection.execute(delete(table).where(table.c.patient == patient))
            sample_keys.destroy(connection, patient)
            connection.execute(
                update(record)
                .where(record.c.patient == patient)
                .values(content=b"", digest="", date_low=None, date_high=None)
            )
            digest = self._store.secrets.content_digest(reason.encode())
            self._log(
                work, "patient-key-destroyed", patient, f"Patient/{patient}", reason_digest=digest
            )
        self._store.blobs.remove(files)
        uploads.forget(self._store.home, patient)
        self._store.database.scrub(("data_key",))

    def _log(self, work: Work, act: str, patient: str, subject: str, **detail: object) -> None:
        work.log(self._gate.entry(act, patient, subject, detail))
