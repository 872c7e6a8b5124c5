"""What is wrong with an image or a series, in words a reader can act on.

A *warning* is shown beside the result; a *refusal* means that no volume is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from suwen.core.codes import Text


class Severity(StrEnum):
    """Whether reading goes on."""

    WARNING = "warning"
    REFUSAL = "refusal"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, without patient content."""

    severity: Severity
    code: str
    text: Text

    @property
    def refuses(self) -> bool:
        """Say whether the series must not be used."""
        return self.severity is Severity.REFUSAL


def warning(code: str, en: str, zh: str) -> Problem:
    """Build a Problem that is shown beside the result."""
    return Problem(Severity.WARNING, code, Text(en=en, zh=zh))


def refusal(code: str, en: str, zh: str) -> Problem:
    """Build a Problem that keeps a volume from being built."""
    return Problem(Severity.REFUSAL, code, Text(en=en, zh=zh))


def joined(*parts: Text | None) -> Text | None:
    """Return sentences as one text; None when there is none."""
    texts = [part for part in parts if part is not None]
    if not texts:
        return None
    return Text(en=" ".join(text.en for text in texts), zh="".join(text.zh for text in texts))
