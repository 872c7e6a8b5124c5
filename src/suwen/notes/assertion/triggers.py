"""Trigger phrases of assertion rules, found in a text by one walk over its words.

The phrases are data (`knowledge/assertion_*.toml`). They are put into one tree of words (for
Chinese, of characters), so that the time a text takes does not grow with the number of phrases.

References: Chapman et al., J Biomed Inform 34:301, 2001 (NegEx: triggers, pseudo-triggers, ends of
scope); Harkema et al., J Biomed Inform 42:839, 2009 (ConText: the same for time and experiencer);
Aho and Corasick, Commun ACM 18:333, 1975 (many phrases in one walk).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Literal

from suwen.core.errors import BadInput
from suwen.notes.folding import Folded, fold

AXES: Final[Mapping[str, tuple[str, ...]]] = {
    "presence": ("present", "absent", "possible", "conditional", "hypothetical"),
    "temporality": ("recent", "historical"),
    "experiencer": ("patient", "family", "other"),
    "section": (),
}
"""What is decided, each with its values; the default comes first."""
ENDS: Final = "end"
"""Value of a trigger that decides nothing and ends the scope of others."""
NOTHING: Final = "nothing"
"""Value of a phrase that looks like a trigger and is none (`no change`, `无力`)."""
WORD: Final = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|\S")
"""A word of letters, else one character: the unit that phrases and reaches are counted in."""
NUMBER, YEAR = "#", "####"
"""Stand in a phrase for any whole number, and for one of four digits."""
PHRASE: Final = re.compile(f"#+|{WORD.pattern}")
CLOSING: Final = frozenset(",.;:。!?)、")
OPENING: Final = frozenset(",.;:。!?(、")
OPTIONS: Final = ("reach", "commas", "inside", "closing", "opening", "over")
Side = Literal["before", "after", "around"]


@dataclass(frozen=True)
class Rule:
    """What a trigger phrase says, and of what.

    Parameters
    ----------
    axis, value
        What is decided and how; `value` may be `ENDS` or `NOTHING`.
    side
        Where the trigger stands: before or after what it decides about, or either.
    reach
        Words between trigger and mention, at most.
    commas
        Which commas the scope goes over: `any`, `bare` (only to further members of a list) or
        `none`.
    inside
        Whether the trigger also decides about a mention that it is a part of.
    closing
        Whether it is one only where punctuation or the sentence's end follows (`chest pain: none`,
        but not in `none of these`).
    opening
        Whether it is one only at the beginning of a clause (`in the past she had gout`, but not in
        `pain unlike any in the past, nausea`).
    over
        Whether it says that something has ended (`resolved`): what was so before remains so.
    """

    axis: str
    value: str
    side: Side = "before"
    reach: int = 10_000
    commas: Literal["any", "bare", "none"] = "any"
    inside: bool = False
    closing: bool = False
    opening: bool = False
    over: bool = False


@dataclass(frozen=True, order=True)
class Trigger:
    """A phrase found: words first..last (end exclusive) of a text, and its rule."""

    first: int
    last: int
    rule: Rule = field(compare=False)


@dataclass(frozen=True)
class Words:
    """The words of a folded text with where each starts and ends."""

    folded: Folded
    words: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]


@dataclass
class _Node:
    children: dict[str, _Node] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)

    def next(self, word: str) -> _Node | None:
        found = self.children.get(word)
        if found is None and word.isdigit():
            kind = YEAR if len(word) == len(YEAR) and YEAR in self.children else NUMBER
            return self.children.get(kind)
        return found


class Lexicon:
    """Phrases with their rules, as a tree of words."""

    def __init__(self) -> None:
        self.root = _Node()
        self.settings: dict[str, Any] = {}
        self.phrases = 0

    def add(self, phrase: str, rules: Sequence[Rule]) -> None:
        """Add what a phrase says; braces list alternatives (`no {sign,signs} of`)."""
        for plain in alternatives(phrase):
            node = self.root
            for word in PHRASE.findall(fold(plain).text):
                node = node.children.setdefault(word, _Node())
            if node is self.root:
                raise BadInput("an empty trigger phrase", "words", "correct the rules file")
            node.rules.extend(rules)
            self.phrases += 1

    def find(
        self, words: Sequence[str], owner: Sequence[int], firsts: Set[int] = frozenset()
    ) -> list[Trigger]:
        """Return the triggers in order; of two overlapping ones of an axis the longer, else first.

        Parameters
        ----------
        words
            The words of a text.
        owner
            For each word the number of the mention it belongs to, 0 for none, shape (n,). A phrase
            lies in a mention or outside of it: `no change` is not read in `no [change in vision]`.
        firsts
            First words of sentences.
        """
        kept: dict[str, list[tuple[int, int, list[Rule]]]] = {}
        top = self.root.children
        for first, word in enumerate(words):
            node = top.get(word)
            if node is None and (not word.isdigit() or (node := self.root.next(word)) is None):
                continue
            begins = first in firsts or first == 0 or words[first - 1] in OPENING
            best = _longest(words, owner, firsts, (first, node), begins=begins)
            for axis, (last, rules) in best.items():
                held = kept.setdefault(axis, [])
                if held and held[-1][1] > first:
                    if last - first <= held[-1][1] - held[-1][0]:
                        continue
                    held.pop()
                held.append((first, last, rules))
        spans = [
            (first, last, rule)
            for held in kept.values()
            for first, last, rules in held
            for rule in rules
        ]
        spans.sort(key=itemgetter(0, 1))
        return [Trigger(*one) for one in spans]


def _longest(
    words: Sequence[str],
    owner: Sequence[int],
    firsts: Set[int],
    start: tuple[int, _Node],
    *,
    begins: bool,
) -> dict[str, tuple[int, list[Rule]]]:
    """Return of each axis where the longest phrase from a word ends, and its rules.

    `start` is the number of the word and its node, `begins` whether a clause begins with it.
    """
    first, node = start
    best: dict[str, tuple[int, list[Rule]]] = {}
    size, place = len(words), first + 1
    while True:
        shut = place >= size or place in firsts or words[place] in CLOSING
        for rule in node.rules if owner[place - 1] == owner[first] else ():
            if (rule.closing and not shut) or (rule.opening and not begins):
                continue
            longest = best.get(rule.axis)
            if longest is None or longest[0] < place:
                best[rule.axis] = (place, [rule])
            else:
                longest[1].append(rule)
        following = node.next(words[place]) if place < size else None
        if following is None:
            return best
        node, place = following, place + 1


def alternatives(phrase: str) -> Iterator[str]:
    """Yield every reading of a phrase with braces: `a{b,c}` gives `ab` and `ac`."""
    start = phrase.find("{")
    if start < 0:
        yield phrase
        return
    end = phrase.find("}", start)
    if end < 0:
        raise BadInput("a trigger phrase with an open brace", "pairs of braces", "close it")
    for choice in phrase[start + 1 : end].split(","):
        yield from alternatives(phrase[:start] + choice + phrase[end + 1 :])


def words_of(folded: Folded) -> Words:
    """Return the words of a folded text."""
    found = [(one[0], *one.span()) for one in WORD.finditer(folded.text)]
    words, starts, ends = zip(*found, strict=True) if found else ((), (), ())
    return Words(folded, words, starts, ends)


def read(paths: Sequence[Path]) -> Lexicon:
    """Read rule files into one lexicon.

    Raises
    ------
    BadInput
        A file is no TOML, or a rule in it names an axis, value or side that does not exist.
    """
    lexicon = Lexicon()
    for path in paths:
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadInput(f"rules that cannot be read: {path.name}", "a TOML file") from error
        for entry in content.get("rule", ()):
            rules = _rules(entry, path.name)
            for phrase in entry["phrases"]:
                lexicon.add(phrase, rules)
        for name, value in content.get("settings", {}).items():
            held = lexicon.settings.get(name)
            lexicon.settings[name] = value if held is None else _joined(held, value)
    return lexicon


def _joined(held: Any, value: Any) -> Any:
    return {**held, **value} if isinstance(value, dict) else [*held, *value]


def _rules(entry: Mapping[str, Any], name: str) -> list[Rule]:
    axes = entry.get("axes") or [entry.get("axis", "")]
    value, side = entry.get("value", ""), entry.get("side", "before")
    for axis in axes:
        known = axis in AXES and (axis == "section" or value in (*AXES[axis], ENDS, NOTHING))
        if not known or side not in ("before", "after", "around") or not entry.get("phrases"):
            raise BadInput(
                f"a rule of {name} with axis {axis!r}, value {value!r}, side {side!r}",
                f"an axis of {list(AXES)}, one of its values, a side and phrases",
                "correct the rules file",
            )
    options = {key: entry[key] for key in OPTIONS if key in entry}
    return [Rule(axis, value, side, **options) for axis in axes]
