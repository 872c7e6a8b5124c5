"""The questions of this room by name, and which of the stored answers to one is the newest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from suwen.core.nouns import Finding

ENTITIES: Final = "notes.entities"
ASSERTION: Final = "notes.assertion"
CODING: Final = "notes.coding"
FACTS: Final = "notes.facts"


def newest(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings of the newest pack; they come in the order of storing."""
    found = list(findings)
    return [one for one in found if one.pack == found[-1].pack]
