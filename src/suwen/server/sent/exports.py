"""Device data sent for a patient: what is taken, how an import stands, what has to be asked."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from fastapi import Request
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool

from suwen.core.codes import Language
from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.diagnosis.language import message
from suwen.records.uploads import MIB, MOST_FILES, Limits, Uploads
from suwen.server.asking import PURPOSES, Asking
from suwen.server.held.jobs import JobStatus
from suwen.server.language import moment, say
from suwen.server.sent.receiving import receive

WHOLE_FACTOR: Final = 2
"""A whole upload may be this many times the largest single file."""
RUNNING: Final = ("queued", "running")
UNIT_FIELD: Final = "unit-"
JOB_PATTERN: Final = r"^import-[A-Za-z0-9\-.]{1,64}-[0-9a-f]{24}$"


TAKEN: Final = (
    ("Apple Health", message("export.zip of the Health app, as it is")),
    ("Fitbit, Google Fit", message("the ZIP of Google Takeout, as it is")),
    ("Withings, iHealth", message("the JSON files of the account")),
    ("Garmin FIT", message("the files of the watch or of the account")),
    ("Open mHealth, IEEE 1752.1", message("JSON, one object or one a line")),
    ("FHIR R4", message("Observations, or a bundle of them")),
    ("Bluetooth GATT", message("what a cuff, scale or meter sent, as JSON")),
    ("CSV", message("a time and a column for each quantity, or code, time, value, unit")),
    ("WFDB, EDF", message("recordings of an ECG; a header with its signal files")),
)
"""What is recognised, and in which form it is expected."""
STATES: Final = {
    "queued": message("Waiting to start"),
    "running": message("Reading"),
    "done": message("Read"),
    "failed": message("Did not finish"),
}


@dataclass(frozen=True)
class Standing:
    """An import as a page shows it.

    Parameters
    ----------
    account
        What became of it (`app.importing.account_of`); empty while it runs.
    asks
        Its questions wait for an answer, and its files are there.
    read
        Readings taken so far, while it runs.
    """

    job: JobStatus
    state: str
    when: str
    person: str
    account: Mapping[str, Any]
    asks: bool
    read: int

    @property
    def runs(self) -> bool:
        """Say whether it is not over."""
        return self.job.state in RUNNING


def uploads_of(asking: Asking) -> Uploads:
    """Return the person's way to files that are sent."""
    return Uploads(asking.bench.store, asking.person, PURPOSES[asking.person.role])


def limits(asking: Asking) -> Limits:
    """Return how much an upload may bring."""
    file = asking.bench.settings.max_upload_mb * MIB
    return Limits(file, WHOLE_FACTOR * file)


def limits_told(asking: Asking) -> str:
    """Return how much an upload may bring, in words."""
    mb = asking.bench.settings.max_upload_mb
    return say(
        asking.language,
        "At most %(files)s files of %(mb)s MiB each, %(all)s MiB together.",
        files=MOST_FILES,
        mb=mb,
        all=WHOLE_FACTOR * mb,
    )


async def send(request: Request, asking: Asking, patient: str) -> str:
    """Take the files of a form in, sealed as they come, and ask for them to be read.

    Returns the job. What waits for the disk or the database waits in a thread.
    """
    uploads = await run_in_threadpool(uploads_of, asking)
    taking = uploads.receiving(patient, limits(asking))
    async with contextmanager_in_threadpool(taking) as sent:
        await receive(request, sent)
    return await run_in_threadpool(submit, asking, patient, sent.id)


def submit(
    asking: Asking,
    patient: str,
    upload: str,
    zone: str = "",
    units: Mapping[str, str] | None = None,
) -> str:
    """Ask for what was sent to be read; return the job."""
    name = f"{_prefix(patient)}{secrets.token_hex(12)}"
    payload = asking.job_payload(patient=patient, upload=upload, zone=zone, units=dict(units or {}))
    return asking.bench.jobs.submit("import", payload, name)


def standings(asking: Asking, patient: str) -> list[Standing]:
    """Return the imports of a patient, whoever asked for them, the newest first."""
    uploads = uploads_of(asking)
    uploads.check(patient)
    return [_standing(asking, uploads, job) for job in asking.bench.jobs.list(_prefix(patient))]


def asked(asking: Asking, patient: str) -> str:
    """Return the newest import whose questions wait for an answer; empty where none does."""
    if not uploads_of(asking).waiting(patient):
        return ""
    return next((one.job.id for one in standings(asking, patient) if one.asks), "")


def standing(asking: Asking, patient: str, job: str) -> Standing:
    """Return one import of a patient.

    Raises
    ------
    NotFound
        No such import of that patient.
    """
    uploads = uploads_of(asking)
    uploads.check(patient)
    return _standing(asking, uploads, _job(asking, patient, job))


def answer(asking: Asking, patient: str, job: str, given: Mapping[str, str]) -> str:
    """Read an upload again with what its file did not say; return the new job.

    Raises
    ------
    BadInput
        No answer, or not one of the offered.
    Conflict
        Its files are not there any more, or are being read.
    """
    found = standing(asking, patient, job)
    if not found.asks:
        raise Conflict(
            "this question was answered already, or its files are not kept any more",
            "files that wait",
            "send the files again",
        )
    questions = found.account["questions"]
    zone = given.get("zone", "")
    if "zone" in questions and zone and zone not in dict(zones()):
        raise BadInput("an unknown time zone", "an IANA name such as Asia/Shanghai", "correct it")
    units = dict(found.account["assumed"])
    for one in questions.get("units", ()):
        said = given.get(f"{UNIT_FIELD}{one['key']}", "")
        if said and said not in one["choices"]:
            raise BadInput("an unknown unit", "one of the list", "choose one")
        units |= {one["key"]: said} if said else {}
    zone = zone or found.account["zone"]
    if zone == found.account["zone"] and units == found.account["assumed"]:
        raise BadInput("no answer", "a zone or a unit", "choose one of the list")
    return submit(asking, patient, found.job.upload, zone, units)


def remove(asking: Asking, patient: str, job: str) -> None:
    """Remove the files of an import whose questions nobody will answer."""
    found = standing(asking, patient, job)
    if found.asks:
        uploads_of(asking).drop(patient, found.job.upload)


def _prefix(patient: str) -> str:
    return f"import-{patient}-"


def _job(asking: Asking, patient: str, job: str) -> JobStatus:
    if not job.startswith(_prefix(patient)):
        raise NotFound("no such import of this patient", "one of the list", "see the list")
    return asking.bench.jobs.status(job)


def _standing(asking: Asking, uploads: Uploads, job: JobStatus) -> Standing:
    account = uploads.told(job.patient, job.told) if job.told else {}
    kept = uploads.waits(job.patient, job.upload)
    asks = bool(account.get("questions")) and kept and not _again(asking, job)
    count = job.step.partition(":")[2]
    return Standing(
        job=job,
        state=say(asking.language, STATES[job.state]),
        when=moment(job.created),
        person=asking.bench.name_of(job.person),
        account=account,
        asks=asks,
        read=int(count) if count.isdigit() else 0,
    )


def _again(asking: Asking, job: JobStatus) -> bool:
    """Say whether the same files are being read, or were read, once more."""
    return any(
        one.upload == job.upload and one.created > job.created and one.state != "failed"
        for one in asking.bench.jobs.list(_prefix(job.patient))
        if one.id != job.id
    )


@lru_cache(maxsize=1)
def zones() -> list[tuple[str, str]]:
    """Return the time zones (IANA name, and in words with the difference to UTC now)."""
    now = datetime.now(UTC)
    names = sorted(
        one
        for one in available_timezones()
        if one == "UTC"
        or ("/" in one and not one.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/")))
    )
    return [(name, f"{name.replace('_', ' ')} ({_offset(name, now)})") for name in names]


def _offset(name: str, now: datetime) -> str:
    return _difference(now.astimezone(ZoneInfo(name)))


def _difference(moment: datetime) -> str:
    shown = f"{moment:%z}"
    return f"UTC{shown[:3]}:{shown[3:5]}"


def own_zone() -> str:
    """Return the difference to UTC of the times this server shows."""
    return _difference(datetime.now(UTC).astimezone())


def date_of(language: Language, text: str) -> str:
    """Return a stored moment as a page shows it."""
    return moment(datetime.fromisoformat(text)) if text else say(language, "without a date")
