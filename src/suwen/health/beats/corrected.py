"""Beats that people judged in this installation, as labelled beats to train on.

A confirmed beat is of the class it was told to be, another is of the class a person named, and the
beats of a confirmed ventricular run are ventricular. Which beats to judge next is the order of the
page: those told with the least probability, normal ones told in doubt among them (least confidence:
Lewis and Gale, SIGIR 1994).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import SuwenError
from suwen.core.nouns import Reference
from suwen.health.beats.events import BEATS, V_RUN
from suwen.health.beats.features import Beats
from suwen.health.beats.fit import CORRECTED
from suwen.health.beats.read import read_beats
from suwen.health.beats.reviews import CODE, Review, review_of
from suwen.health.signals.recording import ECG, recordings
from suwen.health.signals.tables import LETTERS
from suwen.lifecycle.examples import Examples, Sample, Source
from suwen.records import Access
from suwen.records.basics import RESOURCE, SYSTEM

MOST: Final = 100_000
"""Judgements read at most."""
SAME: Final = 0.05
"""Seconds within which a judged moment is a beat that is found now."""
CLASSES: Final = "NSVF"
"""What can be learnt; a beat called unreadable teaches nothing."""
SOURCE: Final = Source(
    "Beats judged in this installation",
    "",
    "patient records: not to leave this installation",
    "",
    shippable=False,
    limits=(
        "Local corrections took part: trained also on beats of patients here, as judged by their "
        "clinicians; the pack stays in this installation.",
        "Beats were judged because they were told, or told in doubt: they are no fair sample.",
    ),
)


@dataclass(frozen=True)
class Judged:
    """A recording with beats somebody judged: which of `beats`, and the number of their class."""

    patient: str
    record: Reference
    beats: Beats
    chosen: NDArray[np.int64]
    labels: NDArray[np.int64]


def examples(access: Access) -> Examples | None:
    """Return the judged beats as examples to train on; None when nobody judged one.

    Parameters
    ----------
    access
        Of the person who trains: only recordings this person may see are read.
    """
    found = recorded(access)
    places = [(k, i) for k, one in enumerate(found) for i in range(len(one.chosen))]
    if not places:
        return None
    keys = tuple(f"{CORRECTED}{found[k].record}-{found[k].chosen[i]}" for k, i in places)

    def load(i: int) -> Sample:
        k, place = places[i]
        alone = found[k].beats.only(int(found[k].chosen[place]))
        return Sample(keys[i], replace(alone, together=None))

    return Examples(
        source=SOURCE,
        keys=keys,
        groups=np.array([f"patient/{found[k].patient}" for k, _ in places]),
        labels=np.array([found[k].labels[i] for k, i in places]),
        load=load,
    )


def recorded(access: Access) -> list[Judged]:
    """Return every recording with judged beats that the person may see.

    Recordings that cannot be read any more, and patients whose key is gone, are left out.
    """
    reviews: dict[tuple[str, Reference], list[Review]] = defaultdict(list)
    for record in access.search(RESOURCE, code=f"{SYSTEM}|{CODE}", limit=MOST):
        if (review := review_of(record)) is not None:
            patient = str(record.content["subject"]["reference"]).rpartition("/")[2]
            reviews[patient, review.record].append(review)
    found = []
    for (patient, reference), own in sorted(reviews.items()):
        beats = _beats(access, patient, reference)
        if beats is not None and len(beats):
            chosen, labels = labelled(beats, own)
            found.append(Judged(patient, reference, beats, chosen, labels))
    return found


def _beats(access: Access, patient: str, reference: Reference) -> Beats | None:
    """Return the beats of a recording as the task reads them."""
    try:
        case = access.case(patient, references=[reference])
        recording = next((one for one in recordings(case) if one.record == reference), None)
    except SuwenError:
        return None
    lead = recording.best(ECG) if recording is not None else None
    return read_beats(lead.values, lead.rate) if lead is not None else None


def labelled(
    beats: Beats, reviews: Iterable[Review]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of the judged beats, rising, and of their classes, (n,) each.

    What a person said of a beat alone goes before what was said of its run.
    """
    said: dict[int, str] = {}
    for one in sorted(reviews, key=lambda review: (review.kind != V_RUN, review.at)):
        if one.kind == V_RUN and one.right:
            low, high = np.searchsorted(beats.at, (one.start - SAME, one.end + SAME))
            said |= dict.fromkeys(range(int(low), int(high)), "V")
        elif one.kind in BEATS and (place := _nearest(beats.at, one.start)) is not None:
            said[place] = BEATS[one.kind] if one.right else one.letter or "N"
    kept = [(place, letter) for place, letter in sorted(said.items()) if letter in CLASSES]
    return (
        np.array([place for place, _ in kept], dtype=np.int64),
        np.array([LETTERS.index(letter) for _, letter in kept], dtype=np.int64),
    )


def _nearest(at: Sequence[float] | NDArray[np.float64], moment: float) -> int | None:
    place = int(np.argmin(np.abs(np.asarray(at) - moment)))
    return place if abs(at[place] - moment) <= SAME else None
