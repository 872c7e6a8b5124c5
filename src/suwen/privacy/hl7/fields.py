"""HL7 v2 text: delimiters, escapes, repetitions and components of one field.

Reference: HL7 v2.8 chapter 2 (2.5.4 message delimiters, 2.7 use of escape sequences).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from suwen.core.errors import BadInput


@dataclass(frozen=True)
class Marks:
    """The delimiters a message defines in MSH-1 and MSH-2."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str

    @classmethod
    def of(cls, segment: str) -> Marks:
        """Read them from an MSH, BHS or FHS segment.

        Raises
        ------
        BadInput
            Two are the same, or one is a letter, digit or space.
        """
        field = segment[3:4]
        rest = segment[4:9].split(field, maxsplit=1)[0] if field else ""
        found = (rest + "^~\\&"[len(rest) :])[:4] if len(rest) < 4 else rest[:4]
        marks = cls(field, *found)
        if found[2] == found[3] == "\\":  # seen in real files: `^~\\` for `^~\&`
            marks = cls(field, found[0], found[1], "\\", "&")
        if not rest:
            raise BadInput("an HL7 header without delimiters", "MSH|^~\\&", "correct MSH-2")
        alone = {marks.field, marks.component, marks.repetition, marks.escape, marks.subcomponent}
        if len(alone) < 5 or any(one.isalnum() or one.isspace() for one in alone):
            raise BadInput("an HL7 header without usable delimiters", "MSH|^~\\&", "correct MSH-2")
        return marks

    def unescaped(self, text: str) -> str:
        """Return a text with its escape sequences resolved; formatting becomes line breaks."""
        if self.escape not in text:
            return text
        mark = re.escape(self.escape)
        return re.sub(rf"{mark}([^{mark}\r\n]{{0,200}}){mark}", self._resolved, text)

    def _resolved(self, match: re.Match[str]) -> str:
        word = match[1]
        simple = {
            "F": self.field,
            "S": self.component,
            "T": self.subcomponent,
            "R": self.repetition,
            "E": self.escape,
            "H": "",
            "N": "",
        }
        if word in simple:
            return simple[word]
        if word.startswith("."):
            return "\n"
        if word[:1] == "X" and re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", word[1:]):
            return bytes.fromhex(word[1:]).decode("utf-8", "replace")
        return " "

    def escaped(self, text: str) -> str:
        """Return a text that may stand in a component."""
        if not _special(self).search(text):
            return text
        e = self.escape
        text = text.replace(e, f"{e}E{e}")
        for letter, mark in (("F", self.field), ("S", self.component), ("R", self.repetition),
                             ("T", self.subcomponent)):  # fmt: skip
            text = text.replace(mark, f"{e}{letter}{e}")
        return re.sub(r"\r\n|\r|\n", lambda _: f"{e}.br{e}", text)

    def each(self, field: str, how: Callable[[list[str]], list[str]]) -> str:
        """Return a field with `how` applied to the components of each repetition, unescaped."""
        return self.repetition.join(
            self._joined(how([self.unescaped(one) for one in part.split(self.component)]))
            for part in field.split(self.repetition)
        )

    def _joined(self, components: list[str]) -> str:
        while components and not components[-1]:
            components.pop()
        return self.component.join(self.escaped(one) for one in components)


@lru_cache(maxsize=64)
def _special(marks: Marks) -> re.Pattern[str]:
    """Return what has to be escaped among these delimiters."""
    signs = (marks.escape, marks.field, marks.component, marks.repetition, marks.subcomponent)
    return re.compile(f"[{re.escape(''.join(signs))}\\r\\n]")
