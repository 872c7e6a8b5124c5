"""The facts of a Case as inputs of the risk equations, and which equations apply to it.

A value is the newest within its validity; what is derived (BMI, eGFR, ratio of lipids, standard
deviation of readings, baseline creatinine) names every record it rests on.
"""

from __future__ import annotations

import statistics
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from suwen.core.nouns import Case, Record, RecordValue
from suwen.health.facts.published import KNOWLEDGE
from suwen.health.risk import fibrillation
from suwen.health.risk.equation import Answer, Equation, Library, Quantity, Told
from suwen.health.risk.records import (
    Flags,
    Reading,
    Rules,
    flagged,
    moment,
    observed,
    onset_age,
    smoked,
    years,
)

FACTS: Final = KNOWLEDGE / "risk_facts.toml"
WHOLE_DATE: Final = len("2026-01-31")
WEEK, TWO_DAYS = timedelta(days=7), timedelta(hours=48)
UNSETTLED: Final = "suspected_"
"""Begins the state of an equation that waits for a disease to be confirmed or refuted."""
SMOKING: Final = {"never": 1.0, "former": 2.0}
"""Categories of QRISK3 that a status tells; of current smoking the amount has to be recorded."""
PREVENT: Final = {"uacr": "uacr", "hba1c": "hba1c", "sdi_decile": "sdi"}
"""Inputs that PREVENT may also use, and the name of its model with that one alone."""
RECORDED: Final = {
    "waist": "waist_recorded",
    "weight": "weight_recorded",
    "baseline_creatinine": "baseline_recorded",
}
"""Inputs without which an equation is not in question."""
ALWAYS: Final = ("sex", "age")
"""Inputs nearly everyone has; they alone ask for no equation."""


@dataclass(frozen=True)
class Asked:
    """One equation asked about one person.

    Parameters
    ----------
    told
        The inputs as they were recorded.
    suspected
        Inputs of which only a condition tells that nobody confirmed: taken as absent, and named.
    """

    equation: str
    told: Mapping[str, Told]
    suspected: tuple[str, ...] = ()


@dataclass
class Facts:
    """What is known: inputs, the records behind each, and states that equations ask for.

    `suspected` are conditions that nobody confirmed: no facts, but what asks to be settled.
    """

    told: dict[str, Told] = field(default_factory=dict)
    sources: dict[str, tuple[RecordValue, ...]] = field(default_factory=dict)
    states: set[str] = field(default_factory=set)
    suspected: set[str] = field(default_factory=set)

    def add(self, name: str, told: Told, *sources: RecordValue) -> None:
        """Add an input that is not known yet."""
        if name not in self.told:
            self.told[name] = told
            self.sources[name] = sources

    def doubt(self, suspected: Flags) -> None:
        """Add conditions that are only suspected, where they are not known."""
        for name, sources in suspected.items():
            if name not in self.told:
                self.suspected.add(name)
                self.sources[name] = sources


@dataclass(frozen=True)
class Applied:
    """The equations that answer, those that cannot and why, and those a known disease rules out."""

    answered: tuple[Asked, ...] = ()
    unanswered: tuple[Asked, ...] = ()
    barred: Mapping[str, str] = field(default_factory=dict)
    """Equations and the state that rules them out."""


@lru_cache(maxsize=1)
def rules() -> Rules:
    """Return the content of `risk_facts.toml`."""
    return tomllib.loads(FACTS.read_text(encoding="utf-8"))


def facts_of(case: Case, library: Library) -> Facts:
    """Return the facts of a Case."""
    known = Facts()
    table = rules()
    born = None
    for record in case.of("Patient"):
        born = _person(record, case.at, table, library, known)
    readings = observed(case, table, library.input_names)
    for name, all_of_it in readings.items():
        known.add(name, all_of_it[-1].told, all_of_it[-1].source)
    if (status := smoked(case, table)) is not None:
        known.add("current_smoker", status[0] == "current", status[1])
        if status[0] in SMOKING:
            known.add("smoking_category", Quantity(SMOKING[status[0]], "1"), status[1])
    firm, suspected = flagged(case, table)
    for name, sources in firm.items():
        known.states.add(name)
        known.add(name, True, *sources)
    known.doubt(suspected)
    if sources := fibrillation.suspicions(case, table):
        known.add(fibrillation.SUSPECTED, True, *sources)
    if (onset := onset_age(case, table, born)) is not None:
        known.add("age_at_diabetes_diagnosis", Quantity(onset[0], "a"), onset[1])
    _derived(known, readings, library)
    _states(known)
    return known


def _person(
    record: Record, at: datetime, table: Rules, library: Library, known: Facts
) -> date | None:
    content, own = record.content, record.reference
    told = str(content.get("birthDate", ""))
    birth = moment(told) if len(told) == WHOLE_DATE else None  # Of a year alone no age is known.
    if birth is not None:
        age = Quantity(years(birth.date(), at.date()), "a")
        known.add("age", age, RecordValue(record=own, path="Patient.birthDate"))
    if content.get("gender") in ("female", "male"):
        known.add("sex", content["gender"], RecordValue(record=own, path="Patient.gender"))
    for extension in content.get("extension", ()):
        if extension.get("url") == table["race"]["extension"]:
            for part in extension.get("extension", ()):
                code = part.get("valueCoding", {}).get("code", "")
                if code in table["race"] and code != "extension":
                    source = RecordValue(record=own, path="Patient.extension")
                    known.add("race", table["race"][code], source)
                    known.states.add("race_recorded")
    for address in content.get("address", ()):
        country = _country(str(address.get("country", "")), table)
        for region, countries in library.content["risk_score2"]["regions"].items():
            if country in countries:
                source = RecordValue(record=own, path="Patient.address.country")
                known.add("risk_region", region, source)
                known.states |= {"european"} | ({"british"} if country == "GB" else set())
    return birth.date() if birth else None


def _country(text: str, table: Rules) -> str:
    told = text.strip()
    for code, names in table["country"]["names"].items():
        if told.lower() in names:
            return str(code)
    return told.upper()


def _derived(known: Facts, readings: Mapping[str, Sequence[Reading]], library: Library) -> None:
    def in_unit(name: str) -> float | None:
        told = known.told.get(name)
        return library.valid(name, told) if isinstance(told, Quantity) else None

    def behind(*names: str) -> list[RecordValue]:
        return list(dict.fromkeys(one for name in names for one in known.sources[name]))

    weight, height = in_unit("weight"), in_unit("height")
    if weight and height:
        bmi = Quantity(weight / (height / 100.0) ** 2, "kg/m2")
        known.add("bmi", bmi, *behind("weight", "height"))
    total, hdl = in_unit("total_cholesterol"), in_unit("hdl_cholesterol")
    if total and hdl:
        lipids = behind("total_cholesterol", "hdl_cholesterol")
        known.add("cholesterol_hdl_ratio", Quantity(total / hdl, "1"), *lipids)
    if "egfr" not in known.told:
        egfr = library.answer("CKD-EPI_2021_creatinine", known.told).values
        if egfr:
            rate = Quantity(float(egfr["egfr_ml_min_1_73m2"]), "mL/min/{1.73_m2}")
            known.add("egfr", rate, *behind("sex", "age", "creatinine"))
    pressures = [
        (value, one.source)
        for one in readings.get("systolic_bp", ())
        if (value := library.valid("systolic_bp", one.told)) is not None
    ]
    if len(pressures) > 1:
        spread = statistics.stdev(value for value, _ in pressures)
        sources = [source for _, source in pressures]
        known.add("systolic_bp_sd", Quantity(spread, "mm[Hg]"), *sources)
    _before(known, readings.get("creatinine", ()), library)


def _before(known: Facts, readings: Sequence[Reading], library: Library) -> None:
    """Add the lowest creatinine of the week and of the two days before the newest (KDIGO)."""
    for name, span in (("baseline_creatinine", WEEK), ("creatinine_48h_before", TWO_DAYS)):
        earlier = [
            (value, one)
            for one in readings[:-1]
            if one.when < readings[-1].when
            and readings[-1].when - one.when <= span
            and (value := library.valid("creatinine", one.told)) is not None
        ]
        if earlier:
            value, lowest = min(earlier, key=lambda one: one[0])
            known.add(name, Quantity(value, "mg/dL"), lowest.source)


def _states(known: Facts) -> None:
    told = known.told
    if told.get("diabetes_type_1") or told.get("diabetes_type_2"):
        kind = "diabetes_type_1" if told.get("diabetes_type_1") else "diabetes_type_2"
        known.add("diabetes", True, *known.sources[kind])
    known.states |= {name for name, value in told.items() if value is True}
    if not {"total_cholesterol", "hdl_cholesterol"} <= set(told):
        known.states.add("no_lipids")
    for name, state in RECORDED.items():
        if name in told:
            known.states.add(state)


def applied(known: Facts, library: Library) -> Applied:
    """Return which equations answer for these facts, and which cannot.

    An equation is asked where at least half of what it needs besides sex and age is known. An age
    outside its range is no gap where another equation of its family is for that age.
    """
    answered, unanswered = [], []
    barred: dict[str, str] = {}
    too_old: list[tuple[Asked, str]] = []
    for entry in library.content["risk_equations"]["equation"]:
        asked = Asked(_key(entry, known), known.told, tuple(sorted(known.suspected)))
        equation = library.find(asked.equation)
        if waits := _waits(equation, known):
            barred[asked.equation] = waits
            continue
        if not _in_question(equation, known, known.states):
            continue
        if disease := _barring(entry.get("not", ()), known):
            barred[asked.equation] = disease
            continue
        answer = library.answer(asked.equation, known.told)
        if answer.values:
            answered.append(asked)
        elif _by_age_only(equation, answer):
            too_old.append((asked, entry["family"]))
        else:
            unanswered.append(asked)
    families = {library.find(one.equation).entry["family"] for one in (*answered, *unanswered)}
    unanswered += [asked for asked, family in too_old if family not in families]
    return Applied(tuple(answered), tuple(unanswered), barred)


def _key(entry: Mapping[str, Any], known: Facts) -> str:
    """Return the equation of an entry; of PREVENT the model for what else is known."""
    keys: list[str] = entry["keys"]
    if entry["family"] != "prevent":
        return keys[0]
    extra = [model for name, model in PREVENT.items() if name in known.told]
    model = extra[0] if len(extra) == 1 else "full" if extra else "base"
    return next(key for key in keys if f"_{model}_" in key)


def _waits(equation: Equation, known: Facts) -> str:
    """Return the state that an equation for people with a suspected disease waits for, or nothing.

    Fibrillation that a recording shows has its own: somebody reads that recording.
    """
    lacking = set(equation.entry.get("only", ())) - known.states
    if lacking == {fibrillation.FLAG} and fibrillation.SUSPECTED in known.states:
        return fibrillation.SUSPECTED
    settled = known.states | known.suspected
    if not lacking or not _in_question(equation, known, settled):
        return ""
    return f"{UNSETTLED}{min(lacking)}"


def _barring(diseases: Sequence[str], known: Facts) -> str:
    """Return which of some diseases rules an equation out: one that is known, else a suspected."""
    for one in diseases:
        if one in known.states:
            return one
    return next((f"{UNSETTLED}{one}" for one in diseases if one in known.suspected), "")


def _in_question(equation: Equation, known: Facts, states: Collection[str]) -> bool:
    if not set(equation.entry.get("only", ())) <= set(states):
        return False
    if equation.any_of and not any(
        name in known.told or (name == "uacr_molar" and "uacr" in known.told)
        for name in equation.any_of
    ):
        return False
    needed = [name for name in equation.entry["required"] if name not in ALWAYS]
    return 2 * sum(name in known.told for name in needed) >= len(needed)


def _by_age_only(equation: Equation, answer: Answer) -> bool:
    if not answer.outside or "age" not in answer.inputs:
        return False
    low, high = equation.entry.get("range", {}).get("age", (0.0, 200.0))
    return not low <= float(answer.inputs["age"]) <= high
