"""Everything a what-if says: both risks, limits, what trials found, and what would be assumed.

The page and the command line show what is said here. The difference of an equation is an
association. Where a guideline's rule states what randomised trials found of the change, that stands
beside it as the effect, counted down to the value the rule aims at and no further.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from suwen.core.codes import Text
from suwen.core.nouns import Interval
from suwen.health.guidelines.rules import Book
from suwen.health.risk.causal import Assumptions, assumptions, said
from suwen.health.risk.equation import Library, Told
from suwen.health.risk.limits import limits_of
from suwen.health.risk.what_if import WhatIf, what_if

FACTS: Final = {"systolic_bp": "systolic_mean"}
"""Inputs whose lowering trials tell of, and the fact of the rules that they are."""
TEN_YEARS: Final = "_10y_percent"
"""Ending of the risks that trials of some years may be read into."""


@dataclass(frozen=True)
class Trials:
    """What randomised trials found of a change: the risk after it in percent, and how far it goes.

    `until` is the value down to which the effect is counted, `wanted` the one asked for; in the
    unit of the equation.
    """

    risk: Interval
    wanted: float
    until: float
    source: str


@dataclass(frozen=True)
class Compared:
    """A what-if with what has to be known to read it.

    Parameters
    ----------
    change
        The equation's answers with and without the change.
    outcome
        The headline of the equation.
    limits
        The headline after the change with published limits; None where none are published.
    trials
        The headline after the change as randomised trials found it; None where no rule states it.
    assumptions
        What reading the difference as an effect asks for; None where nothing is drawn.
    """

    change: WhatIf
    outcome: str
    limits: Interval | None
    trials: Trials | None
    assumptions: Assumptions | None

    @property
    def before(self) -> float | bool | str:
        """The headline as the person is."""
        return self.change.before.values[self.outcome]

    @property
    def after(self) -> float | bool | str:
        """The headline with the factor at its other value."""
        return self.change.after.values[self.outcome]

    @property
    def limits_shown(self) -> str:
        """The published limits as they are written; nothing where there are none."""
        return f"[{self.limits.low:.1f}%, {self.limits.high:.1f}%]" if self.limits else ""

    def lines(self) -> list[Text]:
        """Return in words what the difference is and is not, and what would be assumed."""
        words = [self.change.note]
        if self.trials is not None:
            words.append(_of_trials(self.trials, self.change.before.inputs[self.change.changed]))
        if self.assumptions is not None:
            before, after = float(self.before), float(self.after)
            ratio = before / after if before > 0 and after > 0 and before != after else None
            words += said(self.assumptions, ratio, self._ratios())
        return words

    def _ratios(self) -> tuple[float, float] | None:
        """Return the limits of the ratio of the two risks."""
        if self.limits is None or self.limits.low <= 0:
            return None
        before = float(self.before)
        return self.limits.low / before, self.limits.high / before


def compared(
    equation: str,
    inputs: Mapping[str, Told],
    change: Mapping[str, Told],
    library: Library,
    book: Book,
) -> Compared:
    """Return what an equation says with one factor at another value, and how that is to be read.

    Parameters
    ----------
    equation, inputs, change
        As for `what_if.what_if`.
    library
        The equations.
    book
        The rules of advice, which state what trials found.

    Raises
    ------
    BadInput
        As `what_if.what_if` does.
    """
    found = what_if(equation, inputs, change, library)
    outcome = str(library.find(equation).entry["headline"])
    row = library.content["risk_equations"]["outcome"].get(outcome, {})
    if row.get("unit") != "%":
        return Compared(found, outcome, None, None, None)
    entered = (*found.before.inputs, *found.before.assumed)
    return Compared(
        found,
        outcome,
        limits_of(found, outcome),
        _trials(found, outcome, book),
        assumptions(found.changed, entered),
    )


def _trials(change: WhatIf, outcome: str, book: Book) -> Trials | None:
    """Return what trials found of a factor that falls; None where no rule states it."""
    fact = FACTS.get(change.changed)
    effect = book.effect_on(fact) if fact else None
    if effect is None or not outcome.endswith(TEN_YEARS):
        return None
    now, wanted = (float(one.inputs[change.changed]) for one in (change.before, change.after))
    until = max(wanted, effect.to)
    fall = min(now - until, now * effect.most)
    if fall <= 0:
        return None
    after, low, high = effect.after(float(change.before.values[outcome]), fall)
    return Trials(
        Interval(value=after, low=low, high=high),
        wanted,
        now - fall,
        book.sources[effect.source].citation,
    )


def _of_trials(found: Trials, now: float | bool | str) -> Text:
    risk, begins = found.risk, f"{float(now):.0f}"
    limits = f"{risk.low:.1f}%, {risk.high:.1f}%"
    en = (
        f"Effect by randomised trials of lowering it from {begins} to {found.until:.0f}: "
        f"{risk.value:.1f}% [{limits}] ({found.source})."
    )
    zh = (
        f"随机试验所示由 {begins} 降至 {found.until:.0f} 的效应：{risk.value:.1f}% [{limits}]"
        f"（{found.source}）。"
    )
    if found.until > found.wanted:
        en += " It is counted down to the aim of the guideline, not beyond."
        zh += "仅计至指南目标值。"
    return Text(en=en, zh=zh)
