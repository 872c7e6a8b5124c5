"""What devices stream, as recordings of the viewer: found by time, opened, kept in the record.

Who may read the samples is asked with every request; they are opened once a session and logged.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import Language, Text
from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Record, canonical, digest_of
from suwen.core.streams import MICROSECONDS, Channel, Stretch, ticks
from suwen.health.beats.events import Spans
from suwen.health.beats.streamed import (
    DEVICE,
    LONGEST,
    Run,
    document,
    is_wave,
    kept_as,
    lead_of,
    runs_of,
)
from suwen.health.readings import acceleration
from suwen.health.readings.movement import movements, spans
from suwen.health.signals.recording import Lead, Recording
from suwen.records.alerts.seen import Alerts
from suwen.records.streams.sample_reading import Piece, moment
from suwen.server.asking import PURPOSES, Asking
from suwen.server.ecg.strips import Mark
from suwen.server.held.recordings import Grown, Opened

MOST_GOING_ON: Final = 64
READ_AT_ONCE: Final = 3600 * MICROSECONDS
"""As arrays of times and numbers a day would be large."""
SHORTEST_KEPT: Final = 10.0
"""Seconds below which no task reads a recording."""
STEPS: Final = 60 * MICROSECONDS
"""Steps stand at the beginning of their minute."""
SAME_RATE: Final = 0.005
"""Share by which the rates of leads written into one file may differ."""


def runs(asking: Asking, patient: str) -> list[Run]:
    """Return what the patient's devices recorded, the oldest first."""
    streams = asking.streams

    def times(channel: Channel, piece: Piece) -> NDArray[np.int64]:
        return streams.read_channel(patient, channel, *_ends(piece.first, piece.last)).at

    return runs_of(streams.pieces(patient, is_wave), times)


def opened(asking: Asking, patient: str, run: Run) -> Opened:
    """Return a run with its leads; what is kept ready is renewed when readings came or went.

    Raises
    ------
    NotFound
        Nothing is stored of it (any more): the device never sent it, or it was thinned.
    """
    known = asking.streams.pieces(
        patient,
        lambda one: one.device == run.device and is_wave(one),
        *_ends(run.first, run.last),
    )
    told = [[list(channel), [list(one) for one in own]] for channel, own in known.items()]

    def made() -> Opened:
        return _read(asking, patient, run, known)

    name = f"{run.reference}@{digest_of(canonical(told))}"
    return asking.bench.ecgs.keep((patient, name), made)


def _read(
    asking: Asking, patient: str, run: Run, known: Mapping[Channel, Sequence[Piece]]
) -> Opened:
    """Read a run; of one that went on meanwhile only what is new."""
    shelf, key = asking.bench.ecgs, (patient, run.device, run.first)
    before, leads = shelf.going_on.get(key), dict[Channel, Lead]()
    for channel, pieces in sorted(known.items()):
        stands = before.until(channel, pieces) if before else None
        after = stands[1] if stands else 0
        parts = _parts(asking, patient, channel, [one for one in pieces if one.last > after], run)
        if lead := lead_of(run, channel, parts, stands):
            leads[channel] = lead
    if not leads:
        raise unknown()
    made = Opened(Recording(run.reference, (), run.start, tuple(leads.values())))
    if len(shelf.going_on) >= MOST_GOING_ON:
        shelf.going_on.clear()
    shelf.going_on[key] = Grown(known, tuple(leads), weakref.ref(made))
    return made


def unknown() -> NotFound:
    """Return the error for a recording of a device of which nothing is stored."""
    return NotFound(
        "no such recording of a device, or its samples were thinned",
        "one the page lists",
        "reload the page",
    )


def _ends(first: int, last: int) -> tuple[datetime, datetime]:
    return moment(first), moment(last + 1)


def _parts(
    asking: Asking, patient: str, channel: Channel, pieces: Sequence[Piece], run: Run
) -> Iterator[Stretch]:
    """Yield the readings of a run about an hour at a time; means of thinned ones are left out."""
    group: list[Piece] = []
    for piece in [*pieces, None]:
        if group and (piece is None or piece.step or piece.last - group[0].first > READ_AT_ONCE):
            span = max(group[0].first, run.first), min(group[-1].last, run.last)
            yield asking.streams.read_channel(patient, channel, *_ends(*span))
            group = []
        if piece is not None and not piece.step:
            group.append(piece)


def kept(asking: Asking, patient: str, run: Run) -> list[tuple[Record, Run]]:
    """Return the recordings in the record that hold a part of a run, the newest first."""
    found = asking.access.search("DocumentReference", patient, identifier=f"{DEVICE}|{run.device}")
    parts = [(record, kept_as(record)) for record in reversed(found)]
    return [(record, part) for record, part in parts if part is not None and run.holds(part)]


def keep(asking: Asking, patient: str, run: Run, start: float, end: float) -> Record:
    """Put a part of a run into the record, where tasks read it; the same part is the same record.

    Leads of another rate than the one that is asked first are left out.

    Parameters
    ----------
    asking, patient, run
        Who keeps what.
    start, end
        Seconds of the run.

    Raises
    ------
    BadInput
        The part is shorter than any task reads.
    Denied
        This person may not write the patient's record.
    """
    whole = opened(asking, patient, run)
    asked = whole.asked
    first = round(max(0.0, start) * asked.rate)
    count = min(round(end * asked.rate), len(asked.values)) - first
    if not SHORTEST_KEPT * asked.rate <= count <= LONGEST * asked.rate + 1:
        raise BadInput(
            f"a part of {max(0.0, count / asked.rate):.0f} s",
            f"{SHORTEST_KEPT:.0f} s to a day of the recording",
            "choose a longer part",
        )
    leads = [
        replace(lead, rate=asked.rate, values=_cut(lead, first, count))
        for lead in whole.recording.leads
        if abs(lead.rate - asked.rate) <= SAME_RATE * asked.rate
    ]
    part = run.part(first / asked.rate, (first + count) / asked.rate)
    resource, blobs = document(patient, part, leads)
    asking.access.put_blobs(patient, blobs)
    record, *_ = asking.access.put([resource, *_movement(asking, patient, part)], patient)
    return record


def _movement(asking: Asking, patient: str, part: Run) -> list[dict[str, Any]]:
    """Return what accelerometers told meanwhile, which tasks read beside the recording."""
    span = _ends(part.first, part.last)
    known = asking.streams.pieces(
        patient, lambda one: one[:2] == (acceleration.INTENSITY, acceleration.UNIT), *span
    )
    told = [asking.streams.read_channel(patient, channel, *span) for channel in known]
    return [
        acceleration.observation(patient, one, part.first, part.last) for one in told if len(one)
    ]


def _cut(lead: Lead, first: int, count: int) -> NDArray[np.float32]:
    """Return so many samples of a lead, NaN where it has ended."""
    values = np.full(count, np.nan, dtype=np.float32)
    own = lead.values[first : first + count]
    values[: len(own)] = own
    return values


def moving(asking: Asking, patient: str, start: datetime | None, seconds: float) -> Spans:
    """Return where in a recording the patient moved, in its seconds, as any device tells.

    Nowhere where nobody knows when the recording began.
    """
    if start is None or start.tzinfo is None:
        return ()
    first = ticks(start)
    last = first + round(seconds * MICROSECONDS)
    told = [
        asking.streams.read_channel(patient, channel, *_ends(first - STEPS, last))
        for channel, own in asking.streams.pieces(
            patient, lambda one: one[:2] in movements(), *_ends(first - STEPS, last)
        ).items()
        if own
    ]
    found = (
        (max(0.0, (begun - first) / MICROSECONDS), min(seconds, (ended - first) / MICROSECONDS))
        for begun, ended in spans(told)
    )
    return tuple(span for span in found if span[1] > span[0])


def alerts(asking: Asking, patient: str, run: Run, language: Language) -> list[Mark]:
    """Return the alerts raised while a device recorded, each where its reading stands."""
    desk = Alerts(asking.bench.store, asking.person, PURPOSES[asking.person.role])
    found = []
    for one in desk.open([patient], run.start):
        at = (ticks(one.at) - run.first) / MICROSECONDS
        if not 0 <= at <= run.seconds:
            continue
        name, waves = one.content.get("name"), one.content.get("waves")
        found.append(
            Mark(
                max(0.0, at - 1.0),
                at,
                Text(**name).of(language) if name else one.rule,
                Text(**waves).of(language) if waves else "",
            )
        )
    return sorted(found, key=lambda each: each.start)
