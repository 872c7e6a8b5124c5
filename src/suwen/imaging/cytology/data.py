"""Measurements of the nuclei of a breast aspirate: their names, labelled examples, Observations.

The numbers are read from Observations whose code is one of the code system `CYTOLOGY`
(`mean-radius`, `worst-area` ...) or carries the feature's name (`mean radius`) as its text; nobody
measures them in routine today, so no table of the gateway maps to them.

References: Street et al., Proc. SPIE 1905:861, 1993.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import SUWEN, Text
from suwen.core.errors import BadInput, MissingExtra
from suwen.core.nouns import Record, Reference
from suwen.lifecycle.examples import Examples, Sample, Source

CYTOLOGY: Final = f"{SUWEN}/breast-cytology"
"""Code system of the measurements."""
SIZES: Final = (12.0, 15.0)
"""Mean radius of the nuclei at which the subgroups of the card part."""
SOURCE: Final = Source(
    name="Breast Cancer Wisconsin (Diagnostic), as in scikit-learn",
    url="https://archive.ics.uci.edu/dataset/17",
    licence="CC BY 4.0",
    citation="Wolberg, Street & Mangasarian, UCI Machine Learning Repository, 1995, "
    "doi:10.24432/C5DW2B",
    shippable=True,
    limits=(
        "569 aspirates of palpable masses from one surgeon's practice in Wisconsin, before 1995.",
        "Nuclei were outlined by hand with one programme (Xcyt): measurements of another one have "
        "another scale, and the pack abstains where it notices.",
        "More than a third are malignant: far more than among palpable masses today.",
        "No patient is named; each row is taken for another patient.",
    ),
)


@dataclass(frozen=True)
class CytologyInput:
    """The thirty measurements in the order of `features()`, NaN where one is missing, (30,)."""

    values: NDArray[np.float64] = field(repr=False)
    records: tuple[Reference, ...] = ()

    @property
    def missing(self) -> list[int]:
        """Which measurements are missing, by number."""
        return [int(k) for k in np.flatnonzero(~np.isfinite(self.values))]


@dataclass(frozen=True)
class Feature:
    """One measurement: its name in the data set, its code, its name for people."""

    key: str
    name: Text

    @property
    def code(self) -> str:
        """Code in the system `CYTOLOGY`."""
        return self.key.replace(" ", "-")


@lru_cache(maxsize=1)
def features() -> tuple[Feature, ...]:
    """Return the thirty measurements in the order of the data set, read once."""
    path = Path(__file__).parents[1] / "knowledge" / "breast_cytology.toml"
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    found = []
    for statistic in content["statistic"]:
        for entry in content["property"]:
            words = (statistic["key"], entry["key"])
            how, what = Text(**statistic["name"]), Text(**entry["name"])
            name = Text(en=f"{how.en} {what.en}", zh=f"{how.zh}{what.zh}")
            found.append(Feature(" ".join(words if statistic["before"] else words[::-1]), name))
    return tuple(found)


def guarded() -> tuple[Feature, ...]:
    """Return the measurements that the domain guard looks at: the means over the nuclei."""
    return features()[:10]


def wisconsin() -> Examples:
    """Return the aspirates; class 1 is malignant.

    Raises
    ------
    MissingExtra
        scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_breast_cancer
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "scikit-learn", "train") from None
    loaded = load_breast_cancer()
    table, names = np.asarray(loaded.data, dtype=float), [str(one) for one in loaded.feature_names]
    if names != [feature.key for feature in features()]:
        raise BadInput("measurements in another order", "those of knowledge/breast_cytology.toml")
    keys = tuple(f"aspirate {i}" for i in range(len(table)))
    radius = table[:, 0]
    size = np.digitize(radius, SIZES)
    return Examples(
        source=SOURCE,
        keys=keys,
        groups=np.array(keys),
        labels=1 - np.asarray(loaded.target, dtype=int),  # there 0 is malignant
        load=lambda i: Sample(key=keys[i], data=CytologyInput(table[i])),
        columns={"nuclei": np.array(["small", "medium", "large"])[size]},
        floors={"mean radius": radius, "majority class": np.zeros(len(table))},
    )


def feature_of(record: Record) -> str:
    """Return which measurement an Observation holds, empty for another one."""
    code = record.content.get("code", {})
    codes = {
        coding.get("code") for coding in code.get("coding", ()) if coding.get("system") == CYTOLOGY
    }
    text = str(code.get("text", "")).strip().lower()
    for feature in features():
        if feature.code in codes or text == feature.key:
            return feature.key
    return ""


def time_of(record: Record) -> str:
    """Return when an Observation was made, empty when it does not say."""
    return str(record.content.get("effectiveDateTime", ""))


def value_of(record: Record | None) -> float:
    """Return the number of an Observation, NaN where there is none."""
    value = None if record is None else record.content.get("valueQuantity", {}).get("value")
    try:
        return float("nan") if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return float("nan")
