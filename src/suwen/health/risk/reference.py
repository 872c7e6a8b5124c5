"""Whom a publication sets beside a person: same sex and age, better in all that can be better.

Reference: `knowledge/risk_reference.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from suwen.core.codes import Text
from suwen.health.facts.published import KNOWLEDGE, Table
from suwen.health.risk.equation import Answer, Library, Quantity, Told

REFERENCE: Final = KNOWLEDGE / "risk_reference.toml"


@dataclass(frozen=True)
class Beside:
    """Somebody of the same sex and age with the values a publication names, and its answer."""

    name: Text
    answer: Answer
    source: str
    url: str


@lru_cache(maxsize=1)
def published() -> Table:
    """Return the content of `risk_reference.toml`."""
    return tomllib.loads(REFERENCE.read_text(encoding="utf-8"))


def disclaimer_of(library: Library, key: str) -> Text | None:
    """Return what has to stand beside every displayed answer of an equation; mostly nothing."""
    entry = library.find(key).entry
    if not entry.get("disclaimer"):
        return None
    own = str(library.content[entry["table"]]["disclaimer"]).strip()
    return Text(en=own, zh=str(published()["disclaimer"].get(entry["table"], own)).strip())


def doi_of(citation: str) -> str:
    """Return the digital object identifier of a citation; nothing where none is known."""
    return str(published()["doi"].get(citation, ""))


def beside(library: Library, key: str, told: Mapping[str, Told]) -> Beside | None:
    """Return whom the makers of an equation set beside a person; None where they name nobody.

    Parameters
    ----------
    library, key
        The equations and the one in question.
    told
        What is known of the person, by name.
    """
    entry = next((one for one in published()["reference"] if key in one["keys"]), None)
    if entry is None:
        return None
    equation = library.find(key)
    absent = dict.fromkeys(equation.assumed, False) if entry.get("absent") else {}
    numbers = {name: Quantity(value, unit) for name, (value, unit) in entry["numbers"].items()}
    answer = library.answer(key, {**told, **absent, **numbers, **entry.get("flags", {})})
    if not answer.values:
        return None
    return Beside(Text(**entry["name"]), answer, entry["source"], entry["url"])
