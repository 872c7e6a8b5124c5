"""What identifies a person in a text: where it stands, of which type, and how we know."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from suwen.core.codes import SUWEN, Code, Text

SYSTEM: Final = f"{SUWEN}/identifier-type"
"""System of the codes of types."""


@dataclass(frozen=True)
class Kind:
    """A type of identifier and the rule of law that names it (see `identifier_types.toml`)."""

    key: str
    name: Text
    hipaa: str
    zh_law: str

    @property
    def code(self) -> Code:
        """The type as a code."""
        return Code(system=SYSTEM, code=self.key, name=self.name)


def _types() -> dict[str, Kind]:
    path = Path(__file__).parents[1] / "knowledge" / "identifier_types.toml"
    return {
        key: Kind(key, Text(en=one["en"], zh=one["zh"]), one["hipaa"], one["zh_law"])
        for key, one in tomllib.loads(path.read_text(encoding="utf-8")).items()
    }


TYPES: Final = _types()
"""The types by their keys."""


@dataclass(frozen=True, order=True)
class Identifier:
    """Characters start..end of a text (end exclusive) that say who someone is.

    Parameters
    ----------
    type
        A key of `TYPES`.
    why
        Which rule found it.
    certainty
        How sure that makes us, in [0, 1].
    """

    start: int
    end: int
    type: str
    why: Text
    certainty: float

    def of(self, text: str) -> str:
        """Return the characters."""
        return text[self.start : self.end]
