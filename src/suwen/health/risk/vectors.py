"""Reference vectors of the risk equations: what went in, what has to come out, how exactly.

Files of one folder: `risk_vectors.json` (inputs, expected, tolerance, source), QRISK3 tables
`qrisk3_*_vectors.csv` (scores of the published program to one decimal) and `news2_reference.json`
(vectors made from the chart). Any of them may be absent.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from suwen.core.errors import BadInput
from suwen.health.facts.published import Table, Value
from suwen.health.risk.equation import Library, Quantity, Told

VECTORS: Final = "risk_vectors.json"
QRISK3: Final = "qrisk3_*_vectors.csv"
NEWS2: Final = "news2_reference.json"
QRISK3_TOLERANCE: Final = 0.0501
"""The published scores have one decimal."""
QRISK3_FLAGS: Final[Mapping[str, str]] = {
    "b_AF": "atrial_fibrillation",
    "b_atypicalantipsy": "atypical_antipsychotic",
    "b_corticosteroids": "corticosteroids",
    "b_impotence2": "erectile_dysfunction",
    "b_migraine": "migraine",
    "b_ra": "rheumatoid_arthritis",
    "b_renal": "chronic_kidney_disease",
    "b_semi": "severe_mental_illness",
    "b_sle": "lupus",
    "b_treatedhyp": "bp_treated",
    "b_type1": "diabetes_type_1",
    "b_type2": "diabetes_type_2",
    "fh_cvd": "family_history",
}
QRISK3_NUMBERS: Final[Mapping[str, tuple[str, str]]] = {
    "age": ("age", "a"),
    "ethrisk": ("ethnicity", "1"),
    "rati": ("cholesterol_hdl_ratio", "1"),
    "sbp": ("systolic_bp", "mm[Hg]"),
    "sbps5": ("systolic_bp_sd", "mm[Hg]"),
    "smoke_cat": ("smoking_category", "1"),
    "town": ("townsend_score", "1"),
}
NAMES: Final[Mapping[str, str]] = {"consciousness_acvpu": "consciousness"}
"""Inputs that a file names otherwise."""


@dataclass(frozen=True)
class Vector:
    """One reference: an equation, its inputs, and the answers with their tolerance."""

    key: str
    equation: str
    told: Mapping[str, Told]
    expected: Mapping[str, Value]
    tolerance: float

    def agrees(self, values: Mapping[str, Value]) -> bool:
        """Say whether every expected answer is there, numbers within the tolerance.

        An expected answer of a name that the equation does not use is compared with the only
        answer there is, where there is only one of each.
        """
        if len(self.expected) == len(values) == 1 and set(self.expected) != set(values):
            values = dict(zip(self.expected, values.values(), strict=True))
        return all(
            name in values and _same(wanted, values[name], self.tolerance)
            for name, wanted in self.expected.items()
        )


def _same(wanted: Value, found: Value, tolerance: float) -> bool:
    if isinstance(wanted, str) or isinstance(found, str):
        return wanted == found
    return math.isclose(float(wanted), float(found), rel_tol=0.0, abs_tol=tolerance + 1e-9)


def vectors(folder: Path, library: Library) -> list[Vector]:
    """Return every vector of a folder.

    Raises
    ------
    BadInput
        A file is not what its name says, or names an equation or a unit that is not known.
    """
    found = [*_json(folder, library), *_qrisk3(folder), *_news2(folder, library)]
    if not found:
        raise BadInput(
            f"the folder {folder.name} without vectors",
            f"{VECTORS}, {QRISK3} or {NEWS2}",
            "name a folder with one of them",
        )
    return found


def key_of(name: str, library: Library) -> str:
    """Return the key of the equation a file names, whatever its hyphens and capitals.

    Raises
    ------
    BadInput
        There is no such equation.
    """
    by_letters = {_letters(key): key for key in library.equations}
    if _letters(name) not in by_letters:
        raise BadInput(
            f"vectors of an equation {name!r}",
            f"one of {sorted(library.equations)}",
            "leave them out, or add the equation",
        )
    return by_letters[_letters(name)]


def _letters(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def told_of(inputs: Mapping[str, Any], units: Table) -> dict[str, Told]:
    """Return inputs whose keys end in their unit (`hba1c_mmol_mol`) by name, with the unit.

    What is null is left out.
    """
    found: dict[str, Told] = {}
    for key, value in inputs.items():
        if value is None:
            continue
        if isinstance(value, bool | str):
            found[NAMES.get(key, key)] = value
            continue
        suffix = max((one for one in units["suffixes"] if key.endswith(one)), key=len, default="")
        name = key.removesuffix(suffix) if suffix else key
        unit = units["suffixes"][suffix] if suffix else ""
        found[name] = Quantity(float(value), unit or ("{INR}" if name == "inr" else "1"))
    return found


def _json(folder: Path, library: Library) -> Iterator[Vector]:
    path = folder / VECTORS
    if not path.is_file():
        return
    units = library.content["risk_units"]
    for number, item in enumerate(_read(path, list), start=1):
        try:
            key = key_of(item["equation"], library)
            expected = {name: _value(value) for name, value in item["expected"].items()}
            told = told_of(item["inputs"], units)
            yield Vector(f"{key}-{number}", key, told, expected, float(item["tolerance"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(
                f"vector {number} of {path.name}: {error!r}",
                "equation, inputs, expected and tolerance",
                "correct or leave out that vector",
            ) from None


def _value(value: Any) -> Value:
    return value if isinstance(value, str | bool) else float(value)


def _read(path: Path, kind: type) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise BadInput(f"{path.name} is no JSON", "the file as it was made", str(error)) from None
    if not isinstance(content, kind):
        raise BadInput(f"{path.name} holds no {kind.__name__}", "the file as it was made")
    return content


def _qrisk3(folder: Path) -> Iterator[Vector]:
    for path in sorted(folder.glob(QRISK3)):
        with path.open(encoding="utf-8", newline="") as lines:
            rows: Sequence[Mapping[str, str]] = list(csv.DictReader(lines))
        for number, row in enumerate(rows, start=1):
            try:
                told = _of_row(row)
                score = float(row["QRISK_C_algorithm_score"])
            except (KeyError, ValueError, TypeError) as error:
                raise BadInput(
                    f"row {number} of {path.name}: {error!r}",
                    "the columns of the QRISK3 package, numbers only",
                    "correct or leave out that row",
                ) from None
            yield Vector(
                f"{path.stem}-{number}",
                "QRISK3_2017",
                told,
                {"cvd_10y_percent": score},
                QRISK3_TOLERANCE,
            )


def _of_row(row: Mapping[str, str]) -> dict[str, Told]:
    """Return the inputs of one row; BMI from weight (kg) and height (cm), not from its column."""
    found: dict[str, Told] = {
        name: Quantity(float(row[column]), unit) for column, (name, unit) in QRISK3_NUMBERS.items()
    }
    found["sex"] = "female" if int(row["gender"]) == 1 else "male"
    metres = float(row["height"]) / 100
    found["bmi"] = Quantity(float(row["weight"]) / metres**2, "kg/m2")
    return found | {name: row[column] == "1" for column, name in QRISK3_FLAGS.items()}


def _news2(folder: Path, library: Library) -> Iterator[Vector]:
    path = folder / NEWS2
    if not path.is_file():
        return
    units = library.content["risk_units"]
    for number, item in enumerate(_read(path, dict).get("vectors", ()), start=1):
        try:
            expected: dict[str, Value] = {
                "total": float(item["expected"]["total"]),
                "risk": str(item["expected"]["risk"]),
            }
            for name, points in item["expected"]["parameter_scores"].items():
                expected[f"parameter_{name}"] = float(points)
            told = told_of(item["inputs"], units)
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(
                f"vector {number} of {path.name}: {error!r}",
                "inputs, and expected with parameter_scores, total and risk",
                "correct or leave out that vector",
            ) from None
        yield Vector(f"NEWS2-{number}", "NEWS2", told, expected, 0.0)
