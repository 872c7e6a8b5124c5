"""Labelled patients seriously ill in hospital: SUPPORT2, 9,105 adults of five American centres.

Everybody alive was followed for 344 days or longer, so whether somebody died within 180 days is
known of all: no censoring touches the question. A pressure, a rate or a count of 0 is none.
"""

from __future__ import annotations

import csv
import lzma
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.errors import BadInput, NotFound
from suwen.health.tables.row import Columns, TableRow, columns_in
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import NOT_RECORDED, Array, Examples, Sample, Source

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge" / "survival.toml"
TABLE: Final = "vitals/risk_tabular/support2/support2.csv.xz"
SUPPORT: Final = "support2"
HORIZON: Final = 180.0
"""Days."""
TIME: Final = "d.time"
DEATH: Final = "death"
FOLLOWED: Final = "followed"
"""Column of days until death; with a minus until the end of follow-up."""
OWN_MODEL: Final = "surv6m"
"""Column with what SUPPORT's own model said: the probability of being alive at 180 days."""
COMA: Final = ((60.0, 0.0), (0.5, 1.0), (-1.0, 2.0))
"""From which coma score of SUPPORT (0 awake to 100) consciousness has which number."""
SOURCE: Final = Source(
    name="SUPPORT2",
    url="https://archive.ics.uci.edu/dataset/880",
    licence="CC BY 4.0",
    citation="Knaus et al., Ann Intern Med 122:191-203, 1995; doi:10.3886/ICPSR02957",
    shippable=True,
    limits=(
        "Adults with one of nine grave diseases in five American teaching hospitals, 1989 to 1994: "
        "care has changed since, and the risk has to be recalibrated where it is used.",
        "Nearly half died within 180 days; elsewhere far fewer do.",
        "Half lack glucose, urea or urine, a third albumin: what is not measured is not by chance.",
        "Deaths after treatment was limited count as deaths.",
    ),
)


@lru_cache(maxsize=1)
def columns() -> Columns:
    """Return the columns, read once."""
    return columns_in(KNOWLEDGE)


@lru_cache(maxsize=1)
def knowledge() -> dict[str, Any]:
    """Return the content of the knowledge file."""
    return tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))


def read(data: DataFolders) -> tuple[list[TableRow], list[dict[str, str]]]:
    """Return every patient as a row, and what the set tells of each.

    Raises
    ------
    NotFound, BadInput
        The table is in none of the folders, or it holds something else.
    """
    path = data.find(TABLE)
    fields: dict[str, str] = knowledge()["source"]
    with lzma.open(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        wanted = {*fields.values(), TIME, DEATH, "sex", "adlp", "adls"}
        if missing := sorted(wanted - set(reader.fieldnames or ())):
            raise BadInput(
                f"{path.name} without the columns {', '.join(missing)}",
                "the columns of SUPPORT2",
                "compare the header with the data set's README",
            )
        told = list(reader)
    try:
        return [columns().row(_numbers(row, fields)) for row in told], told
    except ValueError:
        raise BadInput(
            f"{path.name} with a value that is no number", "numbers, empty where missing"
        ) from None


def _numbers(row: Mapping[str, str], fields: Mapping[str, str]) -> dict[str, float]:
    words: dict[str, float] = knowledge()["number"]
    found = {
        key: float(words.get(text, text))
        for key, field in fields.items()
        if (text := row[field].strip())
    }
    if "consciousness" in found:
        score = found["consciousness"]
        found["consciousness"] = next(number for limit, number in COMA if score >= limit)
    for field in ("adlp", "adls"):  # the patient's own word before that of a relative
        if row[field].strip():
            found.setdefault("dependencies", float(row[field]))
    return {**found, "male": float(row["sex"] == "male")}


def times(told: Sequence[Mapping[str, str]]) -> tuple[Array, Array]:
    """Return days until death or the end of follow-up, and whether it was death, each (n,)."""
    days = np.array([float(row[TIME]) for row in told])
    return days, np.array([row[DEATH].strip() == "1" for row in told])


def examples(data: DataFolders) -> Examples:
    """Return the patients whose state at 180 days is known; class 1 was dead.

    Raises
    ------
    NotFound
        There is none.
    """
    every, all_told = read(data)
    days, died = times(all_told)
    known = np.flatnonzero(died | (days >= HORIZON))
    if not len(known):
        raise NotFound("nobody followed for 180 days", "rows with d.time and death")
    rows = [every[i] for i in known]
    told = [all_told[i] for i in known]
    keys = tuple(f"{SUPPORT} {row['sno'].strip()}" for row in told)
    ages = np.array([row.age for row in rows])
    sexes = np.nan_to_num(np.array([row.male for row in rows]), nan=2).astype(int)
    return Examples(
        source=SOURCE,
        keys=keys,
        groups=np.array(keys),
        labels=(died[known] & (days[known] <= HORIZON)).astype(int),
        load=lambda i: Sample(keys[i], rows[i]),
        columns={
            FOLLOWED: np.where(died[known], days[known], -days[known]),
            "disease": np.array([row["dzgroup"].strip() or NOT_RECORDED for row in told]),
            "age": np.array(["under 50", "50 to 69", "70 and more"])[
                np.digitize(np.nan_to_num(ages), (50, 70))
            ],
            "sex": np.array(["women", "men", NOT_RECORDED])[sexes],
        },
        floors={
            "SUPPORT's own model, fitted on part of these patients": _own_model(told),
            "disease alone": np.nan_to_num(_column(rows, "disease")),
            "age": np.nan_to_num(ages),
            "majority class": np.zeros(len(keys)),
        },
    )


def _own_model(told: Sequence[Mapping[str, str]]) -> Array:
    alive = np.array([float(row.get(OWN_MODEL, "").strip() or "nan") for row in told])
    middle = float(np.nanmedian(alive)) if np.isfinite(alive).any() else 0.5
    return np.asarray(1 - np.nan_to_num(alive, nan=middle))


def _column(rows: Sequence[TableRow], key: str) -> Array:
    place = columns().keys.index(key)
    return np.array([row.values[place] for row in rows])
