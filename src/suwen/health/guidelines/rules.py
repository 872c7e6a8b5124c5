"""Rules of advice as guidelines state them, read from data and held against a person's facts.

A rule is said where its condition holds. A contraindication that holds suppresses it, with the
reason; what is not known leaves it unsaid and names what is missing. Conditions are tables, never
code: a fact with the value or the limits it must have, `all`, `any` or `none` of some tables, and
`lacks` with facts that must not be known.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import ValidationError

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Noun
from suwen.lifecycle.rules import fits

Fact = float | bool | str
Facts = Mapping[str, Fact]
When = Mapping[str, Any]
Urgency = Literal["now", "soon", "routine"]
URGENCIES: Final = ("now", "soon", "routine")
"""Seek care now; see a clinician within days; what can wait for the next visit."""
EVERYONE: Final = frozenset(("age", "sex"))
"""Facts by which alone nothing is asked for."""


class Source(Noun):
    """What a rule rests on."""

    organisation: str
    title: str
    year: int
    citation: str


class Also(Noun):
    """Another source that says the same, shown to the people it is for (`where`: a flag)."""

    source: str
    place: str
    where: str


class Unless(Noun):
    """What forbids a rule, and how that is said."""

    when: dict[str, Any]
    why: Text


class Caution(Noun):
    """What has to be said beside a rule where something is known."""

    when: dict[str, Any]
    text: Text


class Goal(Noun):
    """What a rule aims at: a fact within limits, in how many days."""

    fact: str = ""
    low: float | None = None
    high: float | None = None
    unit: str = ""
    days: int
    text: Text


class Change(Noun):
    """One factor of a risk equation at the value that the rule aims at."""

    input: str
    to: float | bool
    unit: str = ""


class Effect(Noun):
    """What randomised trials found: the risk ratio for each step of `per` by which a fact falls.

    `to` is the value that the rule aims at, in the unit of the fact; `most` the largest share of
    the fact by which the treatment lowers it.
    """

    fact: str
    to: float
    per: float
    most: float = 1.0
    ratio: float
    low: float
    high: float
    source: str

    def after(self, before: float, fall: float) -> tuple[float, float, float]:
        """Return a risk after the fact fell by `fall`, and its lower and upper limit."""
        steps = fall / self.per
        after, low, high = (before * one**steps for one in (self.ratio, self.low, self.high))
        return after, low, high


class Rule(Noun):
    """One piece of advice, as its source gives it, in words of our own."""

    id: str
    topic: str
    source: str
    place: str
    strength: str
    level: str = ""
    urgency: Urgency = "routine"
    when: dict[str, Any]
    unless: tuple[Unless, ...] = ()
    caution: tuple[Caution, ...] = ()
    title: Text
    advice: Text
    next: Text
    seek: Text | None = None
    stop: Text | None = None
    goal: Goal | None = None
    what_if: Change | None = None
    effect: Effect | None = None
    yields_to: tuple[str, ...] = ()
    also: tuple[Also, ...] = ()


@dataclass
class Standing:
    """How a condition stands: holds or not (None: not known), by which facts, what is missing."""

    answer: bool | None
    used: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Said:
    """A rule that holds, the facts it rests on and what has to be said beside it."""

    rule: Rule
    used: tuple[str, ...]
    cautions: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Suppressed:
    """A rule that would hold and must not be said, why, and the facts that forbid it."""

    rule: Rule
    why: tuple[Text, ...]
    used: tuple[str, ...]


@dataclass(frozen=True)
class Lacking:
    """A rule of which something is true, and the facts that are missing to decide it."""

    rule: Rule
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What the rules say of one person."""

    said: tuple[Said, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    lacking: tuple[Lacking, ...] = ()


class Book:
    """The rules of some files, by their topics.

    Parameters
    ----------
    texts
        TOML, one text a topic: `topic`, `name`, `applies` (a condition of every rule that does not
        have `every = true`), `source` and `rule`. A text without a topic only gives `reason`s:
        contraindications and sentences that rules after it name.

    Raises
    ------
    BadInput
        A text is no such TOML, two rules have one id, or a rule names an unknown source or rule.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self.topics: dict[str, Text] = {}
        self.sources: dict[str, Source] = {}
        self.rules: dict[str, Rule] = {}
        self._applies: dict[str, When] = {}
        self._reasons: dict[str, Any] = {}
        try:
            for text in texts:
                self._read(tomllib.loads(text))
            self._check()
        except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
            what = _first(error) if isinstance(error, ValidationError) else str(error)
            raise BadInput(
                f"rules of advice that cannot be read ({type(error).__name__}: {what})",
                "the tables topic, name, applies, source and rule",
                "compare with the rules that ship",
            ) from None

    def _read(self, content: Mapping[str, Any]) -> None:
        self._reasons |= content.get("reason", {})
        if "topic" not in content:
            return
        topic = content["topic"]
        self.topics[topic] = Text(**content["name"])
        self.sources |= {key: Source(**row) for key, row in content["source"].items()}
        for row in content["rule"]:
            entry = dict(row)
            applies = {} if entry.pop("every", False) else content.get("applies", {})
            for name in ("unless", "caution"):
                entry[name] = [self._spelled(one) for one in entry.get(name, ())]
            for name in ("seek", "stop"):
                if isinstance(entry.get(name), str):
                    entry[name] = self._reasons[entry[name]]
            rule = Rule(topic=topic, **entry)
            if rule.id in self.rules:
                raise ValueError(f"two rules {rule.id}")
            self.rules[rule.id] = rule
            self._applies[rule.id] = applies

    def _spelled(self, entry: Mapping[str, Any] | str) -> Mapping[str, Any]:
        """Return a contraindication; one given by its name stands among the reasons."""
        found: Mapping[str, Any] = self._reasons[entry] if isinstance(entry, str) else entry
        return found

    def _check(self) -> None:
        for rule in self.rules.values():
            named = {rule.source, *(one.source for one in rule.also)}
            named |= {rule.effect.source} if rule.effect else set()
            if unknown := (named - set(self.sources)) | (set(rule.yields_to) - set(self.rules)):
                raise ValueError(f"rule {rule.id} names {sorted(unknown)}")

    def source_of(self, rule: Rule) -> Source:
        """Return what a rule rests on."""
        return self.sources[rule.source]

    def effect_on(self, fact: str) -> Effect | None:
        """Return what trials found of lowering a fact, as the first rule about it states it."""
        stated = (one.effect for one in self.rules.values() if one.effect is not None)
        return next((one for one in stated if one.fact == fact), None)

    def judge(
        self, facts: Facts, exclusions: bool = True, suspected: Collection[str] = ()
    ) -> Verdict:
        """Return which rules are said of these facts, which are suppressed and which undecided.

        With `exclusions` off neither contraindications nor the people a topic is for are looked
        at: the bare thresholds, a floor to compare with. What is only `suspected`, and so among no
        facts, is a reason for nothing but care at once; it forbids and warns as if it were known.
        """
        said: dict[str, Said] = {}
        suppressed, lacking = [], []
        feared = {**facts, **dict.fromkeys(suspected, True)}
        for rule in self.rules.values():
            applies = standing(self._applies[rule.id] if exclusions else {}, facts)
            own = standing(rule.when, facts)
            if rule.urgency == "now" and own.answer is None:
                own = standing(rule.when, feared)
            if applies.answer is False or own.answer is False:
                continue
            if None in (applies.answer, own.answer):
                missing = tuple(dict.fromkeys((*applies.missing, *own.missing)))
                if (set(own.used) - EVERYONE or set(own.missing) & set(suspected)) and missing:
                    lacking.append(Lacking(rule, missing))
                continue
            forbidden = _forbidden(rule, feared) if exclusions else None
            if forbidden is not None:
                suppressed.append(forbidden)
            else:
                used = tuple(dict.fromkeys(own.used or applies.used))
                said[rule.id] = Said(rule, used, _cautions(rule, feared))
        kept = tuple(one for one in said.values() if not set(one.rule.yields_to) & set(said))
        return Verdict(kept, tuple(suppressed), tuple(lacking))


def standing(when: When, facts: Facts) -> Standing:
    """Return how a condition stands; one without entries holds."""
    return _together([_one(name, wanted, facts) for name, wanted in when.items()])


def _together(parts: Sequence[Standing]) -> Standing:
    answers = [one.answer for one in parts]
    held = False if False in answers else None if None in answers else True
    return Standing(
        held,
        [name for one in parts for name in one.used],
        [name for one in parts for name in one.missing],
    )


def _one(name: str, wanted: Any, facts: Facts) -> Standing:
    if name == "all":
        return _together([standing(one, facts) for one in wanted])
    if name in ("any", "none"):
        return _several(name, [standing(one, facts) for one in wanted])
    if name == "lacks":
        return Standing(not any(one in facts for one in wanted))
    if name not in facts:
        return Standing(None, missing=[name])
    held = fits(facts[name], wanted)
    # That something is not there is no reason of an advice, so it is not named as one.
    return Standing(held, used=[name] if held and wanted is not False else [])


def _several(name: str, parts: Sequence[Standing]) -> Standing:
    """Return how `any` of some conditions stands, or `none` of them."""
    answers = [one.answer for one in parts]
    held = True if True in answers else None if None in answers else False
    missing = [] if held is not None else [name for one in parts for name in one.missing]
    if name == "none":
        return Standing(None if held is None else not held, missing=missing)
    used = [name for one in parts if one.answer for name in one.used]
    return Standing(held, used, missing)


def _forbidden(rule: Rule, facts: Facts) -> Suppressed | None:
    held = [(one, found) for one in rule.unless if (found := standing(one.when, facts)).answer]
    if not held:
        return None
    used = dict.fromkeys(name for _, found in held for name in found.used)
    return Suppressed(rule, tuple(one.why for one, _ in held), tuple(used))


def _cautions(rule: Rule, facts: Facts) -> tuple[Text, ...]:
    return tuple(one.text for one in rule.caution if standing(one.when, facts).answer)


def _first(error: ValidationError) -> str:
    row = error.errors()[0]
    return f"{'.'.join(map(str, row['loc']))}: {row['msg']}"
