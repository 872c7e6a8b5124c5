"""A recording as a request opens it: decoded, with what the newest report tells of it.

A recording is a Record of the case, or what a device streamed (`server.case.streamed`); of that the
findings are those on the parts of it that were put into the record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from suwen.core.codes import Language
from suwen.core.errors import NotFound
from suwen.core.nouns import Case, Finding, Record, Reference
from suwen.core.streams import MICROSECONDS, ticks
from suwen.diagnosis.problems import shown
from suwen.health.beats.events import Read
from suwen.health.beats.reviews import corrected
from suwen.health.beats.streamed import PREFIX, Run, joined, run_named
from suwen.health.signals.recording import began, is_recording
from suwen.server.asking import Asking
from suwen.server.case import reports
from suwen.server.case import streamed as ecg_streamed
from suwen.server.ecg.strips import Mark, marks
from suwen.server.held.recordings import Opened, Told, reviews_of, told
from suwen.server.language import moment, say


def open_ecg(asking: Asking, patient: str, reference: Reference) -> Opened:
    """Return a recording; that it may be read is checked and logged.

    Raises
    ------
    NotFound
        The patient has no such recording.
    """
    if run := run_of(reference):
        return ecg_streamed.opened(asking, patient, run)
    if reference.startswith(PREFIX):
        raise ecg_streamed.unknown()
    return asking.bench.ecgs.open(asking.access, patient, reference)


def run_of(reference: Reference) -> Run | None:
    """Return the run of a device that a reference names; None for a Record."""
    return run_named(reference) if reference.startswith(PREFIX) else None


def findings(asking: Asking, patient: str) -> Sequence[Finding]:
    """Return the findings of the newest report that stand."""
    stored = reports.latest(asking.access, patient)
    return shown(stored.report) if stored else ()


def ecg_of(asking: Asking, patient: str, record: Reference) -> tuple[Opened, Told, Read]:
    """Return a recording and what tasks tell of it, people's word in it; it is checked and logged.

    Raises
    ------
    NotFound
        The patient has no such recording.
    """
    opened = open_ecg(asking, patient, record)
    found = findings(asking, patient)
    said = told(found, opened.recording.record)
    read = asking.bench.ecgs.read(asking.access, patient, opened, said)
    moving = ecg_streamed.moving(asking, patient, opened.recording.start, read.seconds)
    read = replace(read, moving=moving)
    run = run_of(record)
    if run is None:
        return opened, said, read
    parts = []
    for kept, part in ecg_streamed.kept(asking, patient, run):
        own = told(found, kept.reference)
        if own.beats or own.fibrillation or own.places:
            said = replace(said, beats=said.beats or own.beats)
            parts.append((part, _corrected(asking, patient, kept.reference, own)))
    return opened, said, joined(run, read, parts)


def _corrected(asking: Asking, patient: str, reference: Reference, said: Told) -> Read:
    """Return what is known of a kept recording, with people's word in it."""
    opened = open_ecg(asking, patient, reference)
    read = asking.bench.ecgs.read(asking.access, patient, opened, said)
    return corrected(read, reviews_of(asking.access, patient, reference))


def marks_of(asking: Asking, patient: str, opened: Opened) -> list[Mark]:
    """Return the stretches of a recording that findings rest on; of a device its alerts too."""
    found, language = findings(asking, patient), asking.language
    recording = opened.recording
    run = run_of(recording.record)
    if run is None:
        return marks(found, recording.record, language, opened.asked.seconds)
    made = ecg_streamed.alerts(asking, patient, run, language)
    for kept, part in ecg_streamed.kept(asking, patient, run):
        shift = (part.first - run.first) / MICROSECONDS
        made += [
            replace(one, start=one.start + shift, end=one.end + shift, whole=False)
            for one in marks(found, kept.reference, language, part.seconds)
            if 0 <= one.start + shift <= run.seconds
        ]
    return sorted(made, key=lambda one: (one.start, one.end, one.words))


@dataclass(frozen=True)
class Choice:
    """A recording the reader may go to: its reference, and what it is called."""

    reference: Reference
    words: str


@dataclass(frozen=True)
class Link:
    """What the reader may go to, and whether it is shown."""

    words: str
    address: str
    here: bool


def choices(asking: Asking, patient: str, case: Case) -> list[Choice]:
    """Return the recordings of a case, then those of devices, each the oldest first."""
    language = asking.language
    records = [
        Choice(one.reference, _name(language, one)) for one in case.records if is_recording(one)
    ]
    streamed = [
        Choice(run.reference, f"{moment(run.start)} · {run.device}")
        for run in ecg_streamed.runs(asking, patient)
    ]
    return records + streamed


def opened_of(asking: Asking, patient: str, known: Sequence[Choice], record: str) -> Opened | None:
    """Return the recording asked for, else the first in turn that can be read.

    Raises
    ------
    NotFound
        The one asked for is none of the case.
    """
    if record and not any(same(one.reference, record) for one in known):
        raise NotFound("no such recording in this case", "one the page lists", "reload the page")
    for reference in [record] if record else _in_turn(known):
        try:
            return open_ecg(asking, patient, reference)
        except NotFound:
            if record:
                raise
    return None


def _in_turn(found: Sequence[Choice]) -> list[Reference]:
    """Return recordings as they are tried where none is named: the record's newest one first."""
    newest = [one.reference for one in reversed(found)]
    return sorted(newest, key=lambda one: run_of(one) is not None)


def same(one: Reference, other: Reference) -> bool:
    """Say whether two references are of one recording; a device's may have gone on meanwhile."""
    first, second = run_of(one), run_of(other)
    if first is None or second is None:
        return one == other
    return first.device == second.device and first.first == second.first


def at_moment(found: Sequence[Choice], at: datetime) -> tuple[Reference, float] | None:
    """Return the device's recording that holds a moment, and its second; None where none does."""
    tick = ticks(at)
    for one in found:
        run = run_of(one.reference)
        if run is not None and run.first <= tick <= run.last:
            return one.reference, (tick - run.first) / MICROSECONDS
    return None


def _name(language: Language, record: Record) -> str:
    """Return what a recording is called without decoding it: when it was, or which it is."""
    content = record.content
    if at := began(record):
        return moment(at)
    try:
        return moment(datetime.fromisoformat(str(content.get("date") or "")))
    except ValueError:
        return say(language, "Recording %(id)s", id=record.id[-6:])
