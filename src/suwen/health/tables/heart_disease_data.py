"""Labelled patients before coronary angiography: the UCI heart disease set, four hospitals.

Sites differ in whom they sent and in what they measured: Switzerland has no cholesterol (written
0), outside Cleveland hardly anybody has the fluoroscopy. What is 0 and cannot be is missing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from suwen.core.errors import BadInput, NotFound
from suwen.health.tables.row import Columns, TableRow, columns_in
from suwen.lifecycle.data import DataFolders, read_table
from suwen.lifecycle.examples import NOT_RECORDED, Array, Examples, Sample, Source

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge" / "heart_disease.toml"
TABLE: Final = "vitals/risk_tabular/uci_heart/heart_disease_4sites.csv"
DEVELOPMENT, ELSEWHERE, EVERYWHERE = "uci_heart", "uci_heart_elsewhere", "uci_heart_all"
LEARNT: Final = ("cleveland", "hungarian")
"""Sites that the shipped pack learnt from."""
DISEASE, SITE = "num", "site"
SOURCE: Final = Source(
    name="UCI Heart Disease: Cleveland, Hungarian, Switzerland, Long Beach VA",
    url="https://archive.ics.uci.edu/dataset/45",
    licence="CC BY 4.0",
    citation="Detrano et al., Am J Cardiol 64:304-310, 1989; doi:10.24432/C52P4X",
    shippable=True,
    limits=(
        "Patients sent to coronary angiography in four hospitals in the 1980s: elsewhere the share "
        "of disease is another, and the probability has to be recalibrated there.",
        "Disease means a vessel narrowed by half or more on the angiogram, treated or not.",
        "Learnt from Cleveland and Budapest. In Switzerland and Long Beach, which it never saw, it "
        "ranks patients clearly worse: see the data set `uci_heart_elsewhere`.",
        "Nine in ten are men at two of the sites; few patients are older than 70.",
        "Who is without chest pain was sent for another reason, and mostly ill: that is the "
        "referral, not the pain.",
    ),
)


@lru_cache(maxsize=1)
def columns() -> Columns:
    """Return the columns, read once."""
    return columns_in(KNOWLEDGE)


def examples(data: DataFolders, dataset: str) -> Examples:
    """Return the patients of a data set; class 1 has the disease.

    `uci_heart`: the sites that are learnt from (of a test folder every site in it),
    `uci_heart_elsewhere`: the others, `uci_heart_all`: all of them.

    Raises
    ------
    NotFound, BadInput
        No table in the folders, or none of its sites belongs to the data set.
    """
    path = data.find(TABLE)
    fields: dict[str, str] = tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))["source"]
    whole = dataset == EVERYWHERE or (data.test is not None and dataset == DEVELOPMENT)
    kept = [
        (f"{row[SITE]} {line}", row)
        for line, row in enumerate(read_table(path, SITE, DISEASE, *fields.values()))
        if whole or (row[SITE] in LEARNT) == (dataset == DEVELOPMENT)
    ]
    if not kept:
        raise NotFound(
            f"no patient of {dataset} in {path.name}", "rows of its sites", "see the site column"
        )
    told = [_numbers(row, fields, path.name) for _, row in kept]
    return labelled(kept, [columns().row(one) for one in told])


def _numbers(row: Mapping[str, str], fields: Mapping[str, str], name: str) -> dict[str, float]:
    try:
        return {key: float(row[field]) for key, field in fields.items() if row[field] != ""}
    except ValueError:
        raise BadInput(
            f"{name} with a value that is no number", "numbers, empty where missing"
        ) from None


def labelled(kept: Sequence[tuple[str, dict[str, str]]], rows: Sequence[TableRow]) -> Examples:
    """Return examples of table rows and what they were read from."""
    keys = tuple(key for key, _ in kept)
    labels = np.array([int(float(row[DISEASE])) > 0 for _, row in kept]).astype(int)
    person = np.array([[row.age, row.male] for row in rows])
    ages = np.nan_to_num(person[:, 0])
    sexes = np.nan_to_num(person[:, 1], nan=2).astype(int)
    return Examples(
        source=SOURCE,
        keys=keys,
        groups=np.array(keys),
        labels=labels,
        load=lambda i: Sample(keys[i], rows[i]),
        columns={
            "site": np.array([row[SITE] for _, row in kept]),
            "age": np.array(["under 50", "50 to 59", "60 and more"])[np.digitize(ages, (50, 60))],
            "sex": np.array(["women", "men", NOT_RECORDED])[sexes],
        },
        floors={
            "age and sex": age_and_sex(person, labels),
            "pretest probability (Diamond-Forrester 1979)": pretest(rows),
            "majority class": np.zeros(len(keys)),
        },
    )


def age_and_sex(person: Array, labels: Array) -> Array:
    """Return the linear score of age and sex that tells these very labels apart best, (n,).

    Fisher's discriminant, fitted to what it is measured on: as good as two numbers can be.
    """
    known = np.where(np.isfinite(person), person, np.nanmean(person, axis=0))
    if len(np.unique(labels)) < 2:
        return np.asarray(known[:, 0])
    means = np.array([known[labels == k].mean(0) for k in (0, 1)])
    rest = known - means[labels]
    within = rest.T @ rest / len(labels) + 1e-6 * np.eye(2)
    return np.asarray(known @ np.linalg.solve(within, means[1] - means[0]))


def pretest(rows: Sequence[TableRow]) -> Array:
    """Return the published probability by age, sex and kind of pain, (n,); 0.5 where one lacks."""
    table = tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))["pretest"]
    pain = columns().keys.index("chest_pain")
    found = np.full(len(rows), 0.5)
    for i, row in enumerate(rows):
        kind = row.values[pain]
        if np.isfinite([row.age, row.male, kind]).all():
            decade = int(np.clip((row.age - 30) // 10, 0, 3))
            found[i] = table["male" if row.male else "female"][f"{kind:.0f}"][decade] / 100
    return found
