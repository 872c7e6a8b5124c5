"""In which order advice is shown, and why: urgency, expected gain, what the person did before.

The gain is a fall of a published 10-year risk. Where randomised trials state the effect of a change
it is taken from them (risk ratio for each step, with its interval); otherwise the equation is asked
with the factor at its aim, which is an association and no effect. Gain times the share of earlier
advice on the topic that was carried out, (done + 1) / (tried + 2), orders what is equally urgent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.health.advice.facts import Person
from suwen.health.advice.records import Past
from suwen.health.guidelines.rules import URGENCIES, Book, Facts, Rule, Said
from suwen.health.risk.equation import Library, Quantity, Told
from suwen.health.risk.findings import inside
from suwen.health.risk.what_if import what_if

FAMILIES: Final = ("score2", "prevent", "pce", "framingham")
"""Equations that gains are read from, the first that answers."""
STRENGTHS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("I", "1", "A", "strong", "III"), 0),
    **dict.fromkeys(("IIa", "2a", "B", "2"), 1),
}
"""Ranks of strengths; of others 2. III (harm) warns, which is as strong as I."""
LEAST: Final = 0.05
"""Percentage points below which a gain is none."""


@dataclass(frozen=True)
class Gain:
    """How far a 10-year risk falls, in percent, and by what that is known.

    `low` and `high` are the limits of `after`; equal to it where no interval is known. `source` is
    that of the trials; empty for an association.
    """

    equation: str
    outcome: str
    before: float
    after: float
    low: float
    high: float
    source: str = ""

    @property
    def points(self) -> float:
        """Percentage points by which the risk falls."""
        return self.before - self.after


@dataclass(frozen=True)
class Ranked:
    """A piece of advice in its place: the gain expected and the share carried out before."""

    said: Said
    gain: Gain | None
    share: float
    tried: int
    done: int
    past: Past | None = None

    @property
    def rule(self) -> Rule:
        """The rule that gives it."""
        return self.said.rule


def ranked(
    said: Sequence[Said], person: Person, facts: Facts, book: Book, library: Library
) -> list[Ranked]:
    """Return pieces of advice in the order they are shown."""
    places = {name: place for place, name in enumerate(book.rules)}
    found = [_one(one, person, facts, book, library) for one in said]
    return sorted(found, key=lambda one: (*_order(one), places[one.rule.id]))


def _order(one: Ranked) -> tuple[int, float, int]:
    gain = one.gain.points * one.share if one.gain else 0.0
    return (
        URGENCIES.index(one.rule.urgency),
        -round(gain, 4),
        STRENGTHS.get(one.rule.strength, 2),
    )


def _one(said: Said, person: Person, facts: Facts, book: Book, library: Library) -> Ranked:
    rows = [
        past
        for name, past in person.past.items()
        if name in book.rules and book.rules[name].topic == said.rule.topic
    ]
    done = sum(one.done for one in rows)
    tried = done + sum(one.not_done for one in rows)
    gain = gain_of(said.rule, person, facts, book, library)
    share = (done + 1) / (tried + 2)
    return Ranked(said, gain, share, tried, done, person.past.get(said.rule.id))


def gain_of(rule: Rule, person: Person, facts: Facts, book: Book, library: Library) -> Gain | None:
    """Return what carrying out a rule is expected to change; None where nothing tells it."""
    key = _equation(person, library)
    if key is None or not (rule.effect or rule.what_if):
        return None
    outcome = str(library.find(key).entry["headline"])
    if rule.effect is not None:
        return _by_trials(rule, key, outcome, person, facts, book, library)
    change = rule.what_if
    if change is None:
        return None
    to: Told = bool(change.to) if isinstance(change.to, bool) else Quantity(change.to, change.unit)
    try:
        found = what_if(key, person.told, {change.input: to}, library)
    except BadInput:  # The equation has no such input, or no answer at the aim.
        return None
    before, after = (float(one.values[outcome]) for one in (found.before, found.after))
    return Gain(key, outcome, before, after, after, after) if before - after >= LEAST else None


def _by_trials(
    rule: Rule,
    key: str,
    outcome: str,
    person: Person,
    facts: Facts,
    book: Book,
    library: Library,
) -> Gain | None:
    effect = rule.effect
    value = facts.get(effect.fact) if effect else None
    if effect is None or value is None or isinstance(value, str) or float(value) <= effect.to:
        return None
    before = float(library.answer(key, person.told).values[outcome])
    fall = min(float(value) - effect.to, float(value) * effect.most)
    after, low, high = effect.after(before, fall)
    citation = book.sources[effect.source].citation
    return Gain(key, outcome, before, after, low, high, citation)


def _equation(person: Person, library: Library) -> str | None:
    """Return the equation that gains are read from."""
    for family in FAMILIES:
        for key in person.equations:
            if library.find(key).entry["family"] == family:
                return key
    return None


def why(one: Ranked, topic: Text, library: Library) -> Text:
    """Say why a piece of advice stands where it stands."""
    parts = [_gained(one.gain, library)] if one.gain else [NO_GAIN]
    if one.tried:
        parts.append(
            Text(
                en=f"Of earlier advice on {inside(topic).en} {one.done} of {one.tried} carried "
                f"out: weighted by {one.share:.2f}.",
                zh=f"既往“{topic.zh}”建议 {one.tried} 项中完成 {one.done} 项："
                f"权重 {one.share:.2f}。",
            )
        )
    if one.past is not None and one.past.open:
        since = one.past.last
        parts.append(
            Text(
                en=f"Already under way{f' since {since}' if since else ''}.",
                zh=f"已在进行中{f'（自 {since}）' if since else ''}。",
            )
        )
    if one.past is not None and one.past.not_done:
        parts.append(
            Text(en="Given before and not carried out: ask why.", zh="曾建议但未完成：请了解原因。")
        )
    return Text(en=" ".join(part.en for part in parts), zh="".join(part.zh for part in parts))


NO_GAIN: Final = Text(
    en="No equation tells its gain for this person; placed by urgency and strength.",
    zh="无适用于此人的方程估计收益；按紧急程度与推荐强度排序。",
)


def _gained(gain: Gain, library: Library) -> Text:
    title = library.find(gain.equation).title
    name = library.content["risk_equations"]["outcome"][gain.outcome]["name"]
    change = f"{gain.before:.1f}% -> {gain.after:.1f}%"
    if gain.source:
        limits = f"{min(gain.low, gain.high):.1f}%, {max(gain.low, gain.high):.1f}%"
        return Text(
            en=f"Expected: {inside(Text(**name)).en} {change} [{limits}] ({title.en}; effect from "
            f"randomised trials: {gain.source}).",
            zh=f"预期：{name['zh']} {change} [{limits}]（{title.zh}；效应来自随机试验："
            f"{gain.source}）。",
        )
    return Text(
        en=f"{name['en']} {change} in people with this factor at its "
        f"aim ({title.en}): an association, not the effect of a change.",
        zh=f"该因素达标人群的{name['zh']}：{change}（{title.zh}）：为关联，并非改变的因果效应。",
    )
