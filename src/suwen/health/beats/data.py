"""Labelled heart beats: the MIT-BIH Arrhythmia Database, one lead, split between patients.

Classes are those of ANSI/AAMI EC57 without Q, paced records left out (de Chazal et al., IEEE Trans
Biomed Eng 51:1196, 2004): training on DS1, records of DS2 are for an independent test. Record 201
is of the same person as 202 of DS2, so it is not trained on. Beats are those of the reference,
each at the moment the detector gives it where it finds it, and in fibrillation where the current
pack of `health.af` finds that, as with a patient's recording; how well it finds them stands beside
as sensitivity and positive predictive value (first five minutes and flutter left out, 150 ms).
"""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.errors import BadInput, NotFound
from suwen.health.af.task import fibrillates
from suwen.health.beats.features import Beats, Changed, beats_of, names
from suwen.health.signals.annotations import BEATS, Annotations, read_annotations
from suwen.health.signals.qrs import Numbers, qrs_times
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import NOT_RECORDED, Array, Examples, Sample, Source

FOLDER: Final = "vitals/ecg_mitdb"
CLASSES: Final[Mapping[str, int]] = {
    **dict.fromkeys("NLRejB", 0),
    **dict.fromkeys("AaJSn", 1),
    **dict.fromkeys("VEr", 2),
    "F": 3,
}
"""AAMI class of each beat symbol: N, S, V, F; paced and unclassifiable beats have none."""
SAME_PERSON: Final = {"202": "201"}
"""Records of one person, under one name."""
LEFT_OUT: Final = ("201",)
PACED: Final = "paced"
WITHIN: Final = 0.15
"""Seconds between a reference beat and the detection that finds it (EC57)."""
LEARNING: Final = 300.0
"""Seconds at the beginning in which a detector is not measured (EC57)."""
SOURCE: Final = Source(
    name="MIT-BIH Arrhythmia Database, DS1",
    url="https://physionet.org/content/mitdb/1.0.0/",
    licence="ODC-By 1.0",
    citation="Moody and Mark, IEEE Eng Med Biol 20(3):45-50, 2001; Goldberger et al., 2000",
    shippable=True,
    limits=(
        "21 half-hour recordings with rare arrhythmias, Boston 1975 to 1979, lead II at 360 Hz: "
        "wearables, children and pacemakers are not among them.",
        "Atrial ectopy stands in few records; training adds stretches made from the patients' own "
        "beats.",
        "Fusion beats (F) are nearly all of one patient: they are hardly ever named.",
        "Classes are measured on the beats of the reference; how many the detector misses or adds "
        "stands beside them.",
    ),
)


@dataclass(frozen=True)
class Scored:
    """How a detector did on one record: of each reference beat whether it counts and was found,
    and when it beat where nothing was; each time in seconds.
    """

    counts: Array
    found: Array
    moments: Numbers
    false: Numbers


@dataclass(frozen=True)
class Labelled:
    """A record: its beats, their classes (n,), how they were found; its lead in mV is read again.

    Where it fibrillates is looked for when its first beat is asked for: it takes longer than all
    the rest, and who only counts does not need it.
    """

    name: str
    beats: Beats
    labels: Array
    found: Scored
    lead: Callable[[], Numbers]
    rate: float

    @cached_property
    def told(self) -> Beats:
        """Its beats, with where it fibrillates."""
        return replace(self.beats, fibrillating=fibrillates(self.lead(), self.rate))


def lead_of_record(folder: Path, name: str, about: Mapping[str, Any]) -> Numbers:
    """Return the lead of a record in mV, (n,).

    Raises
    ------
    BadInput
        The file does not hold what its table says.
    """
    try:
        packed = (folder / "sig" / f"{name}.d16.xz").read_bytes()
        steps = np.frombuffer(lzma.decompress(packed), "<i2")
        raw = np.cumsum(steps, dtype=np.int64)
        return np.asarray((raw - float(about["baseline"])) / float(about["gain"]))
    except (OSError, lzma.LZMAError, KeyError, TypeError, ValueError) as error:
        raise BadInput(
            f"record {name} that cannot be read: {type(error).__name__}",
            "sig/NNN.d16.xz, with gain and baseline in records.json",
            "compare the folder with the data set's README",
        ) from None


def matched(reference: Numbers, found: Numbers, within: float = WITHIN) -> tuple[Array, Array]:
    """Return the numbers of reference beats and of the detections that find them, one to one."""
    own, others = [], []
    i = j = 0
    while i < len(reference) and j < len(found):
        off = found[j] - reference[i]
        if abs(off) > within:
            i, j = (i + 1, j) if off > 0 else (i, j + 1)
            continue
        nearer = j + 1 < len(found) and abs(found[j + 1] - reference[i]) < abs(off)
        wanted = i + 1 < len(reference) and j + 1 < len(found)
        if nearer and not (
            wanted and abs(found[j + 1] - reference[i + 1]) <= abs(found[j + 1] - reference[i])
        ):
            j += 1
            continue
        own.append(i)
        others.append(j)
        i, j = i + 1, j + 1
    return np.array(own, dtype=int), np.array(others, dtype=int)


def flutter(marks: Annotations, rate: float) -> list[tuple[float, float]]:
    """Return when the ventricles flutter, in seconds: no beats are marked there."""
    starts = marks.samples[marks.symbols == "["] / rate
    ends = marks.samples[marks.symbols == "]"] / rate
    return list(zip(starts.tolist(), ends.tolist(), strict=False))


def scored(reference: Numbers, found: Numbers, without: list[tuple[float, float]]) -> Scored:
    """Compare detections with reference beats, both in seconds, as EC57 does."""

    def counting(times: Numbers) -> Array:
        inside = times >= LEARNING
        for start, end in without:
            inside &= (times < start) | (times > end)
        return inside

    own, others = matched(reference, found)
    hit = np.zeros(len(reference), dtype=bool)
    hit[own] = True
    alone = np.ones(len(found), dtype=bool)
    alone[others] = False
    return Scored(counting(reference), hit, reference, found[alone & counting(found)])


def record_of(folder: Path, name: str, about: Mapping[str, Any]) -> Labelled:
    """Return the beats of the reference of a record, -1 for those without a class."""
    read, rate = partial(lead_of_record, folder, name, about), float(about["fs"])
    marks = read_annotations((folder / "ann" / f"{name}.atr").read_bytes())
    beat = np.array([symbol in BEATS for symbol in marks.symbols], dtype=bool)
    moments, symbols = marks.samples[beat] / rate, marks.symbols[beat]
    beats, found = _beats(read(), rate, moments)
    if (whole := beats.together) is not None:
        whole.name, whole.again = name, partial(_again, read, rate, moments)
    labels = np.array([CLASSES.get(symbol, -1) for symbol in symbols], dtype=int)
    return Labelled(name, beats, labels, scored(moments, found, flutter(marks, rate)), read, rate)


def _again(read: Callable[[], Numbers], rate: float, moments: Numbers, change: Changed) -> Beats:
    """Return the beats of the reference read from the changed lead, with where that fibrillates."""
    lead, now = change(read(), rate)
    return replace(_beats(lead, now, moments)[0], fibrillating=fibrillates(lead, now))


def _beats(lead: Numbers, rate: float, moments: Numbers) -> tuple[Beats, Numbers]:
    """Return the beats of the reference, where the detector finds them, and all it finds."""
    found = qrs_times(lead, rate)
    own, others = matched(moments, found)
    placed = moments.copy()
    placed[own] = found[others]
    return beats_of(lead, rate, np.maximum.accumulate(placed)), found


def examples(data: DataFolders) -> Examples:
    """Return the labelled beats of DS1; in a test folder of DS2, without it of all but paced ones.

    Raises
    ------
    NotFound
        The data set is in none of the folders.
    BadInput
        A record cannot be read.
    """
    folder = data.find(FOLDER)
    try:
        about = json.loads((folder / "records.json").read_bytes())
    except (OSError, ValueError):
        raise NotFound(
            f"no table of records in {FOLDER}", "records.json", "compare it with the README"
        ) from None
    wanted = _wanted(folder, about, data.test is not None)
    parts = [record_of(folder, name, one) for name, one in wanted.items()]
    if not parts:
        raise NotFound(f"no record without a pacemaker in {FOLDER}", "DS1 or DS2 of MIT-BIH")
    return _joined(parts, {name: _person(folder, name) for name in wanted})


def _wanted(folder: Path, about: Mapping[str, Any], test: bool) -> dict[str, Any]:
    """Return the records that are there and asked for, by name."""
    there = {
        name: one
        for name, one in sorted(about.items())
        if (folder / "sig" / f"{name}.d16.xz").exists()
        and (folder / "ann" / f"{name}.atr").exists()
    }
    splits = {str(one.get("split")) for one in there.values()}
    part = "DS1" if not test else "DS2" if "DS2" in splits else ""
    return {
        name: one
        for name, one in there.items()
        if one.get("split") != PACED
        and (not part or one.get("split") == part)
        and (test or name not in LEFT_OUT)
    }


def _joined(parts: Sequence[Labelled], people: Mapping[str, tuple[str, str]]) -> Examples:
    places = [(one, i) for one in parts for i in np.flatnonzero(one.labels >= 0).tolist()]
    labels = np.concatenate([one.labels[one.labels >= 0] for one in parts])
    records = np.array([one.name for one, _ in places])
    keys = tuple(f"{one.name}-{i}" for one, i in places)

    def load(i: int) -> Sample:
        record, beat = places[i]
        return Sample(keys[i], record.told.only(beat))

    counted = np.concatenate([_counts(one.labels, one.found) for one in parts], axis=1)
    rows = np.concatenate([one.beats.rows[one.labels >= 0] for one in parts])
    return Examples(
        source=SOURCE,
        keys=keys,
        groups=np.array([f"mitdb-record-{SAME_PERSON.get(name, name)}" for name in records]),
        labels=labels,
        load=load,
        tags={
            "sex": np.array([people[name][0] for name in records]),
            "age": np.array([people[name][1] for name in records]),
        },
        floors={"early, or unlike the dominant beat": _by_rule(rows)},
        ratios={
            "qrs_sensitivity": (counted[1], counted[0]),
            "qrs_ppv": (counted[1], counted[1] + counted[2]),
        },
    )


def _counts(labels: Array, found: Scored) -> Array:
    """Return beats, found beats and false detections, each put to the nearest beat with a class.

    Returns
    -------
    (3, beats with a class).
    """
    kept = np.flatnonzero(labels >= 0)
    moments = found.moments[kept]
    table = np.zeros((3, len(kept)))
    for row, times in enumerate(
        (found.moments[found.counts], found.moments[found.counts & found.found], found.false)
    ):
        place = np.clip(np.searchsorted(moments, times), 1, max(len(moments) - 1, 1))
        nearer = times - moments[place - 1] < moments[place % len(moments)] - times
        np.add.at(table[row], np.where(nearer, place - 1, place % len(moments)), 1)
    return table


def _by_rule(rows: Array) -> Array:
    """Return the class by a plain rule: unlike the dominant QRS is V, else early is S."""
    column = {name: k for k, name in enumerate(names())}
    early = rows[:, column["before / usual"]] < 0.85
    unlike = rows[:, column["QRS likeness"]] < 0.8
    return np.where(unlike, 2, np.where(early, 1, 0))


def _person(folder: Path, name: str) -> tuple[str, str]:
    """Return sex and age group of the person of a record, as its header notes them."""
    try:
        text = (folder / "ann" / f"{name}.hea").read_text(encoding="latin-1")
    except OSError:
        text = ""
    found = re.search(r"^#\s*(\d{1,3})\s+([MF])\b", text, re.MULTILINE)
    if found is None:
        return NOT_RECORDED, NOT_RECORDED
    age = int(found[1])
    return {"M": "men", "F": "women"}[found[2]], "under 65" if age < 65 else "65 and more"
