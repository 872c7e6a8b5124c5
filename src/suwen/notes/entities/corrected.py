"""Corrected notes as labelled texts, and which note to look at next.

A note somebody judged is a labelled text: accepted and corrected mentions are labels, rejected ones
are none, and what nobody judged stands as it was found. It is read twice, under the scheme
`corrections` with all our types and under the scheme that notes of its language are read with, so
that what reads the notes learns from it.

Notes wait in the order of their total entropy over the mentions nobody judged (Settles & Craven,
EMNLP 2008, "An analysis of active learning strategies for sequence labeling tasks").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from suwen.core.errors import SuwenError
from suwen.core.nouns import Case, Finding, Reference, TextSpan
from suwen.lifecycle.examples import Examples, Sample, Source
from suwen.lifecycle.share import total_entropy
from suwen.notes.entities.corpora import Document, Row
from suwen.notes.entities.corrections import ALLERGY, CODED, VALUE, Judged, Place, judged
from suwen.notes.entities.data import CORRECTIONS, KINDS, Worded, kinds_named
from suwen.notes.questions import ENTITIES, newest
from suwen.notes.reading.case import Read, read_record
from suwen.notes.text import Span
from suwen.records import Access, finding_of
from suwen.records.basics import RESOURCE

MOST: Final = 100_000
"""Records read at most of one type."""
NEAR_HALF: Final = (0.3, 0.7)
"""Probabilities in this range count as near 0.5."""
TRAINED_AS: Final = {ALLERGY: "drug"}
"""What a mention is to the network, where a fact calls it otherwise."""
NEAREST: Final = {"symptom": "problem"}
"""What a type is to a guideline that does not tell it apart."""
SOURCE: Final = Source(
    "Corrected notes of this installation",
    "",
    "patient records: not to leave this installation",
    "",
    shippable=False,
    limits=(
        "Trained on notes of patients here, as corrected by their clinicians: the pack stays in "
        "this installation.",
        "Mentions nobody judged stand in these notes as an earlier pack found them.",
    ),
)


@dataclass(frozen=True)
class Labelled:
    """A corrected note: its text with its labels, and how many of its mentions were judged."""

    document: Document
    language: str
    patient: str
    judged: int


def documents(access: Access) -> list[Labelled]:
    """Return every note with a correction that the person may see, as a labelled text.

    Notes that cannot be read any more, and patients whose key is gone, are left out.
    """
    found: dict[str, dict[Place, Judged]] = {}
    for record in access.search(RESOURCE, code=CODED, limit=MOST):
        patient = str(record.content["subject"]["reference"]).rpartition("/")[2]
        found.setdefault(patient, {}).update(judged([record]))
    made: list[Labelled] = []
    for patient, judgements in sorted(found.items()):
        notes = sorted({place.note for place in judgements})
        try:
            case = access.case(patient, references=notes)
        except SuwenError:
            continue
        entities = _entities(access, patient)
        for note in notes:
            own = {place: one for place, one in judgements.items() if place.note == note}
            one = _labelled(case, note, own, entities.get(note, ()))
            if one is not None:
                made.append(replace(one, patient=patient))
    return made


def _entities(access: Access, patient: str | None = None) -> dict[Reference, list[Finding]]:
    """Return the mentions that were found in each note."""
    found: dict[Reference, list[Finding]] = defaultdict(list)
    for record in access.search("Finding", patient, code=ENTITIES, limit=MOST):
        finding = finding_of(record)
        for place in finding.evidence:
            if isinstance(place, TextSpan) and finding.probability is not None:
                found[place.record].append(finding)
                break
    return found


def place_of(finding: Finding) -> Place:
    """Return where a finding of one mention stands."""
    one = next(each for each in finding.evidence if isinstance(each, TextSpan))
    return Place(one.record, one.start, one.end)


def _labelled(
    case: Case, note: Reference, own: Mapping[Place, Judged], entities: Iterable[Finding]
) -> Labelled | None:
    record = next((one for one in case.records if one.reference == note), None)
    read = read_record(case, record) if record is not None else None
    if not isinstance(read, Read):
        return None
    rows = sorted(_rows(read, own, newest(entities)))
    spans = tuple((start, end, kind) for start, end, kind in _apart(rows))
    document = Document(note, read.note.text, spans)
    return Labelled(document, read.note.language, case.patient, len(own))


def _rows(
    read: Read, own: Mapping[Place, Judged], entities: Iterable[Finding]
) -> Iterable[tuple[int, int, str, int]]:
    """Yield start, end, type and 0 for what a person said, 1 for what stands as it was found."""
    for one in own.values():
        said = one.correction
        kind = TRAINED_AS.get(said.meant.kind, said.meant.kind)
        if said.verdict != "rejected" and kind != VALUE:
            yield (*_shown(read, said.stands), kind, 0)
    for finding in entities:
        if place_of(finding) not in own:
            yield (*_shown(read, place_of(finding)), finding.code.code, 1)


def _shown(read: Read, place: Place) -> tuple[int, int]:
    span = read.note.shown(Span(place.start, place.end))
    return span.start, span.end


def _apart(rows: Sequence[tuple[int, int, str, int]]) -> list[Row]:
    """Return rows that do not overlap: a person's own before what was found."""
    kept: list[Row] = []
    for start, end, kind, _ in sorted(rows, key=lambda row: (row[3], row[0], -row[1])):
        if start < end and not any(start < high and low < end for low, high, _ in kept):
            kept.append((start, end, kind))
    return sorted(kept)


def examples(access: Access, reading: Mapping[str, str]) -> Examples | None:
    """Return the corrected notes as examples to train on; None when nobody corrected one.

    Parameters
    ----------
    access
        Of the person who trains: only notes this person may see are read.
    reading
        The scheme that notes of each language are read under.
    """
    found = documents(access)
    if not found:
        return None
    rows = [(one, scheme) for one in found for scheme in (CORRECTIONS, reading[one.language])]

    def load(i: int) -> Sample:
        one, scheme = rows[i]
        key = f"{CORRECTIONS}/{scheme}/{one.document.key}"
        return Sample(key, Worded(one.document.text, one.language, scheme))

    def truth(i: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        one, scheme = rows[i]
        return labels(one.document, kinds_named(scheme))

    return Examples(
        source=SOURCE,
        keys=tuple(f"{CORRECTIONS}/{scheme}/{one.document.key}" for one, scheme in rows),
        groups=np.array([f"patient/{one.patient}" for one, _ in rows]),
        labels=np.zeros(len(rows)),
        load=load,
        truth=truth,
    )


def labels(
    document: Document, kinds: Sequence[str]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the labels of a document under a guideline that names `kinds`, (k, 3)."""
    found = []
    for start, end, kind in document.spans:
        named = kind if kind in kinds else NEAREST.get(kind, "")
        if named in kinds:
            found.append((start, end, KINDS.index(named)))
    return np.array(found, dtype=float).reshape(-1, 3)


@dataclass(frozen=True)
class Waiting:
    """A note to be looked at.

    Parameters
    ----------
    entropy
        Sum over the mentions nobody judged, in bits.
    unsure
        How many of them have a probability near 0.5.
    lowest
        The lowest probability among them.
    """

    note: Reference
    mentions: int
    unsure: int
    lowest: float
    entropy: float


def waiting(entities: Iterable[Finding], judgements: Iterable[Place]) -> list[Waiting]:
    """Return the notes that hold mentions nobody judged, the most uncertain first."""
    known = set(judgements)
    chances: dict[Reference, list[float]] = defaultdict(list)
    for finding in entities:
        if finding.probability is not None and place_of(finding) not in known:
            chances[place_of(finding).note].append(finding.probability.value)
    low, high = NEAR_HALF
    found = [
        Waiting(
            note,
            len(own),
            sum(low <= p <= high for p in own),
            min(own),
            total_entropy(np.array(own)),
        )
        for note, own in chances.items()
    ]
    return sorted(found, key=lambda one: (-one.entropy, one.lowest, one.note))


def queue(access: Access, current: Collection[Reference]) -> list[Waiting]:
    """Return the notes, of those that are current, that wait to be looked at, by uncertainty."""
    entities = [
        finding
        for note, found in _entities(access).items()
        if note in current
        for finding in newest(found)
    ]
    known = judged(access.search(RESOURCE, code=CODED, limit=MOST))
    return waiting(entities, known)
