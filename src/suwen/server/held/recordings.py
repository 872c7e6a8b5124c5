"""Recordings opened last, so that a reader who moves through one decodes it once.

Nothing is served from here before the store allowed and logged the reading of the record, which
each request asks for anew; what is kept is known by the record's version, which never changes.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np

from suwen.core.errors import NotFound
from suwen.core.nouns import Band, Case, Finding, Reference, TimeInterval
from suwen.core.streams import Channel
from suwen.health.af.runs import FIBRILLATION_CODE, joined
from suwen.health.beats.events import Read, Spans, gaps_of
from suwen.health.beats.reviews import CODE, Judged, judged
from suwen.health.signals.outline import Outline
from suwen.health.signals.qrs import HIGHEST_RATE, LOWEST_RATE, qrs_times
from suwen.health.signals.recording import ECG, Lead, Recording, recordings
from suwen.health.signals.tables import (
    BEATS,
    STRETCHES,
    BeatTable,
    Stretch,
    attached,
    read_beats,
    read_stretches,
)
from suwen.records import Access
from suwen.records.basics import RESOURCE, SYSTEM
from suwen.records.streams.sample_reading import Piece

CACHE_BYTES: Final = 256 * 1024 * 1024
CACHE_TABLES: Final = 64
MOST: Final = 100_000
"""Judgements looked through."""
ALONE_S: Final = 86_400.0
"""Seconds up to which beats are looked for where no finding has told them: a day takes a second."""
NO_BEATS: Final = BeatTable(np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0))


class Opened:
    """A decoded recording with what is drawn of it at once."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.outlines = [Outline(lead.values) for lead in recording.leads]
        self.size = sum(lead.values.nbytes for lead in recording.leads)

    @property
    def asked(self) -> Lead:
        """The lead that tasks ask: the best ECG lead, else the first."""
        return self.recording.best(ECG) or self.recording.leads[0]

    @cached_property
    def gaps(self) -> Spans:
        """Where nothing was recorded in that lead."""
        return gaps_of(self.asked)

    @cached_property
    def found(self) -> BeatTable | None:
        """The beats, of no class; None where the recording is longer than a day or no ECG."""
        lead = self.asked
        if lead.kind != ECG or lead.seconds > ALONE_S:
            return None
        if not LOWEST_RATE <= lead.rate <= HIGHEST_RATE or lead.seconds < 2:
            return NO_BEATS
        at = qrs_times(lead.values, lead.rate)
        return BeatTable(at, np.zeros(len(at), dtype=np.int64), np.zeros(len(at)))


@dataclass(frozen=True)
class Told:
    """What a report tells of one recording: digests of its tables, and where it fibrillates.

    `finding` and `pack` are of the finding that told the beats.
    """

    beats: str = ""
    fibrillation: tuple[str, ...] = ()
    places: Spans = ()
    finding: str = ""
    pack: str = ""


def told(findings: Sequence[Finding], record: Reference) -> Told:
    """Return what the findings that stand say of a recording."""
    beats, runs, places = "", list[str](), list[tuple[float, float]]()
    finding = pack = ""
    for one in findings:
        own = [p for p in one.evidence if isinstance(p, TimeInterval) and p.record == record]
        if not own:
            continue
        if table := attached(one, BEATS):
            beats, finding, pack = table.digest, one.id, one.pack
        if one.code.code == FIBRILLATION_CODE and one.band is not Band.ABSTAIN:
            if table := attached(one, STRETCHES):
                runs.append(table.digest)
            else:
                places += [(place.start, place.end) for place in own]
    return Told(beats, tuple(runs), joined(places), finding, pack)


@dataclass(frozen=True)
class Grown:
    """A device's recording as it was read last: the pieces of each channel, and leads by channel.

    It holds no lead alive that nobody keeps ready.
    """

    pieces: Mapping[Channel, Sequence[Piece]]
    channels: tuple[Channel, ...]
    opened: weakref.ref[Opened]

    def until(self, channel: Channel, now: Sequence[Piece]) -> tuple[Lead, int] | None:
        """Return the lead of a channel and up to when it still stands; None where it does not."""
        opened = self.opened()
        if opened is None or channel not in self.channels:
            return None
        last = 0
        for before, after in zip(self.pieces[channel], now, strict=False):
            if before != after:
                break
            last = before.last
        return (opened.recording.leads[self.channels.index(channel)], last) if last else None


@dataclass
class EcgShelf:
    """The recordings and tables shown last, at most `limit` bytes of recordings."""

    limit: int = CACHE_BYTES
    _opened: OrderedDict[tuple[str, str], Opened] = field(default_factory=OrderedDict)
    going_on: dict[tuple[str, str, int], Grown] = field(default_factory=dict)
    """What was read last of each device's recording that may go on: patient, device, first."""
    _tables: OrderedDict[tuple[str, str], Any] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self, access: Access, patient: str, reference: Reference) -> Opened:
        """Return a recording; that it is read is checked and logged each time.

        Raises
        ------
        NotFound
            The patient has no such recording.
        """
        record = access.read(reference, patient)

        def decoded() -> Opened:
            return _decoded(access.case(patient, references=[record.reference]), record.reference)

        return self.keep((patient, record.reference), decoded)

    def keep(self, key: tuple[str, str], make: Callable[[], Opened]) -> Opened:
        """Return what is kept ready under a patient and a name that changes with what it is of.

        The caller has checked that the patient may be read.
        """
        with self._lock:
            if key in self._opened:
                self._opened.move_to_end(key)
                return self._opened[key]
        made = make()
        with self._lock:
            self._opened[key] = made
            while sum(one.size for one in self._opened.values()) > self.limit:
                if len(self._opened) == 1:
                    break
                self._opened.popitem(last=False)
        return made

    def beats(self, access: Access, patient: str, digest: str) -> BeatTable:
        """Return a table of beats of a patient whose record was just read."""
        found: BeatTable = self._table(access, patient, digest, read_beats)
        return found

    def stretches(self, access: Access, patient: str, digest: str) -> list[Stretch]:
        """Return a table of stretches of a patient whose record was just read."""
        found: list[Stretch] = self._table(access, patient, digest, read_stretches)
        return found

    def _table(self, access: Access, patient: str, digest: str, read: Any) -> Any:
        key = patient, digest
        with self._lock:
            if key in self._tables:
                return self._tables[key]
        made = read(access.blob(patient, digest))
        with self._lock:
            self._tables[key] = made
            while len(self._tables) > CACHE_TABLES:
                self._tables.popitem(last=False)
        return made

    def read(self, access: Access, patient: str, opened: Opened, said: Told) -> Read:
        """Return what tasks tell of the beats of a recording; people's word is not yet in it."""
        beats = self.beats(access, patient, said.beats) if said.beats else opened.found
        runs = [run for one in said.fibrillation for run in self.stretches(access, patient, one)]
        runs += [Stretch(start, end, 1.0) for start, end in said.places]
        return Read(
            opened.asked.seconds,
            NO_BEATS if beats is None else beats,
            tuple(sorted(runs, key=lambda one: one.start)),
            opened.gaps,
        )


def reviews_of(access: Access, patient: str, record: Reference) -> dict[str, Judged]:
    """Return what people said of the events of a recording, by the id of the judgement."""
    return judged(access.search(RESOURCE, patient, code=f"{SYSTEM}|{CODE}", limit=MOST), record)


def _decoded(case: Case, reference: Reference) -> Opened:
    own = tuple(record for record in case.records if record.reference == reference)
    found = next(recordings(replace(case, records=own)), None)
    if found is None:
        raise NotFound("no such recording in this case", "one the page lists", "reload the page")
    return Opened(found)
