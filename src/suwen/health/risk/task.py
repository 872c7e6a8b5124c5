"""The task `health.risk`: what published equations say of a person's risk, by rules in data.

The facts are read from the records, with their units; each equation that applies answers with its
source, and all that could not be computed is named in one finding. Nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from suwen.core.codes import Text
from suwen.core.nouns import Case, Finding, RecordValue, Reference
from suwen.core.registry import register
from suwen.health.facts.published import NAMES, RULES
from suwen.health.risk import examples as risk_examples
from suwen.health.risk import findings as said
from suwen.health.risk.equation import Library, Quantity, Told, library
from suwen.health.risk.facts import FACTS, UNSETTLED, Applied, Asked, Facts, applied, facts_of
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples, Output, Sample
from suwen.lifecycle.kinds import Calculated
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.rules import Published
from suwen.lifecycle.sealed.guard import Range
from suwen.lifecycle.task import Reads

RISK: Final = "health.risk"
MOST_INPUTS: Final = 60
"""More inputs than all equations together have are no person's facts."""
GAPS: Final = "gaps"


@dataclass(frozen=True)
class Gaps:
    """The equations in question that have no answer, and those a known disease rules out."""

    asked: tuple[Asked, ...] = ()
    barred: Mapping[str, str] = field(default_factory=dict)


class HealthRisk(Published):
    """Risks, scores and stages by published equations, each with its source."""

    name = RISK
    title = Text(en="Risk by published equations", zh="已发表方程的风险评估")
    reads = (
        Reads("Patient", "", Text(en="Age, sex, country", zh="年龄、性别、国家")),
        Reads(
            "Observation",
            "",
            Text(
                en="Blood pressure, lipids, HbA1c, creatinine, albuminuria, build, smoking",
                zh="血压、血脂、糖化血红蛋白、肌酐、尿白蛋白、体格、吸烟",
            ),
        ),
        Reads("Condition", "", Text(en="Known diseases", zh="已知疾病")),
        Reads("MedicationStatement", "", Text(en="Drugs", zh="用药")),
        Reads("MedicationRequest", "", Text(en="Drugs", zh="用药")),
    )
    answers = Calculated(said.RISK)
    after: tuple[str, ...] = ()
    timed = True
    datasets = (risk_examples.SET,)
    rules = RULES
    read_by = (FACTS,)
    domain: Mapping[str, Range] = {
        "inputs": Range(0, MOST_INPUTS, Text(en="The number of inputs", zh="输入项数")),
    }
    sources = (
        "AHA PREVENT: Khan et al., Circulation 149:430-449, 2024, supplement table S12",
        "Goff et al., Circulation 129(S2):S49-S73, 2014; Yadlowsky et al., Ann Intern Med "
        "169:20-29, 2018",
        "SCORE2, SCORE2-OP, SCORE2-Diabetes: Eur Heart J 42:2439-2467, 2021; 44:2544-2556, 2023",
        "QRISK3-2017: Hippisley-Cox et al., BMJ 357:j2099, 2017; ClinRisk Ltd., LGPL, qrisk.org",
        "D'Agostino et al., Circulation 117:743-753, 2008; Lindstrom & Tuomilehto, Diabetes Care "
        "26:725-731, 2003",
        "CKD-EPI 2009 and 2021, Cockcroft & Gault 1976, KDIGO 2012 and 2024; MELD, MELD-Na, "
        "MELD 3.0; CHA2DS2-VASc, HAS-BLED; NEWS2, qSOFA: named with each equation",
    )
    limits = (
        "A risk is that of a group with these values; it says nothing of causes, and each equation "
        "holds for the people it was derived in.",
        "What no record tells (treatment, diseases) is taken as absent and named in each answer.",
        "How old a value may be is our choice: lipids 5 years, blood pressure, HbA1c, creatinine "
        "and albuminuria 1 year.",
        "China-PAR is left out: its coefficients are published to two decimals only, with which "
        "its own example is not reproduced.",
        "Bands of guidelines are written from their thresholds; the publications decide.",
    )

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return one sample for each equation that answers, and one for all that do not."""
        rules = library()
        known = facts_of(case, rules)
        found = applied(known, rules)
        samples = [_sample(one, known, rules) for one in found.answered]
        if found.unanswered or found.barred:
            samples.append(_gaps(found, known, rules))
        return samples

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the reference vectors of the equations."""
        return risk_examples.examples(data, dataset, library())

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return what the equation gives; `parts` holds its answers."""
        rules = library_of(pack)
        asked = sample.data.asked if isinstance(sample.data, Gaps) else (sample.data,)
        answers = [(one, rules.answer(one.equation, one.told)) for one in asked]
        inputs = {name for one in asked for name in one.told}
        alone = isinstance(sample.data, Asked)
        return Output(
            scores=np.zeros(0),
            domain={"inputs": float(len(inputs))},
            parts={"answers": answers},
            values=dict(answers[0][1].values) if alone else {},
        )

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the answer of the equation; or one finding for all without an answer."""
        rules, answers = library_of(pack), output.parts["answers"]
        if isinstance(sample.data, Gaps):
            return [said.gaps(self.name, pack, sample, rules, answers, sample.data.barred)]
        asked, answer = answers[0]
        if not answer.values:
            return [said.gaps(self.name, pack, sample, rules, answers, {})]
        return [said.finding(self.name, pack, sample, rules, asked, answer)]

    def golden(self) -> list[Sample]:
        """Return the cases that go into the pack: one of each family, and one without an answer."""
        person: dict[str, Told] = {
            "sex": "female",
            "age": Quantity(50, "a"),
            "total_cholesterol": Quantity(200, "mg/dL"),
            "hdl_cholesterol": Quantity(1.2, "mmol/L"),
            "systolic_bp": Quantity(140, "mm[Hg]"),
            "bmi": Quantity(28, "kg/m2"),
            "egfr": Quantity(90, "mL/min/{1.73_m2}"),
            "current_smoker": True,
            "race": "white",
            "risk_region": "moderate",
            "creatinine": Quantity(80, "umol/L"),
            "uacr": Quantity(5, "mg/mmol"),
            "bilirubin": Quantity(30, "umol/L"),
            "inr": Quantity(1.4, "{INR}"),
            "sodium": Quantity(134, "mmol/L"),
            "albumin": Quantity(31, "g/L"),
        }
        keys = (
            *("PREVENT_2023_uacr_10y", "PREVENT_2023_base_30y", "PCE_2013_Goff", "SCORE2"),
            *("Framingham_general_CVD_2008_BMI", "CKD-EPI_2021_creatinine", "KDIGO_CKD_category"),
            *("MELD_3.0", "CHA2DS2-VASc"),
        )
        unit = {**person, "total_cholesterol": Quantity(5, "mg/dL")}
        gaps = Gaps((Asked("PREVENT_2023_base_10y", unit), Asked("QRISK3_2017", person)))
        return [*(Sample(key, Asked(key, person)) for key in keys), Sample(GAPS, gaps)]


def library_of(pack: Pack) -> Library:
    """Return the equations as the pack has them."""
    return library(tuple(pack.path(name, 0) for name in NAMES))


def _sample(asked: Asked, known: Facts, rules: Library) -> Sample:
    evidence = said.evidence_of(rules, asked.equation, known.sources)
    return Sample(asked.equation, _narrowed(asked, rules), evidence, _records(evidence))


def _gaps(found: Applied, known: Facts, rules: Library) -> Sample:
    keys = (*(one.equation for one in found.unanswered), *found.barred)
    rows = (one for key in keys for one in said.evidence_of(rules, key, known.sources))
    barred = (
        one
        for state in found.barred.values()
        for one in known.sources.get(state) or known.sources.get(state.removeprefix(UNSETTLED), ())
    )
    evidence = tuple(dict.fromkeys((*rows, *barred)))
    asked = tuple(_narrowed(one, rules) for one in found.unanswered)
    # That other equations answer rests on every fact, so a replay needs them all.
    everything = [one for all_of_it in known.sources.values() for one in all_of_it]
    return Sample(GAPS, Gaps(asked, found.barred), evidence, _records(everything))


def _narrowed(asked: Asked, rules: Library) -> Asked:
    """Return a question with the inputs that its equation uses, and no others."""
    equation = rules.find(asked.equation)
    used = {*equation.names, *equation.entry.get("as_recorded", {})}
    told = {name: value for name, value in asked.told.items() if name in used}
    return Asked(asked.equation, told, tuple(one for one in asked.suspected if one in used))


def _records(evidence: Sequence[RecordValue]) -> tuple[Reference, ...]:
    return tuple(dict.fromkeys(one.record for one in evidence))


register(HealthRisk())
