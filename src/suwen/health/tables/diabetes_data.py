"""Labelled women of the Pima after a glucose tolerance test, and Ripley's fixed split of them.

Zeros of the original that nobody can have stand as NA in the copy of mlbench, and are missing here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.errors import BadInput
from suwen.health.facts.measured import MISSING
from suwen.health.tables.row import Columns, TableRow, columns_in
from suwen.lifecycle.data import DataFolders, read_table
from suwen.lifecycle.examples import Array, Examples, Sample, Source

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge" / "diabetes.toml"
FOLDER: Final = "vitals/risk_tabular/pima"
DEVELOPMENT: Final = "pima"
RIPLEY: Final = "pima_tr"
TEST: Final = "pima_te"
EVERYBODY: Final = "pima_all"
FILES: Final = {RIPLEY: "Pima.tr.csv", TEST: "Pima.te.csv"}
WHOLE: Final = "PimaIndiansDiabetes2.csv"
NONE: Final = ("", "NA")
YES: Final = ("Yes", "pos")
SOURCE: Final = Source(
    name="Pima Indians Diabetes (NIDDK), as in MASS and mlbench",
    url="https://doi.org/10.1017/CBO9780511812651",
    licence="public domain (NIDDK); the packages that carry it GPL-2 | GPL-3",
    citation="Smith et al., Proc. Symp. Computer Applications in Medical Care 261-265, 1988; "
    "Ripley, Pattern Recognition and Neural Networks, 1996",
    shippable=True,
    limits=(
        "Women of Pima heritage near Phoenix, 21 years and older, examined before 1988: in no "
        "other people was this measured, and diabetes was far more frequent there.",
        "Diabetes by the WHO criteria within five years of the test, or at it: the glucose that is "
        "read is in part what the diagnosis is made from.",
        "Skinfold and pedigree function are measured nowhere in routine; without them the answer "
        "rests on glucose, BMI and age.",
        "Trained on the 436 women who are not in Ripley's test part (`pima_te`).",
    ),
)
Row = tuple[dict[str, float], bool]
"""What is told of a woman, and whether she has diabetes."""


@lru_cache(maxsize=1)
def columns() -> Columns:
    """Return the columns, read once."""
    return columns_in(KNOWLEDGE)


@lru_cache(maxsize=1)
def _knowledge() -> dict[str, Any]:
    return tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))


def examples(data: DataFolders, dataset: str) -> Examples:
    """Return the women of a data set; class 1 has diabetes.

    `pima`: all who are not in the fixed test part; `pima_tr` and `pima_te`: Ripley's split;
    `pima_all`: everybody. Of a test folder `pima` is everybody in the table that it holds.

    Raises
    ------
    NotFound, BadInput
        The tables are in none of the folders, or hold something else.
    """
    folder = data.find(FOLDER)
    if dataset in FILES:
        kept = read(data.find(f"{FOLDER}/{FILES[dataset]}"))
    elif data.test is not None:
        held = [name for name in (WHOLE, *FILES.values()) if (folder / name).is_file()]
        kept = read(data.find(f"{FOLDER}/{held[0] if held else WHOLE}"))
    else:
        kept = read(data.find(f"{FOLDER}/{WHOLE}"))
        if dataset == DEVELOPMENT:
            test = {_name(told) for told, _ in read(data.find(f"{FOLDER}/{FILES[TEST]}"))}
            kept = [row for row in kept if _name(row[0]) not in test]
    return labelled(kept)


def read(path: Path) -> list[Row]:
    """Return what a table of MASS or mlbench tells of each woman.

    Raises
    ------
    BadInput
        It has other columns, or words where numbers stand.
    """
    with path.open(encoding="utf-8-sig") as file:
        mlbench = "diabetes" in file.readline()
    fields: dict[str, str] = _knowledge()["source"]["mlbench" if mlbench else "MASS"]
    outcome = "diabetes" if mlbench else "type"
    found = []
    for row in read_table(path, outcome, *fields.values()):
        try:
            told = {k: float(row[name]) for k, name in fields.items() if row[name] not in NONE}
        except ValueError:
            raise BadInput(
                f"{path.name} with a value that is no number", "numbers, NA where missing"
            ) from None
        found.append(({**told, "male": 0.0}, row[outcome] in YES))
    return found


def _name(told: Mapping[str, float]) -> str:
    """Return a name of a woman that both packages give her: her values."""
    return " ".join(f"{told.get(key, MISSING):g}" for key in columns().keys)


def labelled(kept: Sequence[Row]) -> Examples:
    """Return examples of what is told of each woman.

    A woman is named by her values, so that she stays in her fold whichever table names her.
    """
    rows = [columns().row(told) for told, _ in kept]
    seen: dict[str, int] = {}
    keys = []
    for told, _ in kept:
        name = _name(told)
        seen[name] = seen.get(name, 0) + 1
        keys.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    ages = np.array([row.age for row in rows])
    table = np.stack([row.values for row in rows])
    glucose = table[:, columns().keys.index("glucose_2h")]
    return Examples(
        source=SOURCE,
        keys=tuple(keys),
        groups=np.array([_name(told) for told, _ in kept]),
        labels=np.array([ill for _, ill in kept]).astype(int),
        load=lambda i: Sample(keys[i], rows[i]),
        columns={
            "age": np.array(["21 to 29", "30 to 44", "45 and more"])[
                np.digitize(np.nan_to_num(ages), (30, 45))
            ]
        },
        floors={
            "glucose after 2 hours alone": np.nan_to_num(glucose, nan=float(np.nanmedian(glucose))),
            "FINDRISC, its points for age and BMI": findrisc(rows),
            "age": np.nan_to_num(ages),
            "majority class": np.zeros(len(rows)),
        },
    )


def findrisc(rows: Sequence[TableRow]) -> Array:
    """Return the points of FINDRISC for age and BMI, (n,); 0 for what is not known."""
    table: dict[str, list[list[float]]] = _knowledge()["findrisc"]
    found = np.zeros(len(rows))
    for key, steps in table.items():
        place = columns().keys.index(key)
        values = np.array([row.values[place] for row in rows])
        limits = [limit for limit, _ in steps]
        points = np.array([0.0, *(point for _, point in steps)])
        found += points[np.digitize(np.nan_to_num(values), limits)]
    return found
