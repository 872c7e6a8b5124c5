"""Device exports into a patient's record: for the command line, and as a job for what was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from suwen.app.diagnose import PURPOSE
from suwen.app.jobs import RunStep
from suwen.app.services import operator, person_of
from suwen.cli import ImportRequest
from suwen.core.codes import Text
from suwen.core.errors import SuwenError
from suwen.core.quantities import unit_sign
from suwen.core.settings import Settings, settings
from suwen.core.streams import Stretch
from suwen.gateway.devices.files import sources, unpacked
from suwen.gateway.devices.importing import (
    Imported,
    import_readings,
    no_export,
    read_exports,
)
from suwen.gateway.devices.quantities import quantities
from suwen.gateway.devices.record import observed
from suwen.gateway.devices.sample import Source, Told, ZoneNeeded
from suwen.gateway.devices.signals import Recordings
from suwen.gateway.devices.times import zone_of
from suwen.records import Store
from suwen.records.streams.sample_writing import Kept
from suwen.records.streams.seen import Streams
from suwen.records.uploads import Uploads
from suwen.server.asking import PURPOSES

LISTED: Final = 60
"""Most kinds, reasons and files an account names."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def import_devices(request: ImportRequest, home: Settings | None = None) -> Imported:
    """Store the readings of a file or folder of one patient, as whoever holds the machine.

    Raises
    ------
    NotFound
        There is no such file, folder or patient.
    BadInput
        The zone is not known, or there are too many files.
    """
    zone = zone_of(request.zone) if request.zone else None
    with Store.open(home or settings()) as store:
        person = operator(store)
        access = store.session(person, PURPOSE)
        stored = access.read(f"Patient/{request.patient}").content
        streams = Streams(store, person, PURPOSE)
        files = sources(request.path, zone)
        born = str(stored.get("birthDate", ""))
        done = import_readings(files, request.patient, streams, born=born)
        observed(done, request.patient, streams, lambda made: access.put(made, request.patient))
    return done


class Importing:
    """The body of a job that reads what was sent for a patient (`records.uploads`).

    Reading again adds nothing, so that a crash at any moment loses nothing and doubles nothing;
    counts of what is new are then those of the last try.

    Parameters
    ----------
    store
        Where the files wait and the readings go.
    tell
        Called with how far it is, while it works.
    """

    def __init__(self, store: Store, tell: Callable[[str], None] = lambda _: None) -> None:
        self._store, self._tell = store, tell

    def __call__(self, payload: dict[str, Any], step: RunStep) -> dict[str, Any]:
        """Run; `payload` is described in `server.held.jobs`."""
        done = step("import", self._read, payload)
        if not done["asks"]:
            step("drop", self._drop, payload)
        return {"patient": payload["patient"], "told": done["told"]}

    def _read(self, payload: dict[str, Any]) -> dict[str, Any]:
        person = person_of(payload)
        purpose = PURPOSES[person.role]
        patient, upload = str(payload["patient"]), str(payload["upload"])
        uploads = Uploads(self._store, person, purpose)
        access = self._store.session(person, purpose)
        streams = Streams(self._store, person, purpose)
        sent = uploads.files(patient, upload)
        zone = zone_of(payload["zone"]) if payload.get("zone") else None
        files = [Source(one.name, one.size, one.open, zone) for one in sent]
        stored = access.search("Patient", patient)
        who = stored[-1].content if stored else {}
        recordings = Recordings(who)
        recordings.expect(unpacked(files))
        counting = _Counting(streams, self._tell)
        born, units = str(who.get("birthDate", "")), payload.get("units") or {}
        others = recordings.others(unpacked(files))
        done = read_exports(others, patient, counting, born=born, assumed=units)
        observed(done, patient, counting, lambda made: access.put(made, patient))
        found = recordings.store(access, patient)
        account = account_of(done, recordings, found)
        account |= {"sent": [one.name for one in sent][:LISTED], "zone": payload.get("zone", "")}
        account |= {"assumed": units}
        kept = uploads.account(
            patient, upload, account, stored=done.stored, known=done.absorbed, recordings=found
        )
        return {"told": kept, "asks": bool(account["questions"])}

    def _drop(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Remove the files once the account of them is kept for good."""
        person = person_of(payload)
        uploads = Uploads(self._store, person, PURPOSES[person.role])
        uploads.drop(str(payload["patient"]), str(payload["upload"]))
        return {}


class _Counting:
    """The sample store, telling how many readings it took."""

    def __init__(self, streams: Streams, tell: Callable[[str], None]) -> None:
        self._streams, self._tell, self._count = streams, tell, 0

    def put(self, patient: str, stretches: Sequence[Stretch], source: str = "") -> Kept:
        kept = self._streams.put(patient, stretches, source)
        self._count += sum(map(len, stretches))
        self._tell(f"import:{self._count}")
        return kept

    def read(self, patient: str, code: str, start: datetime, end: datetime) -> list[Stretch]:
        return self._streams.read(patient, code, start, end)


def account_of(done: Imported, recordings: Recordings, found: int) -> dict[str, Any]:
    """Return what became of an upload, as JSON: what was read, refused, and has to be asked."""
    zones = [name for name, error in done.errors if isinstance(error, ZoneNeeded)]
    wrong = [(name, error) for name, error in done.errors if not isinstance(error, ZoneNeeded)]
    if not (done.files or done.errors or recordings.reading.understood):
        wrong.append(("", no_export()))
    questions: dict[str, Any] = {}
    if zones:
        questions["zone"] = zones[:LISTED]
    if done.without_unit:
        questions["units"] = [_unit_question(k, n) for k, n in done.without_unit.most_common()]
    return {
        "files": dict(done.files),
        "kinds": list(_kinds(done)),
        "stored": done.stored,
        "known": done.absorbed + done.repeated,
        "conflicting": done.conflicting,
        "observations": done.observations,
        "recordings": [one.model_dump() for one in recordings.reading.understood[:LISTED]],
        "recorded": found,
        "not_recorded": [one.model_dump() for one in recordings.reading.not_understood[:LISTED]],
        "refused": _reasons(done.problems.refused),
        "left": _reasons(done.problems.left),
        "errors": _errors(wrong),
        "unknown": done.unknown[:LISTED],
        "questions": questions,
    }


def _kinds(done: Imported) -> Iterator[dict[str, Any]]:
    """Yield the channels, the fullest first."""
    known = quantities()
    channels = sorted(done.channels.items(), key=lambda item: -item[1].count)
    for channel, tally in channels[:LISTED]:
        name = known.by_key[known.by_code[channel.code]].text
        yield {
            "name": name.model_dump(),
            "unit": "" if channel.unit.startswith("{") else unit_sign(channel.unit),
            "count": tally.count,
            "first": _date(tally.first),
            "last": _date(tally.last),
            "device": channel.device,
        }


def _date(tick: int) -> str:
    return (_EPOCH + timedelta(microseconds=tick)).isoformat()


def _reasons(reasons: Mapping[Text, Told]) -> list[dict[str, Any]]:
    ordered = sorted(reasons.items(), key=lambda item: -item[1].count)
    return [
        {
            "reason": reason.model_dump(),
            "count": told.count,
            "first": told.first,
            "todo": told.todo.model_dump(),
        }
        for reason, told in ordered[:LISTED]
    ]


def _errors(errors: Sequence[tuple[str, SuwenError]]) -> list[dict[str, Any]]:
    """Return each error once, with the files that have it."""
    found: dict[str, dict[str, Any]] = {}
    for name, error in errors:
        one = found.setdefault(str(error), {**error.shape(), "files": []})
        if name:
            one["files"].append(name)
    return list(found.values())[:LISTED]


def _unit_question(key: str, count: int) -> dict[str, Any]:
    """Return the units a quantity may have been given in, each meaning once."""
    quantity, choices = quantities().by_key[key], dict[tuple[float, float], str]()
    for unit, meaning in quantity.units.items():
        choices.setdefault(meaning, unit)
    return {
        "key": key,
        "name": quantity.text.model_dump(),
        "count": count,
        "choices": list(choices.values()),
    }
