"""Glucose recordings of known people: the five sets of GlucoBench, and others from elsewhere.

Every window ends at a reading; what is foretold is the glucose 30, 60 and 120 minutes later, read
between two readings at most 20 minutes apart. A large set is thinned evenly.
"""

from __future__ import annotations

import csv
import io
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput, NotFound
from suwen.health.glucose.window import (
    HOUR,
    RATHER_CLOSE,
    Array,
    Days,
    Past,
    Window,
    at_minutes,
    grids,
    knowledge,
    own_levels,
    recent,
    usable,
)
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples, Sample, Source

ALL: Final = "glucobench"
"""The five sets of GlucoBench together."""
OPEN: Final = "colas_hall_weinstock"
"""Those of them whose licences ask for no more than to be named: what the pack is learnt from."""
FILES: Final[Mapping[str, str]] = {
    "broll_iglu": "vitals/cgm_glucobench/broll_iglu",
    "colas2019": "vitals/cgm_glucobench/colas2019",
    "dubosson2018": "vitals/cgm_glucobench/dubosson2018",
    "hall2018": "vitals/cgm_glucobench/hall2018",
    "weinstock2016": "vitals/cgm_glucobench/weinstock2016",
    "shanghai_t1dm": "vitals/cgm_glucoseml/ShanghaiT1DM",
    "bigideas": "vitals/cgm_glucoseml/BIGIDEAs",
    "azt1d": "vitals/cgm_glucoseml/AZT1D",
}
"""Where each set lies, without `.csv.xz` or `.csv`."""
SETS: Final = tuple(FILES)[:5]
TOGETHER: Final[Mapping[str, tuple[str, ...]]] = {
    OPEN: ("colas2019", "hall2018", "weinstock2016"),
    ALL: SETS,
}
"""Data sets of several files."""
APART: Final[Mapping[str, tuple[str, ...]]] = {
    one: (OPEN,) for one in FILES if one not in TOGETHER[OPEN]
}
"""Sets that share nobody with what the pack is learnt from."""
COLUMNS: Final = (("id", "time", "gl"), ("person_id", "timestamp", "glucose_value_mg_dl"))
MOST: Final = 2_500
"""Windows of one set that are measured on."""
PARTS: Final = 5
"""The linear floor is fitted on the people of the other four parts of the same set."""
SOURCE: Final = Source(
    name="GlucoBench: Colas, Hall and Weinstock",
    url="https://github.com/IrinaStatsLab/GlucoBench",
    licence="Colas and Hall CC BY 4.0, Weinstock public (JAEB Center)",
    citation="Sergazinov et al., GlucoBench, ICLR 2024",
    shippable=True,
    limits=(
        "Sensors of three studies, 2008 to 2018: people without diabetes and at risk of it (Colas, "
        "Hall), and with type 1 diabetes, 60 years and more (Weinstock).",
        "No children, nobody pregnant, nobody in hospital.",
        "Meals, insulin and movement are not known to it: what they do is seen only in the curve.",
        "Sensors lag behind blood by some minutes; the forecast is of what the sensor will say.",
        "Most sensors report every 5 minutes; with longer intervals it is less exact.",
        "What the own last days teach takes about a day to come; until then the model of everybody "
        "answers.",
    ),
)
OTHERS: Final[Mapping[str, str]] = {
    "broll_iglu": "GPL-2",
    "dubosson2018": "CC BY-SA 4.0",
    "shanghai_t1dm": "not stated",
    "bigideas": "ODC-By 1.0",
    "azt1d": "CC BY 4.0",
}
"""Licences of the sets that are measured on and not learnt from."""


class _Cut(NamedTuple):
    """Windows of one person: name, data set, recording, places, truth by minutes ahead."""

    person: str
    dataset: str
    past: Past
    places: NDArray[np.int64]
    truth: Array


def recordings(path: Path) -> dict[str, Past]:
    """Return the readings of each person of one file `.csv` or `.csv.xz`.

    Rows without a number are left out, of two readings at one time the first is kept.

    Raises
    ------
    BadInput
        The columns are none of the known ones, or a time is no time.
    """
    raw = path.read_bytes()
    text = (lzma.decompress(raw) if path.suffix == ".xz" else raw).decode("utf-8-sig")
    reader = csv.reader(io.StringIO(text))
    header = next(reader, [])
    wanted = next((one for one in COLUMNS if set(one) <= set(header)), None)
    if wanted is None:
        raise BadInput(
            f"{path.name} with the columns {', '.join(header)[:80]}",
            "the columns id, time, gl or person_id, timestamp, glucose_value_mg_dl",
            "compare the header with the data set's README",
        )
    person, time, value = (header.index(name) for name in wanted)
    found: dict[str, dict[float, float]] = {}
    epoch = datetime(1900, 1, 1)
    for line, row in enumerate(reader, start=2):
        try:
            reading = float(row[value])
        except (ValueError, IndexError):
            continue
        try:
            at = (datetime.fromisoformat(row[time]) - epoch).total_seconds() / 60
        except (ValueError, TypeError):
            raise BadInput(
                f"{path.name} with no time in line {line}", "times as `2012-01-01 00:05:00`"
            ) from None
        if np.isfinite(reading):
            found.setdefault(row[person], {}).setdefault(at, reading)
    return {
        name: Past(*np.array(sorted(readings.items()), dtype=float).T.copy())
        for name, readings in found.items()
        if len(readings) > HOUR
    }


def later(past: Past, places: NDArray[np.int64]) -> Array:
    """Return the glucose that came 30, 60 and 120 minutes later, NaN where unknown, (n, 3)."""
    ahead = np.array(knowledge()["minutes_ahead"], dtype=float)
    return at_minutes(past, past.minutes[places][:, None] + ahead, RATHER_CLOSE)


def _cuts(dataset: str, people: Mapping[str, Past]) -> list[_Cut]:
    every = -(-sum(map(len, people.values())) // MOST)
    found = []
    for name, past in people.items():
        places = np.arange(HOUR, len(past), every)
        if not len(places):
            continue
        truth = later(past, places)
        keep = usable(past, places) & np.isfinite(truth).any(1)
        found.append(_Cut(f"{dataset}/{name}", dataset, past, places[keep], truth[keep]))
    return found


def _path(data: DataFolders, dataset: str) -> Path:
    plain = f"{FILES[dataset]}.csv"
    return data.find(plain if _has(data, plain) else f"{plain}.xz")


def examples(data: DataFolders, dataset: str) -> Examples:
    """Return windows of the people of one set, or of several, three of each for three horizons.

    Raises
    ------
    NotFound
        None of the sets is there.
    """
    wanted = TOGETHER.get(dataset, (dataset,))
    chosen = [one for one in wanted if len(wanted) == 1 or _there(data, one)]
    if not chosen:
        raise NotFound(
            f"none of the sets {', '.join(wanted)}",
            " or ".join(f"{FILES[one]}.csv.xz" for one in wanted[:2]) + " ...",
            "set SUWEN_DATA to the folders that hold them, separated by ':'",
        )
    cuts = [cut for one in chosen for cut in _cuts(one, recordings(_path(data, one)))]
    if not sum(len(cut.places) for cut in cuts):
        raise BadInput(
            f"no stretch of {dataset} long enough to ask a forecast of",
            "recordings of some hours with a reading every 5 to 15 minutes",
        )
    found = _examples(cuts)
    others = {one: OTHERS[one] for one in chosen if one in OTHERS}
    if not others:
        return found
    named = "; ".join(f"{one}: {licence}" for one, licence in others.items())
    source = replace(
        SOURCE, name=f"{SOURCE.name}; {', '.join(others)}", licence=f"{SOURCE.licence}; {named}"
    )
    return replace(found, source=replace(source, shippable=False))


def _there(data: DataFolders, dataset: str) -> bool:
    return _has(data, f"{FILES[dataset]}.csv.xz") or _has(data, f"{FILES[dataset]}.csv")


def _has(data: DataFolders, name: str) -> bool:
    return any((root / name).exists() for root in data.roots)


def _examples(cuts: Sequence[_Cut]) -> Examples:
    ahead = [int(one) for one in knowledge()["minutes_ahead"]]
    own = [[own_levels(cut.past, cut.places, one) for one in ahead] for cut in cuts]
    rows = [
        (c, i, h)
        for c, cut in enumerate(cuts)
        for i in range(len(cut.places))
        for h in range(len(ahead))
        if np.isfinite(cut.truth[i, h])
    ]
    curves = [grids(cut.past, cut.places) for cut in cuts]
    keys = tuple(f"{cuts[c].person} {cuts[c].places[i]} +{ahead[h]}" for c, i, h in rows)

    @lru_cache(maxsize=2)
    def days(c: int, place: int) -> Days:
        return recent(cuts[c].past, place)

    def load(n: int) -> Sample:
        c, i, h = rows[n]
        past, place = cuts[c].past, int(cuts[c].places[i])
        hour = float(past.minutes[place] / 60 % 24)
        window = Window(
            curves[c][i], hour, own[c][h][i], ahead[h], interval=interval_of(past, place),
            days=days(c, place), place=place, past=past,
        )  # fmt: skip
        return Sample(keys[n], window)

    now = np.array([curves[c][i][-1] for c, i, _ in rows])
    labels = np.array([cuts[c].truth[i, h] for c, i, h in rows])
    horizon = np.array([ahead[h] for _, _, h in rows])
    return Examples(
        source=SOURCE,
        keys=keys,
        groups=np.array([cuts[c].person for c, _, _ in rows]),
        labels=labels,
        load=load,
        columns={
            "minutes ahead": horizon,
            "data set": np.array([cuts[c].dataset for c, _, _ in rows]),
            "glucose now": np.array(["below 70", "70 to 180", "above 180"])[
                np.digitize(now, (70, 180.0001))
            ],
        },
        floors={
            "persistence": now,
            "linear regression": now + _linear(cuts, curves, rows, labels - now),
        },
    )


def interval_of(past: Past, place: int) -> float:
    """Return the usual minutes between the readings of the two hours up to one."""
    near = past.minutes[max(0, place - 2 * HOUR) : place + 1]
    return float(np.median(np.diff(near))) if len(near) > 1 else float("nan")


def _linear(
    cuts: Sequence[_Cut],
    curves: Sequence[Array],
    rows: Sequence[tuple[int, int, int]],
    change: Array,
) -> Array:
    """Return what least squares on the last hour foretells, (n,): fitted on the set's others.

    The people of a set are dealt into five parts; each part is answered by the fit on the others,
    so the floor knows the set that is measured, which the pack may not.
    """
    inputs = np.array(
        [
            np.r_[curves[c][i][-HOUR - 1 :] - curves[c][i][-1], curves[c][i][-1], 1]
            for c, i, _ in rows
        ]
    )
    inputs = np.nan_to_num(inputs)
    part = np.array([c % PARTS for c, _, _ in rows])
    kind = np.array([f"{cuts[c].dataset} {h}" for c, _, h in rows])
    found = np.zeros(len(rows))
    for name in np.unique(kind):
        for k in range(PARTS):
            own, others = (kind == name) & (part == k), (kind == name) & (part != k)
            if own.any() and others.any():
                fit = np.linalg.lstsq(inputs[others], change[others], rcond=None)[0]
                found[own] = inputs[own] @ fit
    return found
