"""The task `health.advice`: what guidelines advise this person, by rules in data.

Each rule has its condition, what forbids it, its source with place and strength, and words for the
person in English and Chinese. What should be seen to at once comes first; what is forbidden is
withheld with the reason; what is not known is named. Nothing is said beyond a written source.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import numpy as np

from suwen.core.codes import Text
from suwen.core.nouns import Case, Finding, RecordValue, Reference
from suwen.core.registry import register
from suwen.health.advice import examples as advice_examples
from suwen.health.advice import findings as said
from suwen.health.advice.facts import FACTS, RECORDS, Person, person_of, standardised
from suwen.health.advice.findings import Advised
from suwen.health.advice.ranking import ranked
from suwen.health.advice.records import Past
from suwen.health.facts.published import KNOWLEDGE, Table
from suwen.health.guidelines.rules import Book
from suwen.health.risk.equation import Quantity, library
from suwen.health.risk.facts import FACTS as RISK_FACTS
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples, Output, Sample
from suwen.lifecycle.kinds import Calculated
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.rules import Published
from suwen.lifecycle.sealed.guard import Range
from suwen.lifecycle.task import Reads

ADVICE: Final = "health.advice"
TOPICS: Final = (
    *("symptoms", "blood_pressure", "glucose", "lipids", "kidney", "atrial_fibrillation"),
    *("smoking", "alcohol", "weight", "activity", "sleep", "vaccination"),
)
"""Topics in the order they stand in the pack."""
RULES: Final = (FACTS, *(KNOWLEDGE / f"advice_{topic}.toml" for topic in TOPICS))
MOST_FACTS: Final = 200
"""More facts than all rules together ask for are no person's."""
SAID, WITHHELD = "advice", "withheld"
"""Keys of the two samples: what is said, and what is not and why."""


class Advice(Published):
    """Advice by guideline rules, ranked for the person, with what is withheld and why."""

    name = ADVICE
    title = Text(en="Advice by guidelines", zh="指南建议")
    reads = (
        Reads("Patient", "", Text(en="Age, sex, country", zh="年龄、性别、国家")),
        Reads("Observation", "", Text(en="Measurements and habits", zh="测量值与生活习惯")),
        Reads("Condition", "", Text(en="Known diseases, symptoms", zh="已知疾病与症状")),
        Reads("MedicationStatement", "", Text(en="Drugs", zh="用药")),
        Reads("MedicationRequest", "", Text(en="Drugs", zh="用药")),
        Reads("AllergyIntolerance", "", Text(en="Allergies", zh="过敏")),
        Reads("Immunization", "", Text(en="Vaccinations", zh="疫苗接种")),
        Reads("Goal", "", Text(en="What became of earlier advice", zh="既往建议的落实情况")),
        Reads("Task", "", Text(en="What became of earlier advice", zh="既往建议的落实情况")),
    )
    answers = Calculated(said.GUIDELINE_ADVICE)
    after: tuple[str, ...] = ()
    timed = True
    datasets = (advice_examples.SET,)
    rules = RULES
    read_by = (RISK_FACTS, RECORDS)
    domain: Mapping[str, Range] = {
        "facts": Range(0, MOST_FACTS, Text(en="The number of facts", zh="事实项数")),
    }
    sources = (
        "AHA/ACC 2021 (chest pain), AHA/ASA 2019 (stroke); ESC 2024 (elevated blood pressure and "
        "hypertension; atrial fibrillation), ESC 2021 (prevention), ESC/EAS 2019 (dyslipidaemias), "
        "AHA/ACC 2018 (cholesterol)",
        "ADA Standards of Care 2025; ADA/EASD consensus on hyperglycaemic crises 2024; KDIGO 2022 "
        "and 2024; UK Kidney Association 2023 (hyperkalaemia)",
        "WHO 2014 (alcohol in pregnancy), 2020 (activity), 2022 (influenza vaccines), 2025 "
        "(lower-sodium salt substitutes); EASL 2018; NICE CG32, CG115",
        "USPSTF 2018 (weight, alcohol), 2020 (diet and activity), 2021 (smoking, lung cancer); "
        "AASM/SRS and NSF 2015 (sleep); ACP 2016 (insomnia)",
        "For people in China also: hypertension guideline 2024, Chinese Diabetes Society 2024",
        "CDC adult immunization schedule 2025; China CDC 2024 (influenza), Chinese Preventive "
        "Medicine Association 2020 (pneumococci), National Health Commission 2024 (obesity)",
        "Effects: BPLTTC, Lancet 397:1625, 2021; CTT, Lancet 376:1670, 2010. Each rule names its "
        "own source, place and strength in member-0/advice_*.toml",
    )
    limits = (
        "Rules are the guidelines' statements in our own words, written without their full texts "
        "at hand: a clinician checks each against its source before use.",
        "Only coded records are read: a disease, allergy or pregnancy that no record tells is "
        "taken as absent. What a note says is not read here.",
        "Blood pressures are taken as measured in an office; readings at home or in a hospital bed "
        "are not told apart.",
        "How old a value may be, and how long advice stands, are our choice.",
        "Gains come from equations of the room, for people without cardiovascular disease: of "
        "others none is given. Those not from trials are associations.",
        "Adults only, besides red flags of glucose and alcohol in pregnancy.",
    )

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return one sample for what is said and one for what is withheld; none without facts."""
        person = person_of(case, library())
        if person is None:
            return []
        everything = tuple(dict.fromkeys(one for row in person.sources.values() for one in row))
        inputs = _records(everything)
        day = f"{case.at:%Y-%m-%d}"  # Asked twice on one day, the answer is the same.
        return [Sample(f"{key} {day}", person, everything, inputs) for key in (SAID, WITHHELD)]

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the vignettes: made-up people, what has to be said to them and what not."""
        return advice_examples.examples(data, dataset, _bare)

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return each rule that is said or suppressed; `parts` holds them in their order."""
        found = advised(texts_of(pack), sample.data)
        values: dict[str, str] = {one.rule.id: one.rule.urgency for one in found.ranked}
        values |= {one.rule.id: "suppressed" for one in found.suppressed}
        if found.ranked:
            values["first"] = found.ranked[0].rule.id
        return Output(
            scores=np.zeros(0),
            domain={"facts": float(len(sample.data.told))},
            parts={"advised": found},
            values=dict(values),
        )

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the advice, or what is withheld and why."""
        found: Advised = output.parts["advised"]
        if sample.key.startswith(WITHHELD):
            return said.withheld(self.name, pack, sample, found)
        _, _, day = sample.key.partition(" ")
        at = datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None
        return said.findings(self.name, pack, sample, found, at)

    def golden(self) -> list[Sample]:
        """Return the cases that go into the pack."""
        base: dict[str, Quantity | bool | str] = {
            "sex": "male",
            "age": Quantity(58, "a"),
            "systolic_mean": Quantity(152, "mm[Hg]"),
            "diastolic_mean": Quantity(94, "mm[Hg]"),
            "systolic_bp": Quantity(152, "mm[Hg]"),
            "total_cholesterol": Quantity(5.6, "mmol/L"),
            "hdl_cholesterol": Quantity(1.1, "mmol/L"),
            "ldl": Quantity(3.6, "mmol/L"),
            "bmi": Quantity(31, "kg/m2"),
            "egfr": Quantity(80, "mL/min/{1.73_m2}"),
            "current_smoker": True,
        }
        past = {"smoking-quit": Past(done=0, not_done=1, last="2026-01-01")}
        risk = ("PREVENT_2023_base_10y",)
        urgent = {**base, "systolic_now": Quantity(192, "mm[Hg]"), "chest_pain": True}
        barred = {**base, "vascular_disease": True, "statin_allergy": True, "pregnant": True}
        return [
            Sample("ranked", Person(base, risk, past)),
            Sample("urgent", Person(urgent, risk)),
            Sample(f"{WITHHELD} barred", Person(barred)),
        ]


@lru_cache(maxsize=4)
def _book(texts: tuple[str, ...]) -> tuple[Book, Table]:
    return Book(texts), tomllib.loads(texts[0])


def texts_of(pack: Pack) -> tuple[str, ...]:
    """Return the rules as a pack has them."""
    return tuple(pack.path(path.name, 0).read_text(encoding="utf-8") for path in RULES)


def book_of(pack: Pack) -> Book:
    """Return the rules as a pack has them, read."""
    return _book(texts_of(pack))[0]


def advised(texts: tuple[str, ...], person: Person, exclusions: bool = True) -> Advised:
    """Return what rules say of a person.

    With `exclusions` off contraindications and the people a topic is for are not looked at.
    """
    book, facts = _book(texts)
    known = standardised(person, facts, library())
    verdict = book.judge(known.facts, exclusions, known.suspected)
    order = tuple(ranked(verdict.said, person, known.facts, book, library()))
    return Advised(
        person, known, order, verdict.suppressed, verdict.lacking, book, facts, library()
    )


def _bare(person: Person) -> set[str]:
    """Return what the room's rules would say without contraindications, ages and their like."""
    texts = tuple(path.read_text(encoding="utf-8") for path in RULES)
    return {one.rule.id for one in advised(texts, person, exclusions=False).ranked}


def _records(evidence: Sequence[RecordValue]) -> tuple[Reference, ...]:
    return tuple(dict.fromkeys(one.record for one in evidence))


register(Advice())
