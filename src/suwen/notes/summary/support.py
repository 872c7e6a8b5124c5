"""Is a statement supported by what it cites? Checked word by word; in doubt it is not.

Every number with its unit and a word beside it, every side with the word it stands by, and every
word of content has to be in the cited text; and a word that is denied, unsure, of a relative or of
the past there may not lose that on the way, nor win it. `knowledge/support.toml` has the words.
This is a filter for machine writing, not an understanding: it errs on the side of dropping.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from suwen.core.codes import Text
from suwen.notes.measures.numerals import with_digits
from suwen.notes.normalise import normalised

SOURCE: Final = Path(__file__).parents[1] / "knowledge" / "support.toml"
Why = Literal["number", "side", "word", "denied", "unsure", "others", "past"]
REASONS: Final[Mapping[Why, Text]] = {
    "number": Text(en="a number or unit that is not in the sources", zh="数字或单位没有出处"),
    "side": Text(en="a side that is not in the sources", zh="左右侧没有出处"),
    "word": Text(en="a term that is not in the sources", zh="术语没有出处"),
    "denied": Text(en="denied where the sources affirm, or the reverse", zh="否定与原文不一致"),
    "unsure": Text(en="more or less certain than the sources", zh="确定程度与原文不一致"),
    "others": Text(en="about another person than in the sources", zh="所述对象与原文不一致"),
    "past": Text(en="of another time than in the sources", zh="时间与原文不一致"),
}
STATES: Final[tuple[Why, ...]] = ("denied", "unsure", "others", "past")
NEAR: Final = 4
"""How many words after a side it may belong to."""

_NUMBER = re.compile(
    r"(?P<number>\d+(?:[.,/:]\d+)*)\s*(?P<unit>%|°?\s?[CF]\b|℃|[a-zA-Zµμ]+(?:/[a-zA-Z0-9µμ]+)*)?"
)
_TOKEN = re.compile(r"[a-z][a-z'-]*|[\u3400-\u9fff]+|\d+(?:[.,/:]\d+)*")
_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True)
class _Word:
    """A word of content with what holds of it."""

    stem: str
    states: frozenset[str]
    side: str
    sides: frozenset[str]
    """Every side its clause names."""


@cache
def _known() -> Mapping[str, Any]:
    return tomllib.loads(SOURCE.read_text(encoding="utf-8"))


def unsupported(statement: str, sources: str) -> Why | None:
    """Return why a statement is not supported by the sources, None where it is.

    Parameters
    ----------
    statement
        One sentence.
    sources
        What it cites, a text to a line.
    """
    said = with_digits(normalised(statement).text.lower())
    known = with_digits(normalised(sources).text.lower())
    if not _counted(said, known):
        return "number"
    theirs: dict[str, list[_Word]] = {}
    for word in _words(known):
        theirs.setdefault(word.stem, []).append(word)
    mine = list(_words(said))
    if not mine:
        return "word"
    for word in mine:
        if word.stem not in theirs:
            return "word"
    for word in mine:
        if word.side and not any(_same_side(word, other) for other in theirs[word.stem]):
            return "side"
    for word in mine:
        if not any(word.states == other.states for other in theirs[word.stem]):
            return _difference(word, theirs[word.stem])
    return None


def _same_side(word: _Word, other: _Word) -> bool:
    return word.side == other.side or (not other.side and word.side in other.sides)


def gives_orders(text: str) -> bool:
    """Say whether a text speaks to a machine ("ignore previous instructions")."""
    return bool(_orders().search(normalised(text).text.lower()))


@cache
def _orders() -> re.Pattern[str]:
    return re.compile(_known()["orders"]["pattern"])


def _difference(word: _Word, others: list[_Word]) -> Why:
    nearest = min(others, key=lambda other: len(word.states ^ other.states))
    return next(state for state in STATES if state in word.states ^ nearest.states)


@dataclass(frozen=True)
class _Number:
    """A number with its unit, and the words of content before it (since the last one) and after."""

    value: str
    unit: str
    before: frozenset[str]
    after: frozenset[str]


def _counted(said: str, known: str) -> bool:
    """Say whether each number is in a source, with its unit and beside one of the same words."""
    theirs = [number for line in known.splitlines() for number in _numbers(line)]
    for mine in _numbers(said):
        beside = mine.before or mine.after
        if not any(
            mine.value == other.value
            and mine.unit in (other.unit, "")
            and (
                not beside
                or not other.before | other.after
                or beside & (other.before | other.after)
            )
            for other in theirs
        ):
            return False
    return True


def _numbers(text: str) -> Iterator[_Number]:
    matches = list(_NUMBER.finditer(text))
    edges = [0, *(match.end() for match in matches)]
    words = [
        frozenset(word.stem for word in _words(text[start:stop]))
        for start, stop in zip(edges, [*(m.start() for m in matches), len(text)], strict=True)
    ]
    for place, match in enumerate(matches):
        unit = re.sub(r"[\s°]", "", match["unit"] or "")
        unit = "" if unit in _free() else unit
        value = match["number"].rstrip(".,/:").replace(",", "")
        yield _Number(value, unit, words[place], words[place + 1])


@cache
def _free() -> frozenset[str]:
    return frozenset(_known()["free"]["english"])


@cache
def _clauses() -> re.Pattern[str]:
    return re.compile(_known()["clauses"]["pattern"])


@cache
def _chinese_cut() -> re.Pattern[str]:
    """Return a pattern of the Chinese words that carry no content, and of cues and sides."""
    words = [*_known()["free"]["chinese"]]
    for group in (_known()["cues"], _known()["sides"]):
        words += [one for known in group.values() for one in known if _HAN.match(one)]
    return re.compile("|".join(sorted(map(re.escape, words), key=len, reverse=True)))


@cache
def _english_cues() -> Mapping[str, frozenset[str]]:
    return {state: frozenset(words) for state, words in _known()["cues"].items()}


def _words(text: str) -> Iterator[_Word]:
    """Yield the words of content of a text with what the cues before them in the clause say."""
    for clause in _clauses().split(re.sub(r"(?<=\d)\.(?=\d)", "·", text)):
        states: set[str] = set()
        side, left = "", 0
        pieces = list(_pieces(clause))
        sides = frozenset(filter(None, map(_side, pieces)))
        for token in pieces:
            marks = {state for state, words in _english_cues().items() if token in words}
            if "n't" in token:
                marks.add("denied")
            found = _side(token)
            left = max(0, left - 1)
            if found:
                side, left = found, NEAR
            if marks:
                states |= marks
            if found or marks or token in _free():
                continue
            yield _Word(_stem(token), frozenset(states), side if left else "", sides)


def _side(token: str) -> str:
    return next((side for side, words in _known()["sides"].items() if token in words), "")


def _pieces(clause: str) -> Iterator[str]:
    """Yield English words, and Chinese as pairs of characters between words without content."""
    for match in _TOKEN.finditer(clause):
        token = match[0]
        if token[0].isdigit():
            continue
        if not _HAN.match(token):
            yield token.strip("'-")
            continue
        at = 0
        for cut in _chinese_cut().finditer(token):
            yield from _pairs(token[at : cut.start()])
            yield cut[0]
            at = cut.end()
        yield from _pairs(token[at:])


def _pairs(run: str) -> Iterator[str]:
    if len(run) == 1:
        yield run
    yield from (run[number : number + 2] for number in range(len(run) - 1))


def _stem(word: str) -> str:
    """Return a word without the endings that do not change what it names."""
    if _HAN.match(word):
        return word
    word = word.removesuffix("'s")
    for ending, put in (
        ("ies", "y"),
        ("sses", "ss"),
        ("ing", ""),
        ("ed", ""),
        ("es", "e"),
        ("s", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word.removesuffix(ending) + put
            break
    return word.rstrip("e")
