"""What is written beside a drug: dose, route, frequency, as needed, duration.

Expressions are data (`knowledge/medication.toml`); a frequency is a FHIR R4 Timing.repeat
(frequency, period, periodUnit).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from suwen.core.codes import Language
from suwen.notes.expressions import Expressions, any_of
from suwen.notes.text import Span
from suwen.notes.vocabulary.names import KNOWLEDGE

Part = Literal["dose", "route", "frequency", "as-needed", "status"]
_AMOUNT: Final = r"(?P<low>\d+(?:,\d{3})*(?:\.\d+)?|\d+/\d+|[一二两三四半]|one|two|three|half a)"
_START: Final = r"(?:(?<![a-z])|(?![a-z]))"
"""A Latin word begins here, or what begins is no Latin word: 20mg每晚."""
_COUNTS: Final = {"一": 1.0, "二": 2.0, "两": 2.0, "三": 3.0, "四": 4.0, "五": 5.0, "六": 6.0,
                  "七": 7.0, "八": 8.0, "十二": 12.0, "半": 0.5, "one": 1.0, "two": 2.0,
                  "three": 3.0, "half a": 0.5}  # fmt: skip


@dataclass(frozen=True, order=True)
class Found:
    """One expression: where it stands and what it means.

    `value` is, by part: a dose `500 mg` (UCUM unit; an annotation in braces for tablets), a route's
    name, a frequency `2/1d` (times / period and its unit), `as-needed`, or a status.
    """

    span: Span
    part: Part
    value: str


class Dose(NamedTuple):
    """An amount with its UCUM unit."""

    low: float
    high: float | None
    unit: str

    def __str__(self) -> str:
        upper = f"-{self.high:g}" if self.high is not None else ""
        return f"{self.low:g}{upper} {self.unit}"


@dataclass(frozen=True)
class _Expressions:
    dose: re.Pattern[str]
    dose_units: tuple[tuple[re.Pattern[str], str], ...]
    frequency: tuple[tuple[Any, Any, str], ...]
    """How often each expression of a frequency says; those expressions come first in `together`."""
    named: tuple[tuple[Part, tuple[str, ...]], ...]
    """Part and names of each other expression of `together`."""
    together: Expressions


def _bounded(expressions: Iterable[str]) -> re.Pattern[str]:
    """Compile expressions, one group each, whose Latin ends are word ends."""
    groups = "|".join(f"(?P<e{n}>{one})" for n, one in enumerate(expressions))
    return re.compile(rf"{_START}(?:{groups})(?:(?![a-z])|(?<![a-z]))")


@lru_cache(maxsize=1)
def _expressions() -> _Expressions:
    """Compile the expressions; they are compared with a text in lower case."""
    data = tomllib.loads((KNOWLEDGE / "medication.toml").read_text(encoding="utf-8"))
    units = data["dose_unit"]
    ways = sorted("|".join(units.values()).split("|"), key=len, reverse=True)
    dose = re.compile(
        rf"(?<![\d.a-z/]){_AMOUNT}(?:\s?(?:-|~|to|至)\s?(?P<high>\d+(?:\.\d+)?))?[\s-]?"
        rf"(?P<unit>{'|'.join(ways)})(?![a-z]|/(?!次|日|天|kg)|\s?/\s?(?:d?l|ml)\b)"
    )
    parts: tuple[tuple[Part, dict[str, str]], ...] = (
        ("as-needed", dict.fromkeys(data["as_needed"].values(), "as-needed")),
        ("route", {e: name for name, e in data["route"].items()}),
        ("status", {e: name for name, e in data["status"].items()}),
    )
    frequency = [re.compile(rf"{_START}(?:{e})") for e in data["frequency"]]
    named = [_bounded(one) for _, one in parts]
    every = [*data["frequency"], *(each for _, one in parts for each in one)]
    return _Expressions(
        dose,
        tuple((re.compile(rf"(?:{e})"), ucum) for ucum, e in units.items()),
        tuple(tuple(times) for times in data["frequency"].values()),
        tuple((part, tuple(one.values())) for part, one in parts),
        Expressions([*frequency, *named], [re.compile(f"{_START}(?={any_of(every)})")]),
    )


def find(text: str, language: Language) -> list[Found]:
    """Return doses, routes, frequencies, as-needed and statuses in order.

    Of two expressions of one part that overlap the longer one counts.
    """
    del language  # Chinese notes write bid and iv, English ones never 每日: one set serves both.
    own = _expressions()
    lower = text.lower() if len(text.lower()) == len(text) else text
    found: list[Found] = []
    for match in own.dose.finditer(lower):
        amount = _amount(match, own)
        if amount is not None:
            found.append(Found(Span(*match.span()), "dose", str(amount)))
    matches = own.together.finditers(lower)
    for every, times in zip(own.frequency, matches, strict=False):
        for match in times:
            period = _period(match, every)
            if period:
                found.append(Found(Span(*match.span()), "frequency", period))
    for (part, names), said in zip(own.named, matches[len(own.frequency) :], strict=True):
        for match in said:
            name = names[int((match.lastgroup or "e0")[1:])]
            found.append(Found(Span(*match.span()), part, name))
    return _longest(found)


def _longest(found: list[Found]) -> list[Found]:
    kept: list[Found] = []
    for one in sorted(found, key=lambda f: (f.span.start - f.span.end, f.span.start)):
        if not any(one.part == other.part and one.span.overlaps(other.span) for other in kept):
            kept.append(one)
    return sorted(kept)


def _amount(match: re.Match[str], own: _Expressions) -> Dose | None:
    written = match["low"].lower()
    if "/" in written:
        top, _, bottom = written.partition("/")
        if float(bottom) == 0:
            return None
        low = float(top) / float(bottom)
    else:
        low = _COUNTS.get(written) or float(written.replace(",", ""))
    high = float(match["high"]) if match["high"] else None
    unit = match["unit"]
    for expression, ucum in own.dose_units:
        if expression.fullmatch(unit):
            scale = 10_000 if unit.startswith("万") else 1
            return Dose(low * scale, high * scale if high is not None else None, ucum)
    return None


def _period(match: re.Match[str], every: tuple[Any, Any, str]) -> str:
    times, period, unit = every
    if period == "n":
        groups = match.groupdict()
        written = next((v for k, v in groups.items() if k.startswith("n") and v), "")
        period = _COUNTS.get(written) or (float(written) if written.isdigit() else 0)
        if not period:
            return ""
    return f"{times}/{period:g}{unit}"
