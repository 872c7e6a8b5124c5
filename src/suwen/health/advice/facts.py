"""A person as the rules of advice see them: from records, in the units the rules are written in.

The inputs of the risk equations are read by `health.risk.facts`; what else rules ask for is read
the same way, by the tables of `knowledge/advice_records.toml`. A blood pressure that advice rests
on is the mean of several days; one day's reading only asks for more.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from statistics import fmean
from typing import Any, Final

from suwen.core.codes import Text
from suwen.core.nouns import Case, RecordValue
from suwen.health.advice.records import Past, allergies, residence, tried, vaccines
from suwen.health.facts.published import KNOWLEDGE, Table
from suwen.health.guidelines.rules import Fact
from suwen.health.risk import fibrillation as af_fact
from suwen.health.risk.equation import Library, Quantity, Told
from suwen.health.risk.facts import Facts, applied, facts_of
from suwen.health.risk.facts import rules as risk_rules
from suwen.health.risk.records import Reading, Rules, flagged, observed
from suwen.health.risk.units import converted, refused

RECORDS: Final = KNOWLEDGE / "advice_records.toml"
FACTS: Final = KNOWLEDGE / "advice_facts.toml"
PRESSURES: Final = {
    "systolic_bp": ("systolic_mean", "systolic_now"),
    "diastolic_bp": ("diastolic_mean", "diastolic_now"),
}
"""Pressures, and the facts made of their readings: the mean of several days, and the last day's."""
DAY: Final = timedelta(days=1)
ALONE: Final = frozenset(("sex", "age"))
"""Facts nearly everyone has; they alone ask for no advice."""
LATER: Final = ("_30y",)
"""Endings of equations over times that no advice is ranked by."""


@dataclass(frozen=True)
class Person:
    """What is known of one person.

    Parameters
    ----------
    told
        Facts as they were recorded, by name; numbers with their unit.
    equations
        Keys of the risk equations that answer for this person.
    past
        What became of earlier advice, by the id of its rule.
    sources
        The records behind each fact.
    suspected
        Conditions that are recorded and that nobody confirmed: no facts.
    """

    told: Mapping[str, Told]
    equations: tuple[str, ...] = ()
    past: Mapping[str, Past] = field(default_factory=dict)
    sources: Mapping[str, tuple[RecordValue, ...]] = field(default_factory=dict)
    suspected: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Known:
    """Facts in the units of the rules, those that cannot be true, those that are suspected."""

    facts: Mapping[str, Fact]
    refused: Mapping[str, Text]
    suspected: frozenset[str] = frozenset()


@lru_cache(maxsize=1)
def record_rules() -> Rules:
    """Return the content of `advice_records.toml` on top of that of the risk equations."""
    own = tomllib.loads(RECORDS.read_text(encoding="utf-8"))
    return {**risk_rules(), **own, "units": {**risk_rules()["units"], **own["units"]}}


@lru_cache(maxsize=1)
def room_facts() -> Table:
    """Return the content of `advice_facts.toml` of the room."""
    return tomllib.loads(FACTS.read_text(encoding="utf-8"))


def person_of(case: Case, library: Library) -> Person | None:
    """Return the person of a Case; None where no more than sex and age is recorded."""
    table, facts = record_rules(), room_facts()
    known = facts_of(case, library)
    equations = tuple(
        one.equation for one in applied(known, library).answered if not one.equation.endswith(LATER)
    )
    names = {name: Text(**row["name"]) for name, row in facts["input"].items()}
    names |= {name: library.input_names[name] for name in PRESSURES if name not in names}
    names["pregnancy_status"] = names["pregnant"]
    readings = observed(case, table, names)
    _pressures(known, readings, case.at, library)
    _values(known, readings, table)
    firm, suspected = flagged(case, table)
    for found in (firm, allergies(case, table), residence(case, table)):
        for name, sources in found.items():
            known.add(name, True, *sources)
    known.doubt(suspected)
    _vaccinations(known, case, table)
    past, sources = tried(case, table)
    if set(known.told) <= ALONE and not past and not known.suspected:
        return None
    behind = {**known.sources, **({"past": sources} if sources else {})}
    return Person(known.told, equations, past, behind, _asked_of(known))


def _asked_of(known: Facts) -> frozenset[str]:
    """Return the suspected conditions; fibrillation seen in a recording has a fact of its own."""
    own = {af_fact.FLAG} if af_fact.SUSPECTED in known.told else set()
    return frozenset(name for name in known.suspected - own if name not in known.told)


def _values(known: Facts, readings: Mapping[str, Sequence[Reading]], table: Rules) -> None:
    """Add the value of each fact; of a question the flag that its answer tells."""
    for name, all_of_it in readings.items():
        last = all_of_it[-1]
        asked = table["answers"].get(name)
        if table["observed"].get(name, {}).get("mean") and isinstance(last.told, Quantity):
            known.add(name, *_mean(all_of_it, last.told.unit))
        elif asked is None:
            if last.told is not False:
                known.add(name, last.told, last.source)
        elif last.told in asked["yes"]:
            known.add(asked["flag"], True, last.source)


def _mean(readings: Sequence[Reading], unit: str) -> tuple[Quantity, *tuple[RecordValue, ...]]:
    """Return the mean of the readings in one unit, and the records of them."""
    same = [
        (one.told.value, one.source)
        for one in readings
        if isinstance(one.told, Quantity) and one.told.unit == unit
    ]
    mean = Quantity(round(fmean(value for value, _ in same), 2), unit)
    return mean, *(source for _, source in same)


def _pressures(
    known: Facts, readings: Mapping[str, Sequence[Reading]], at: datetime, library: Library
) -> None:
    """Add the mean of the daily means of both pressures, where they were read on several days."""
    days = set()
    for name, (mean, now) in PRESSURES.items():
        by_day: dict[str, list[float]] = defaultdict(list)
        sources = []
        for one in readings.get(name, ()):
            value = library.valid("systolic_bp", one.told)
            if value is not None:
                by_day[f"{one.when:%Y-%m-%d}"].append(value)
                sources.append(one.source)
                if at - one.when <= DAY:
                    known.told[now], known.sources[now] = one.told, (one.source,)
        days |= set(by_day)
        if len(by_day) > 1:
            value = fmean(fmean(day) for day in by_day.values())
            known.add(mean, Quantity(round(value, 1), "mm[Hg]"), *sources)
    if days:
        every = [one.source for name in PRESSURES for one in readings.get(name, ())]
        known.add("bp_days", Quantity(float(len(days)), "1"), *every)


def _vaccinations(known: Facts, case: Case, table: Rules) -> None:
    newest, every = vaccines(case, table)
    if every:
        known.add("vaccination_record", True, *every)
    for name, given in newest.items():
        past = (case.at - given.when) / DAY
        known.add(f"{name}_days", Quantity(float(int(past)), "1"), given.source)


def standardised(person: Person, facts: Table, library: Library) -> Known:
    """Return the facts of a person in the units of the rules.

    Every flag is there, true or false, but for those that are only suspected.

    `facts` is the content of `advice_facts.toml`, of a pack or of the room.
    """
    found: dict[str, Fact] = {}
    wrong: dict[str, Text] = {}
    rows = {**library.content["risk_equations"]["input"], **facts["input"]}
    for name, row in rows.items():
        if row.get("flag") and name != "current_smoker" and name not in person.suspected:
            found[name] = person.told.get(name) is True
    for name, told in person.told.items():
        row = rows.get(name, {})
        if not isinstance(told, Quantity):
            found[name] = told
        elif "quantity" in row:
            units = facts if name in facts["input"] else library.content["risk_units"]
            title = Text(**row["name"])
            why = refused(units, row["quantity"], title, told.value, told.unit)
            value = converted(units, row["quantity"], told.value, told.unit, row["unit"])
            if why is not None:
                wrong[name] = why
            elif value is not None:
                found[name] = value
    found |= _answers(person, found, library)
    return Known(found, wrong, person.suspected & rows.keys())


def _answers(person: Person, found: Mapping[str, Fact], library: Library) -> dict[str, float]:
    """Return what equations answer that rules ask for."""

    def of(prefix: str, name: str) -> float | None:
        for key in person.equations:
            if key.startswith(prefix):
                value = library.answer(key, person.told).values.get(name)
                return None if value is None else float(value)
        return None

    answers = {
        "pce_risk": of("PCE_2013", "ascvd_10y_percent"),
        "score2_risk": of("SCORE2", _headline(library, "SCORE2")),
    }
    if found.get("atrial_fibrillation") is True:
        score = of("CHA2DS2-VASc", "score")
        if score is not None:
            # CHA2DS2-VA is the same score without the point for female sex (ESC 2024).
            answers["cha2ds2_va"] = score - float(person.told.get("sex") == "female")
    return {name: value for name, value in answers.items() if value is not None}


def _headline(library: Library, key: str) -> str:
    return str(library.find(key).entry["headline"])


def name_of(name: str, facts: Table, library: Library) -> Text:
    """Return the name of a fact for people."""
    row: Mapping[str, Any] = facts["input"].get(name) or {"name": None}
    return Text(**row["name"]) if row["name"] else library.name_of(name)


def unit_of(name: str, facts: Table, library: Library) -> str:
    """Return the UCUM unit of a fact; empty for flags and choices."""
    row = facts["input"].get(name) or library.content["risk_equations"]["input"][name]
    return str(row.get("unit", ""))
