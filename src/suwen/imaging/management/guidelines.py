"""Rules of a management guideline, read from data and applied to what is known of a nodule.

Rules are tried in order and the first that holds decides. A condition on something unknown neither
holds nor fails: its rule stays possible and the search goes on. One category left is the answer,
even where something is unknown; several are a range, with the unknowns that would narrow it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.lifecycle.rules import fits

Fact = str | float | bool
Facts = Mapping[str, Fact]
Basis = Literal["diameter", "volume"]
SIZES: Final = {"total": "total_mm3", "solid": "solid_mm3"}
"""Facts that are mean diameters in mm, with the fact that holds the same as a volume in mm3."""


@dataclass(frozen=True)
class Advice:
    """One nodule under one guideline.

    Parameters
    ----------
    purpose
        Which guideline: a key of `management.GUIDELINES`.
    now, before
        Facts of the nodule on the current and on the earlier study: kind, total, total_mm3, solid,
        solid_mm3; `before` is empty without a matched earlier nodule.
    followed
        `first` without an earlier CT, `matched`, `new`, or empty where that is not known.
    days
        Days between the studies.
    context
        Facts about patient and examination.
    uid, label, side, lobe
        Tracking identity, lung and lobe.
    """

    purpose: str
    now: Mapping[str, Fact]
    before: Mapping[str, Fact] = field(default_factory=dict)
    followed: str = "first"
    days: float = 0.0
    context: Mapping[str, Fact] = field(default_factory=dict)
    uid: str = ""
    label: str = ""
    side: str = ""
    lobe: str = ""


@dataclass(frozen=True)
class Rule:
    """One row of the guideline."""

    id: str
    category: str
    clause: str
    when: Mapping[str, Any]


@dataclass(frozen=True)
class Category:
    """What a row leads to."""

    name: Text
    management: Text


@dataclass(frozen=True)
class Verdict:
    """What a guideline says about one nodule.

    Parameters
    ----------
    categories
        Possible categories, mildest first as the guideline lists them; one: decided.
    rules
        Ids of the rules that led there.
    inputs
        What the rules looked at, with its value.
    missing
        Inputs that were looked for, are not known and would narrow the answer.
    assumed
        Inputs that were not known and were taken as absent.
    outside
        Why the guideline does not apply; empty where it does.
    """

    categories: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    inputs: Facts = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    outside: tuple[Text, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether there is exactly one category and nothing speaks against using it."""
        return len(self.categories) == 1 and not self.missing and not self.outside


class Guideline:
    """A guideline as read from its TOML text.

    Raises
    ------
    BadInput
        The text is no TOML, or a rule names a category or an input that is not declared.
    """

    def __init__(self, text: str) -> None:
        try:
            self._content = tomllib.loads(text)
            self.name = Text(**self._content["name"])
            self.source = str(self._content["source"])
            self.prefix = str(self._content["code_prefix"])
            self.rules = tuple(Rule(**rule) for rule in self._content["rule"])
            self._check()
        except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
            raise BadInput(
                f"guideline rules that cannot be read ({type(error).__name__}: {error})",
                "the tables name, mm3, growth, applies, input, assumed, category and rule",
                "compare with the rules that ship",
            ) from None

    def _check(self) -> None:
        for rule in self.rules:
            if rule.category not in self.categories:
                raise ValueError(f"rule {rule.id}: category {rule.category}")
            if unknown := set(rule.when) - set(self.inputs):
                raise ValueError(f"rule {rule.id}: inputs {sorted(unknown)}")
        if len({rule.id for rule in self.rules}) < len(self.rules):
            raise ValueError("two rules of one id")

    @cached_property
    def categories(self) -> Mapping[str, Category]:
        """Categories by short name, mildest first."""
        return {
            name: Category(Text(**entry["name"]), Text(**entry["management"]))
            for name, entry in self._content["category"].items()
        }

    @cached_property
    def inputs(self) -> Mapping[str, Text]:
        """Names of the inputs for people."""
        return {name: Text(**text) for name, text in self._content["input"].items()}

    @property
    def for_all(self) -> Text:
        """What holds for the examination as a whole."""
        return Text(**self._content["for_all"])

    @property
    def growth_mm(self) -> tuple[float, float]:
        """Increase of the mean diameter in mm that is growth, and within how many months."""
        growth = self._content["growth"]
        return float(growth["more_than_mm"]), float(growth["within_months"])

    def rank(self, category: str) -> int:
        """Return the place of a category from the mildest."""
        return list(self.categories).index(category)

    def rule(self, name: str) -> Rule:
        """Return the rule of that id."""
        return next(rule for rule in self.rules if rule.id == name)

    def evaluate(self, facts: Facts) -> Verdict:
        """Return what the guideline says; by diameter and by volume where both are known.

        Where the two disagree both categories are returned.
        """
        bases: tuple[Basis, ...] = ("diameter", "volume")
        given = [one for one in bases if ("total" if one == "diameter" else "total_mm3") in facts]
        found = [self._by(facts, basis) for basis in given or bases[:1]]
        first = found[0]
        categories = {name for one in found for name in one.categories}
        return Verdict(
            categories=tuple(sorted(categories, key=self.rank)),
            rules=tuple(dict.fromkeys(rule for one in found for rule in one.rules)),
            inputs={name: value for one in found for name, value in one.inputs.items()},
            missing=tuple(dict.fromkeys(name for one in found for name in one.missing)),
            assumed=first.assumed,
            outside=first.outside,
        )

    def _by(self, facts: Facts, basis: Basis) -> Verdict:
        known = {**self._content["assumed"], **facts}
        assumed = tuple(name for name in self._content["assumed"] if name not in facts)
        outside, missing, inputs = self._applies(known)
        names, rules = [], []
        for rule in self.rules:
            holds = [self._holds(name, wanted, known, basis) for name, wanted in rule.when.items()]
            if False in holds:
                continue
            names.append(rule.category)
            rules.append(rule.id)
            for name, answer in zip(rule.when, holds, strict=True):
                if answer is None:
                    missing.append(name)
                elif name not in assumed:
                    inputs |= self._shown(name, known, basis)
            if None not in holds:
                break
        lasting = [name for name in missing if len(set(names)) > 1 or name not in self._whens]
        return Verdict(
            categories=tuple(dict.fromkeys(names)),
            rules=tuple(rules),
            inputs=inputs,
            missing=tuple(dict.fromkeys(lasting)),
            assumed=assumed,
            outside=tuple(outside),
        )

    @cached_property
    def _whens(self) -> set[str]:
        return {name for rule in self.rules for name in rule.when}

    def _applies(self, known: Facts) -> tuple[list[Text], list[str], dict[str, Fact]]:
        outside, missing, inputs = [], [], {}
        for condition in self._content["applies"]:
            name = condition["input"]
            if name not in known:
                missing.append(name)
                continue
            if name not in self._content["assumed"]:
                inputs[name] = known[name]
            allowed = condition["is"] if "is" in condition else {"from": condition["from"]}
            if not fits(known[name], allowed):
                outside.append(Text(**condition["otherwise"]))
        return outside, missing, inputs

    def _holds(self, name: str, wanted: Any, known: Facts, basis: Basis) -> bool | None:
        """Return whether a condition holds; None where it is not known."""
        if name in SIZES and basis == "volume":
            value = known.get(SIZES[name])
            wanted = {sign: self._content["mm3"][f"{mm:g}"] for sign, mm in wanted.items()}
            return None if value is None else fits(round(float(value)), wanted)
        value = known.get(name)
        if value is None:
            return None
        if name in SIZES:
            value = self.rounded(float(value))
        return fits(value, wanted)

    def rounded(self, mm: float) -> float:
        """Return a diameter as the guideline wants it rounded (halves up)."""
        step = float(self._content["round_mm"])
        return round(int(mm / step + 0.5 + 1e-9) * step, 6)

    def _shown(self, name: str, known: Facts, basis: Basis) -> dict[str, Fact]:
        if name in SIZES and basis == "volume":
            return {SIZES[name]: round(float(known[SIZES[name]]))}
        return {name: self.rounded(float(known[name])) if name in SIZES else known[name]}


def change_of(
    guideline: Guideline, before_mm: float, now_mm: float, months: float
) -> Literal["growing", "slowly-growing", "stable", "decreased"]:
    """Return how a nodule changed in the guideline's own terms, from two mean diameters.

    Growth is an increase beyond the guideline's threshold within its time; the same increase over
    a longer time is slow growth.
    """
    threshold, within = guideline.growth_mm
    change = guideline.rounded(now_mm) - guideline.rounded(before_mm)
    if change > threshold + 1e-9:
        fast = change * within / max(months, within) > threshold + 1e-9
        return "growing" if fast else "slowly-growing"
    return "decreased" if change < -threshold - 1e-9 else "stable"
