"""Access: what one person may do for one purpose. Every call passes the policy and is logged."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.core.nouns import Case, Decision, Finding, Record, Report
from suwen.records import (
    acts,
    blobstore,
    drafting,
    house,
    reading,
    registration,
    remarks,
    signed,
    summary,
    writing,
)
from suwen.records.acts import Entry, Version
from suwen.records.gate import Gate
from suwen.records.holdings import Holdings
from suwen.records.index import stamp
from suwen.records.people import Person
from suwen.records.summary import PatientSummary
from suwen.records.tables import break_glass

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Access:
    """The acts of one person for one purpose. Made by `Store.session`.

    All methods raise `Denied` when the policy does not allow them (the denial is logged), and
    `StorageUnavailable` when database, disk or decision log cannot be written; then nothing was
    done. Methods that touch a patient's content raise `KeyUnavailable` once that patient's key was
    destroyed, and `NotFound` for an unknown patient.
    """

    def __init__(self, store: Holdings, person: Person, purpose: str) -> None:
        self.person = person
        self.purpose = purpose
        self._store = store
        self._gate = Gate(store, person, purpose)

    def put(
        self,
        resources: Sequence[dict[str, Any] | Finding | Report],
        patient: str,
        *,
        expected: Mapping[str, int] | None = None,
        entries: Sequence[Entry] = (),
    ) -> list[Record]:
        """Store resources of one patient: all in one transaction, or none.

        A resource equal to its newest version makes no new version. Findings and Reports are given
        as the nouns themselves. See `records.writing` for what happens to ids and references.

        Parameters
        ----------
        resources
            FHIR R4 resources as read from JSON, and the nouns Finding and Report.
        patient
            The patient all of them are about.
        expected
            `Type/id` to the version this change was made from (0: not there yet).
        entries
            Decisions that belong to these resources.

        Returns
        -------
        list of Record
            One a resource, in order.

        Raises
        ------
        BadInput
            A resource is not valid, or the resources name several patients.
        Conflict
            Someone else wrote first.
        """
        for entry in entries:
            acts.may_log(entry.act)
        with self._gate.act("write", patient, "") as work:
            items = drafting.drafts(resources, patient, self._store.secrets)
            key = self._store.vault.patient_key(work.connection, patient, lock=True)
            records, written = writing.store(
                work.connection, key, self._store.secrets, items, expected or {}
            )
            logged = []
            if written:
                logged.append(self._gate.entry("put", patient, written[0], acts.many(written)))
            for entry in entries:
                self._gate.check(work, acts.action_of(entry.act), patient)
                detail = remarks.sealed(work.connection, key, self._store.secrets, entry.detail)
                subject = records[entry.of].reference
                logged.append(self._gate.entry(entry.act, patient, subject, detail, entry.key))
            work.log_all(logged)
        return records

    def put_blob(self, patient: str, data: bytes, media_type: str) -> str:
        """Store bytes of a patient; return their SHA-256, by which they are read again."""
        return self.put_blobs(patient, [(data, media_type)])[0]

    def put_blobs(self, patient: str, items: Sequence[tuple[bytes, str]]) -> list[str]:
        """Store several blobs (data, media type) in one transaction; return their SHA-256."""
        with self._gate.act("write", patient, "") as work:
            key = self._store.vault.patient_key(work.connection, patient, lock=True)
            addresses, written = blobstore.put(self._store, work.connection, key, items)
            if written:
                subject = f"blob/{written[0]}"
                detail = acts.many([f"blob/{address}" for address in written])
                work.log(self._gate.entry("put-blobs", patient, subject, detail))
        return addresses

    def read(self, reference: str, patient: str | None = None) -> Record:
        """Return a record: `Type/id/_history/n`, or `Type/id` for its newest version.

        With `patient`, an id given from outside (a Finding's own id, say) is found too.

        Raises
        ------
        NotFound
            No such record, or it was deleted.
        """
        name, owner = reading.located(self._store.database, self._store.secrets, reference, patient)
        with self._gate.act("read", owner, f"{name.type}/{name.id}") as work:
            row = reading.one(work.connection, name)
            key = self._store.vault.patient_key(work.connection, owner)
            if not signed.readable(work.connection, self._store, self._gate, [row]):
                raise NotFound("this is not signed yet", "a signed report or what stands in it", "")
            record = reading.opened(row, key)
            work.log(self._gate.entry("read", owner, record.reference, {}))
        return record

    def blob(self, patient: str, sha256: str) -> bytes:
        """Return stored bytes by their SHA-256 (or by `blob/<sha256>`).

        Raises
        ------
        NotFound
            Not stored for this patient.
        IntegrityError
            The file is not what was written.
        """
        address = sha256.removeprefix("blob/")
        if not _DIGEST.fullmatch(address):
            raise BadInput("what was given is no SHA-256", "64 hexadecimal digits", "correct it")
        with self._gate.act("read", patient, f"blob/{address}") as work:
            data = blobstore.get(self._store, work.connection, patient, address)
            work.log(self._gate.entry("blob", patient, f"blob/{address}", {}))
        return data

    def search(
        self,
        type: str,
        patient: str | None = None,
        *,
        code: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        identifier: str | None = None,
        limit: int = 1000,
    ) -> list[Record]:
        """Return the current records of a type that match, in the order they were stored.

        Without `patient`, those of all patients this person is bound to. `code` and `identifier`
        are `system|value` or the bare value; `since` and `until` meet the record's own time.
        A Finding is found by its task (`code=TASK NAME`), a Report by its status.
        """
        if not _TYPE.fullmatch(type):
            raise BadInput("what was given is no resource type", "a FHIR type", "correct it")
        wanted = reading.Search(type, code, since, until, identifier, limit)
        with self._gate.act("list" if patient is None else "read", patient or "", type) as work:
            patients = self._gate.readable(work.connection) if patient is None else [patient]
            if patient is not None:
                self._store.vault.patient_key(work.connection, patient)
            rows = reading.search(work.connection, self._store.secrets, patients, wanted)
            rows = signed.readable(work.connection, self._store, self._gate, rows)
            found = reading.opened_all(work.connection, self._store.vault, rows)
            detail = acts.many([record.reference for record in found]) | {
                name: self._store.secrets.hashed(f"search|{value}")
                for name, value in (("code", code), ("identifier", identifier))
                if value is not None
            }
            work.log(self._gate.entry("search", patient or "", type, detail))
        return found

    def history(self, reference: str, patient: str | None = None) -> list[Version]:
        """Return every version of a record, oldest first, tombstones included."""
        name, owner = reading.located(self._store.database, self._store.secrets, reference, patient)
        with self._gate.act("read", owner, f"{name.type}/{name.id}") as work:
            self._store.vault.patient_key(work.connection, owner)
            rows = reading.versions(work.connection, name)
            work.log(self._gate.entry("history", owner, f"{name.type}/{name.id}", {}))
        return [
            Version(reading.reference_of(row), datetime.fromisoformat(row.at), row.deleted)
            for row in rows
        ]

    def delete(self, reference: str, reason: str, patient: str | None = None) -> str:
        """Delete a record: its newest version becomes a tombstone, whose reference is returned.

        Raises
        ------
        Conflict
            The reference names a version that is not the newest.
        NotFound
            No such record, or it is deleted already.
        """
        acts.check_reason(reason)
        name, owner = reading.located(self._store.database, self._store.secrets, reference, patient)
        with self._gate.act("delete", owner, f"{name.type}/{name.id}") as work:
            key = self._store.vault.patient_key(work.connection, owner, lock=True)
            head = writing.heads(work.connection, [(name.type, name.id)])[name.type, name.id]
            if head.deleted:
                raise NotFound("the record is deleted already", "a record", "")
            if name.version not in (None, head.version):
                raise Conflict("a newer version exists", f"version {head.version}", "read it first")
            written = writing.tombstone(work.connection, key, (name.type, name.id), head, reason)
            detail = remarks.sealed(work.connection, key, self._store.secrets, {"reason": reason})
            work.log(self._gate.entry("delete", owner, written, detail))
        return written

    def case(
        self,
        patient: str,
        at: datetime | None = None,
        *,
        references: Sequence[str] | None = None,
    ) -> Case:
        """Return everything recorded about a patient: now, at a moment, or exactly `references`.

        Findings and Reports are no part of a Case. Blobs are decrypted when asked for; opening the
        Case is the access that is checked and logged.

        Raises
        ------
        NotFound
            One of `references` is not stored for this patient.
        """
        store, moment = self._store, at or datetime.now(UTC)
        with self._gate.act("read", patient, f"Patient/{patient}") as work:
            key = store.vault.patient_key(work.connection, patient)
            if references is None:
                rows = reading.at_moment(work.connection, patient, at)
            else:
                kept = [name for name in references if not name.startswith("blob/")]
                rows = reading.named(work.connection, patient, kept)
            rows = signed.readable(work.connection, self._store, self._gate, rows)
            records = tuple(reading.opened(row, key) for row in rows)
            detail = acts.many([record.reference for record in records])
            work.log(self._gate.entry("case", patient, f"Patient/{patient}", detail))

        def blob(sha256: str) -> bytes:
            with store.database.transaction(reading=True) as connection:
                return blobstore.get(store, connection, patient, sha256.removeprefix("blob/"))

        return Case(patient, moment, records, blob)

    def patients(self) -> list[PatientSummary]:
        """Return the patients this person is bound to (team, open glass, self), newest first."""
        with self._gate.act("list", "", "Patient") as work:
            names = self._gate.readable(work.connection)
            found = summary.of(work.connection, self._store.vault, names)
            work.log(
                self._gate.entry("list", "", "Patient", acts.many([item.patient for item in found]))
            )
        return found

    def new_patient(self, identifiers: Sequence[tuple[str, str]]) -> str:
        """Return the patient of these identifiers (system, value); make one when there is none.

        Whoever makes a patient joins the care team. Finding one gives no access: that needs the
        care team or a broken glass.

        Raises
        ------
        Conflict
            The identifiers belong to different patients.
        """
        with self._gate.act("register", "", "Patient") as work:
            name, made = registration.find_or_make(
                work.connection, self._store.vault, identifiers, self.person.id
            )
            work.log(self._gate.entry("register", name, f"Patient/{name}", {"made": made}))
        return name

    def house(self, make: bool = False) -> str:
        """Return what the records of the house itself are kept of, as if it were a patient.

        Empty where this person may not read them, or before they were made; with `make` they are
        made by whoever may write them.
        """
        if not make:
            if not self._gate.may_in_house("read"):
                return ""
            with self._store.database.transaction(reading=True) as connection:
                return house.find(connection, self._store.secrets)
        with self._gate.act("register", "", "Patient") as work:
            name = house.make(work.connection, self._store.vault)
            self._gate.check(work, "write", name)
            work.log(self._gate.entry("register", name, f"Patient/{name}", {"house": True}))
        return name

    def break_glass(self, patient: str, reason: str) -> datetime:
        """Open a patient's record without belonging to the care team; return until when.

        The act lands in the review queue (`Administration.reviews`).

        Raises
        ------
        BadInput
            No reason is given.
        """
        acts.check_reason(reason)
        until = datetime.now(UTC) + timedelta(minutes=self._store.policy.break_glass_minutes)
        with self._gate.act("open", patient, f"Patient/{patient}") as work:
            secrets = self._store.secrets
            key = self._store.vault.patient_key(work.connection, patient)
            detail = remarks.sealed(work.connection, key, secrets, {"reason": reason})
            glass = secrets.new_id()
            work.connection.execute(
                break_glass.insert().values(
                    id=glass,
                    patient=patient,
                    person=self.person.id,
                    at=stamp(datetime.now(UTC)),
                    until=stamp(until),
                    remark=detail["reason"]["remark"],
                )
            )
            detail |= {"review": glass, "until": stamp(until)}
            work.log(self._gate.entry("break-glass", patient, f"Patient/{patient}", detail))
        return until

    def decide(
        self,
        act: str,
        patient: str,
        subject: str,
        detail: Mapping[str, Any],
        key: str | None = None,
    ) -> Decision:
        """Append a finding or a human act to the decision log.

        What stands in `detail` under `reason`, `text` or `comment` is kept sealed outside the log;
        the log names it by a keyed digest. A second call with the same `key` returns the first
        entry.

        Raises
        ------
        BadInput
            The act is one only the store writes, or the detail is not JSON.
        Conflict
            The key was used for something else.
        """
        acts.may_log(act)
        with self._gate.act(acts.action_of(act), patient, subject) as work:
            cipher = self._store.vault.patient_key(work.connection, patient)
            kept = remarks.sealed(work.connection, cipher, self._store.secrets, detail)
            return work.log(self._gate.entry(act, patient, subject, kept, key))

    def decisions(self, patient: str) -> list[Decision]:
        """Return the decision log of a patient, with the reasons people gave in the clear."""
        with self._gate.act("log", patient, f"Patient/{patient}") as work:
            key = self._store.vault.patient_key(work.connection, patient)
            found = [
                remarks.opened(work.connection, key, entry)
                for entry in self._store.log.of_patient(work.connection, patient)
            ]
            work.log(self._gate.entry("log-read", patient, f"Patient/{patient}", {"n": len(found)}))
        return found
