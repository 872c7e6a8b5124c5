"""What image headers record of each labelled example, in groups: who is behind a figure?

Beside a data set's table a `tags.csv` (key, manufacturer, kernel, slice_thickness_mm, sex, age) or
a folder `dicom/` with one object of each example (`<key>.dcm`) says it; `key` is the example's
name. What neither says is "not recorded", and the card says so.

Reference: DICOM PS3.3 2024e sections C.7.1.1 (Patient's Sex), C.7.2.2 (Patient's Age), C.7.5.1
(Manufacturer), C.8.2.1 (Convolution Kernel, Slice Thickness).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput
from suwen.imaging.reading.instance import Instance, read_instance
from suwen.imaging.reading.safety import field_text
from suwen.lifecycle.data import read_table
from suwen.lifecycle.examples import NOT_RECORDED

KERNELS: Final = Path(__file__).parents[1] / "knowledge" / "kernels.toml"
TABLE: Final = "tags.csv"
FOLDER: Final = "dicom"
FIELDS: Final = {
    "manufacturer": "Manufacturer",
    "kernel": "ConvolutionKernel",
    "slice_thickness_mm": "SliceThickness",
    "sex": "PatientSex",
    "age": "PatientAge",
}
"""Columns of the table, and the DICOM fields they come from."""
THIN_MM, THICK_MM = 1.0, 2.5
AGES: Final = (18, 40, 65)
SEXES: Final = {"F": "female", "M": "male", "FEMALE": "female", "MALE": "male"}
MAKERS: Final = ("GE", "SIEMENS", "PHILIPS", "TOSHIBA", "CANON", "HITACHI", "FUJI", "UNITED")
"""How the names of makers begin; the longer name of a subsidiary is cut to it."""


def tag_columns(
    root: Path, keys: Sequence[str], thickness_mm: Sequence[float] | None = None
) -> dict[str, NDArray[np.str_]]:
    """Return the subgroup columns of the examples `keys`, each of shape (n,).

    Parameters
    ----------
    root
        Folder of the data set, with `tags.csv` or `dicom/` where there are any.
    keys
        Name of each example.
    thickness_mm
        Slice spacing of each example where the images themselves say it.

    Raises
    ------
    BadInput
        The table has no column `key`, or a number in it is none.
    """
    table = _table(root / TABLE)
    rows = [table.get(key) or _header(root / FOLDER, key) for key in keys]
    known = list(thickness_mm) if thickness_mm is not None else [None] * len(keys)
    written = [row.get("slice_thickness_mm", "") for row in rows]
    columns = {
        "manufacturer": [maker(row.get("manufacturer", "")) for row in rows],
        "kernel": [kernel_group(row.get("kernel", "")) for row in rows],
        "slice thickness": [
            thickness_band(_number(text) if text else seen)
            for text, seen in zip(written, known, strict=True)
        ],
        "sex": [sex_group(row.get("sex", "")) for row in rows],
        "age": [age_band(row.get("age", "")) for row in rows],
    }
    return {name: np.array(values) for name, values in columns.items()}


def maker(name: str) -> str:
    """Return the maker's short name."""
    upper = name.strip().upper()
    return next((one for one in MAKERS if upper.startswith(one)), upper or NOT_RECORDED)


def kernel_group(name: str) -> str:
    """Return soft, lung or bone for a kernel's name; other where the name is not known."""
    upper = name.partition("\\")[0].strip().upper()
    if not upper:
        return NOT_RECORDED
    return next((group for pattern, group in _kernels() if pattern.match(upper)), "other")


def thickness_band(mm: float | None) -> str:
    """Return the band of a slice thickness in mm."""
    if mm is None or not mm > 0:
        return NOT_RECORDED
    return "<= 1 mm" if mm <= THIN_MM else "> 1 to 2.5 mm" if mm <= THICK_MM else "> 2.5 mm"


def sex_group(text: str) -> str:
    """Return female, male or other."""
    upper = text.strip().upper()
    return SEXES.get(upper, "other") if upper else NOT_RECORDED


def age_band(text: str) -> str:
    """Return the band of an age in years, also of a DICOM age string (`063Y`, `018M`)."""
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([DWMY]?)\s*", text.upper())
    if found is None:
        return NOT_RECORDED
    years = float(found[1]) * {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12}.get(found[2], 1.0)
    names = (f"< {AGES[0]}", f"{AGES[0]} to {AGES[1] - 1}", f"{AGES[1]} to {AGES[2] - 1}",
             f">= {AGES[2]}")  # fmt: skip
    return names[int(np.digitize(years, AGES))] + " years"


def tags_of(instance: Instance) -> dict[str, str]:
    """Return what a DICOM header says, under the names of the table's columns."""
    return {name: field_text(instance, field) for name, field in FIELDS.items()}


@lru_cache(maxsize=1)
def _kernels() -> tuple[tuple[re.Pattern[str], str], ...]:
    document = tomllib.loads(KERNELS.read_text(encoding="utf-8"))
    return tuple((re.compile(one["pattern"]), one["group"]) for one in document["kernel"])


def _table(path: Path) -> Mapping[str, Mapping[str, str]]:
    if not path.is_file():
        return {}
    rows = read_table(path, "key")
    return {row["key"]: {name: row.get(name) or "" for name in FIELDS} for row in rows}


def _header(folder: Path, key: str) -> Mapping[str, str]:
    path = folder / f"{key}.dcm"
    if not folder.is_dir() or folder.resolve() not in path.resolve().parents:
        return {}
    return tags_of(read_instance(path.read_bytes())) if path.is_file() else {}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadInput(
            f"{TABLE} with a slice thickness that is no number", "millimetres", "correct the table"
        ) from None
