"""Identifiers that have a form or a label: rules of `knowledge/identifier_rules.toml`, applied."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.privacy.words.checksums import CHECKS
from suwen.privacy.words.identifier import TYPES, Identifier

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge"
RULES: Final = KNOWLEDGE / "identifier_rules.toml"
_MACROS: Final = {
    "{J}": r"[ \t]?[-.·_/]?\s?",
    "{SEP}": r"\s*(?:\b(?:number|num|no|nr|n[uú]mero|id|code)\b\.?)?\s*(?:\b(?:is|was|of|endi"
    r"ng\s+in)\b|"
    r"[是为]|[:：=#\-]|n[.º°]|\)\s?:)?\s*[#:：]?\s?",
    "{V}": r"(?:(?-i:[A-Z]{1,3}(?:-[A-Z]{1,5})?)\s\d{2}[\da-z]*(?:[ -][\da-z]*\d[\da-z]*)*"
    r"|(?=[0-9a-z](?:[-/.]?\s?[0-9a-z]){2})(?=[a-z][a-z0-9/-]{0,12}?\d|\d)[0-9a-z]{1,24}"
    r"(?:[-/.][0-9a-z]{1,24})*(?:[ -]\d[\da-z]{2,})*(?:\s?(?:\d\s?){3,})?)",
}
_MACROS["{T}"] = (
    r"(?=(?:[a-z]{0,6}[-/ ]?){0,2}\d)(?=(?:[-/.]?[0-9a-z]){3})[a-z]{0,8}[-\s]?\d[0-9a-z]*"
    r"(?:[-/][0-9a-z]+)*(?:[ ]\d{2,}[0-9a-z]*)*(?:(?<=\d)\s\d+)*"
)
_SPACED: Final = re.compile(r"[^\w]{1,7}(?=[\dXx*])|_(?=\d)")
_SIGNS: Final = "#"
_CHINESE: Final = "字"
_BEGIN: Final = re.compile("(?<![a-z])[a-z]{2}")
_DIGIT: Final = re.compile(r"\d")
_NUMBER: Final = re.compile(r"[\dXx*]+")
"""Digits, after what may stand between them in one number was left out."""


@dataclass(frozen=True)
class Rule:
    """One rule: see the head of its file."""

    type: str
    pattern: re.Pattern[str]
    certainty: float
    why: Text
    check: str = ""
    needs: str = ""
    words: tuple[str, ...] = ()
    digits: int = 0
    sign: re.Pattern[str] | None = None

    def find(self, text: str) -> Iterator[Identifier]:
        """Yield what the rule finds."""
        check = CHECKS.get(self.check)
        for found in self.pattern.finditer(text):
            start, end = found.span(found.lastgroup or 0)
            while end > start and text[end - 1] in " \n\t\r.-":
                end -= 1
            if check is None or check(text[start:end]):
                yield Identifier(start, end, self.type, self.why, self.certainty)


@dataclass(frozen=True)
class Rules:
    """All rules of a file; `words`: those that any rule needs one of, by their first two letters.

    Those that begin with a letter and a sign stand under `_SIGNS`, Chinese ones under `_CHINESE`.
    """

    rules: tuple[Rule, ...]
    words: Mapping[str, tuple[str, ...]]


def rules_of(text: str) -> Rules:
    """Return the rules written down in TOML.

    Raises
    ------
    BadInput
        A rule names no known type or check, or its pattern is not a regular expression.
    """
    found = []
    for place, entry in enumerate(tomllib.loads(text)["rule"]):
        pattern = entry["pattern"]
        for name, written in _MACROS.items():
            pattern = pattern.replace(name, written)
        try:
            compiled = re.compile(pattern, re.IGNORECASE | re.ASCII)
        except re.error as error:
            raise BadInput(f"rule {place}: {error}", "a regular expression") from error
        check = entry.get("check", "")
        if entry["type"] not in TYPES or (check and check not in CHECKS):
            raise BadInput(f"rule {place} names an unknown type or check", "one of the known ones")
        why = Text(**entry["why"])
        saved = (entry.get("needs", ""), tuple(entry.get("words", ())), entry.get("digits", 0))
        sign = re.compile(entry["sign"], re.IGNORECASE | re.ASCII) if "sign" in entry else None
        found.append(Rule(entry["type"], compiled, entry["certainty"], why, check, *saved, sign))
    listed: dict[str, list[str]] = {}
    for one in sorted({one for rule in found for one in rule.words}):
        begin = one[:2] if _BEGIN.match(one) else _SIGNS
        listed.setdefault(begin if one.isascii() else _CHINESE, []).append(one)
    return Rules(tuple(found), {begin: tuple(ones) for begin, ones in listed.items()})


@lru_cache(maxsize=4)
def shipped_rules(path: Path = RULES) -> Rules:
    """Return the rules of a file, read once."""
    return rules_of(path.read_text(encoding="utf-8"))


def labelled(text: str, rules: Rules) -> list[Identifier]:
    """Return everything in a folded text that has the form or the label of an identifier."""
    low = text.lower()
    begins = {found[0] for found in _BEGIN.finditer(low)}
    begins |= {_SIGNS} if text.isascii() else {_SIGNS, _CHINESE}
    present = {
        one
        for begin in begins.intersection(rules.words)
        for one in rules.words[begin]
        if one in low
    }
    digits = (
        max(map(len, _NUMBER.findall(_SPACED.sub("", text))), default=0)
        if _DIGIT.search(text)
        else 0
    )
    found: list[Identifier] = []
    for rule in rules.rules:
        if (
            rule.digits <= digits
            and (not rule.words or not present.isdisjoint(rule.words))
            and (not rule.needs or any(one in text for one in rule.needs))
            and (rule.sign is None or rule.sign.search(text))
        ):
            found.extend(rule.find(text))
    return found
