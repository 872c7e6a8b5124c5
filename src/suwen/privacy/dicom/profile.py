"""What PS3.15 says is to be done with an attribute: Table E.1-1 and the options, read from data.

Several codes in the Basic Profile column leave a choice. The strictest that keeps the object
valid is taken: where the attribute is Type 1 in the object's IOD a dummy (D), Type 2 zero length
(Z), else removal (X). In an object whose SOP Class is not in `ps3_3_types.toml`, and inside
sequences, the Type is not known and the code that keeps any object valid is taken (D before Z
before X).
`X/Z/U*` always becomes U*: the sequence stays, everything in it is de-identified and its UIDs are
replaced like all others, which says no more than the UIDs of the objects themselves.

An attribute that options treat differently is cleaned (C) when one of them says so, else kept (K).

Reference: DICOM PS3.15 2026c Annex E; PS3.16 CID 7050.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

Action = Literal["X", "Z", "D", "U", "K", "C"]
_CODES: Final[tuple[Action, ...]] = ("X", "Z", "D", "U", "K", "C")
KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge"
OVERLAYS, CURVES = 0x6000, 0x5000
TABLE_OPTIONS: Final = (
    "uids", "device", "institution", "patient", "modified_dates", "descriptors", "structured",
)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """Options of the profile, by the names of `knowledge/ps3_15.toml`.

    The defaults keep what research needs: dates moved by the subject's shift, descriptions and
    pixels cleaned.
    """

    modified_dates: bool = True
    descriptors: bool = True
    clean_pixels: bool = True
    structured: bool = False
    device: bool = False
    patient: bool = False
    uids: bool = False
    institution: bool = False
    safe_private: bool = False

    def chosen(self) -> tuple[str, ...]:
        """Return the names of the options in force."""
        return tuple(one.name for one in fields(self) if getattr(self, one.name))


BASIC: Final = Options(modified_dates=False, descriptors=False, clean_pixels=False)
"""The Basic Profile alone."""


@dataclass(frozen=True)
class Row:
    """One row of Table E.1-1."""

    tag: str
    """Eight hexadecimal digits, `50xxxxxx`, `60xx3000`, or `ggggeeee` for private attributes."""
    name: str
    vr: str
    basic: str
    options: Mapping[str, str]


@lru_cache(maxsize=1)
def rows() -> Mapping[str, Row]:
    """Return Table E.1-1 by tag."""
    with (KNOWLEDGE / "ps3_15_table_e1_1.csv").open(encoding="utf-8", newline="") as file:
        return {
            line["tag"]: Row(
                line["tag"],
                line["name"],
                line["vr"],
                line["basic"],
                {name: line[name] for name in TABLE_OPTIONS if line[name]},
            )
            for line in csv.DictReader(file)
        }


@lru_cache(maxsize=1)
def profile() -> dict[str, Any]:
    """Return `ps3_15.toml`: edition, method codes, own tags, safe value representations."""
    return tomllib.loads((KNOWLEDGE / "ps3_15.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _types() -> dict[tuple[str, str], int]:
    content = tomllib.loads((KNOWLEDGE / "ps3_3_types.toml").read_text(encoding="utf-8"))
    prefix = content.pop("prefix")
    return {
        (tag, prefix + uid): number
        for tag, table in content.items()
        for number in (2, 1)
        for uid in table.get(f"type_{number}", ())
    }


@lru_cache(maxsize=1)
def _known_classes() -> frozenset[str]:
    return frozenset(uid for _, uid in _types())


@lru_cache(maxsize=1)
def safe_private() -> frozenset[tuple[int, int, str]]:
    """Return the safe private attributes: group, low byte of the element, private creator."""
    vrs = frozenset(profile()["safe_private"]["vrs"])
    with (KNOWLEDGE / "ps3_15_safe_private.csv").open(encoding="utf-8", newline="") as file:
        return frozenset(
            (int(line["group"], 16), int(line["element"], 16), line["creator"])
            for line in csv.DictReader(file)
            if line["vr"] in vrs
        )


def row_of(tag: int) -> Row | None:
    """Return the row an attribute falls under, None where the table says nothing."""
    group = tag >> 16
    if group % 2:
        return rows()["ggggeeee"]
    if group & 0xFF00 == CURVES:
        return rows()["50xxxxxx"]
    if group & 0xFF00 == OVERLAYS:
        return rows().get(f"60xx{tag & 0xFFFF:04x}")
    return rows().get(f"{tag:08x}")


def action(row: Row, options: Options, sop_class: str = "") -> Action:
    """Return the one thing to do with an attribute.

    Parameters
    ----------
    row
        Its row.
    options
        The options in force.
    sop_class
        SOP Class UID of the object; empty for an attribute inside a sequence.
    """
    said = {code for name, code in row.options.items() if getattr(options, name)}
    if "C" in said:
        return "C"
    if "K" in said:
        return "K"
    codes = row.basic.split("/")
    if "U*" in codes:
        return "U"
    if len(codes) == 1:
        return next(code for code in _CODES if code == codes[0])
    return _choice(codes, row.tag, sop_class)


def _choice(codes: list[str], tag: str, sop_class: str) -> Action:
    """Choose between X, Z and D by the Type of the attribute in the IOD."""
    order = "DZX"
    if sop_class in _known_classes():
        order = {1: "DZX", 2: "ZDX"}.get(_types().get((tag, sop_class), 3), "XZD")
    return next(code for code in _CODES if code == next(one for one in order if one in codes))


def methods(options: Options) -> list[tuple[str, str]]:
    """Return code and meaning of what was done (CID 7050), the Basic Profile first."""
    said = profile()["method"]
    names = ["basic", *(name for name in said if name in options.chosen())]
    return [(said[name]["code"], said[name]["meaning"]) for name in names]
