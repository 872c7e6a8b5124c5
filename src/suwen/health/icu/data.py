"""Labelled stays in intensive care: PhysioNet/Computing in Cardiology Challenge 2012.

8,000 stays with outcomes are for development (sets a and b); a folder given as a test set may hold
others in the same form. What the set writes in other units is converted, what nobody can show is
left out.
"""

from __future__ import annotations

import csv
import lzma
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from suwen.core.errors import BadInput, NotFound
from suwen.health.facts.measured import MISSING
from suwen.health.icu.stay import Series, Stay, variables
from suwen.lifecycle.data import DataFolders, read_table
from suwen.lifecycle.examples import Examples, Sample, Source

FOLDER: Final = "vitals/icu_cinc2012"
OUTCOME: Final = "In-hospital_death"
SCORES: Final = {"SAPS-I": "SAPS-I", "SOFA": "SOFA"}
"""Columns of the outcomes that hold scores of the first day: floors."""
AFTER: Final = "days lived after discharge"
"""Column for training alone: days from discharge alive to death, -1 where none was recorded."""
HEIGHTS: Final = (120.0, 220.0)
"""Heights in cm that are believed."""
SOURCE: Final = Source(
    name="PhysioNet/Computing in Cardiology Challenge 2012, sets a and b",
    url="https://physionet.org/content/challenge-2012/",
    licence="ODC-By 1.0",
    citation="Silva et al., Computing in Cardiology 39:245-248, 2012",
    shippable=True,
    limits=(
        "8,000 adults in four kinds of intensive care unit of one hospital in Boston, before 2009: "
        "care has changed since, and elsewhere the risk has to be recalibrated.",
        "Only stays of 48 hours and more: nothing is said of people who died or left earlier.",
        "The outcome is death in the hospital, also by limits set to treatment.",
        "How often something is measured is part of the answer, and depends on the unit's habits.",
    ),
)
Rows = Mapping[str, Sequence[tuple[float, float]]]
Kept = tuple[str, Rows, dict[str, str]]
"""A stay: its number, what was measured, and its row of the outcomes."""
COLUMNS: Final = ("RecordID", "Time", "Parameter", "Value")


def stays(path: Path) -> dict[str, Stay]:
    """Return the stays of one file `set-*.csv.xz` by their number.

    Raises
    ------
    BadInput
        A row is none of the set: the columns are RecordID, Time (hh:mm), Parameter and Value.
    """
    return {number: _stay(rows) for number, rows in _rows(path).items()}


def _rows(path: Path) -> dict[str, Rows]:
    """Return what was measured in each stay: hour and value by the name of the variable."""
    found: dict[str, defaultdict[str, list[tuple[float, float]]]] = {}
    with lzma.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        head = next(rows, [])
        try:
            places = [head.index(name) for name in COLUMNS]
            for row in rows:
                number, time, name, value = [row[place] for place in places]
                if name:
                    own = found.get(number)
                    if own is None:
                        own = found[number] = defaultdict(list)
                    own[name].append((_hours(time), float(value)))
        except (IndexError, ValueError):
            raise BadInput(
                f"{path.name} with a row that is no RecordID, Time, Parameter, Value",
                "rows as `132539,00:07,HR,73`",
                "compare the file with the data set's README",
            ) from None
    return dict(found)


@lru_cache(maxsize=10_000)
def _hours(time: str) -> float:
    """Return a time `hh:mm` since admission in hours."""
    hour, _, minute = time.partition(":")
    return int(hour) + int(minute) / 60


def _stay(rows: Rows) -> Stay:
    height = _described(rows, "Height")
    series = {}
    for key, variable in variables().items():
        pairs = [pair for name in (key, *variable.also) for pair in rows.get(name, ())]
        if not pairs:
            continue
        hours, values = np.array(pairs).T
        one = Series.of(variable, hours, _in_units(key, values))
        if len(one):
            series[key] = one
    return Stay(
        age=_described(rows, "Age"),
        male=_described(rows, "Gender"),
        height=height if HEIGHTS[0] <= height <= HEIGHTS[1] else MISSING,
        unit=_described(rows, "ICUType"),
        series=series,
    )


def _described(rows: Rows, name: str) -> float:
    """Return a descriptor; the set writes -1 where it is missing."""
    value = rows[name][0][1] if rows.get(name) else -1.0
    return MISSING if value < 0 else value


def _in_units(key: str, values: np.ndarray) -> np.ndarray:
    """Mend the known slips of the set: pH without its point, per cent, degrees Fahrenheit."""
    if key == "pH":
        values = np.where((values >= 65) & (values <= 80), values / 10, values)
        return np.where((values >= 650) & (values <= 800), values / 100, values)
    if key == "FiO2":
        return np.where((values >= 21) & (values <= 100), values / 100, values)
    if key == "Temp":
        return np.where((values >= 80) & (values <= 110), (values - 32) / 1.8, values)
    return values


def examples(data: DataFolders) -> Examples:
    """Return the labelled stays; class 1 died in the hospital.

    Raises
    ------
    NotFound
        No file of stays has a file of outcomes beside it.
    """
    folder = data.find(FOLDER)
    parts = [
        (path, folder / path.name.replace("set-", "Outcomes-").replace(".csv.xz", ".csv"))
        for path in sorted(folder.glob("set-*.csv.xz"))
    ]
    parts = [pair for pair in parts if pair[1].is_file()]
    if not parts:
        raise NotFound(
            f"no stays with outcomes in {FOLDER}",
            "set-a.csv.xz with Outcomes-a.csv beside it",
            "compare the folder with the data set's README",
        )
    kept: list[Kept] = []
    for path, outcomes in parts:
        own = _rows(path)
        for row in read_table(outcomes, "RecordID", OUTCOME):
            if row["RecordID"] in own:
                kept.append((row["RecordID"], own[row["RecordID"]], row))
    keys = tuple(key for key, _, _ in kept)

    @cache
    def stay(i: int) -> Stay:
        return _stay(kept[i][1])

    ages = _all(kept, "Age", MISSING)
    return Examples(
        source=SOURCE,
        keys=keys,
        groups=np.array(keys),
        labels=np.array([int(row[OUTCOME]) for _, _, row in kept]),
        load=lambda i: Sample(keys[i], stay(i)),
        columns={
            **_columns(ages, _all(kept, "ICUType", 0), _all(kept, "Gender", 2)),
            AFTER: np.array([_after(row) for _, _, row in kept]),
        },
        floors={
            **{name: _score(kept, column) for name, column in SCORES.items()},
            "age": np.nan_to_num(ages),
            "majority class": np.zeros(len(keys)),
        },
    )


def _all(kept: Sequence[Kept], name: str, missing: float) -> np.ndarray:
    """Return a descriptor of each stay, (n,)."""
    return np.nan_to_num([_described(rows, name) for _, rows, _ in kept], nan=missing)


def _columns(ages: np.ndarray, units: np.ndarray, sexes: np.ndarray) -> dict[str, np.ndarray]:
    """Return the groups of stays that are measured apart."""
    kinds = ["not recorded", "coronary", "cardiac surgery", "medical", "surgical"]
    return {
        "age": np.array(["under 50", "50 to 69", "70 and more"])[np.digitize(ages, (50, 70))],
        "sex": np.array(["women", "men", "not recorded"])[sexes.astype(int)],
        "unit": np.array(kinds)[units.astype(int)],
    }


def _score(kept: Sequence[Kept], column: str) -> np.ndarray:
    """Return a score of the first day; -1 where it was not made, the lowest."""
    return np.array([float(row.get(column) or -1) for _, _, row in kept])


def _after(row: Mapping[str, str]) -> float:
    """Return the days from discharge alive to death, -1 where that is not known.

    `Survival` counts from admission to intensive care; -1 there: no death was recorded.
    """
    lived, stayed = (float(row.get(name) or -1) for name in ("Survival", "Length_of_stay"))
    alive = int(row[OUTCOME]) == 0
    return max(lived - stayed, 0.0) if alive and lived >= 0 and stayed >= 0 else -1.0
