"""Will somebody seriously ill in hospital be dead within 180 days? Boosted trees on SUPPORT2.

A choice at one horizon: in SUPPORT2 nobody is censored before it, so its figures are those of every
other choice. The risks by four more horizons come from the same logit
(`health.tables.survival_curve`); how they and curves over time (Cox, boosted) fit stands in
`benchmarks/quality/survival.py`.

Reference: Knaus et al., Ann Intern Med 122:191-203, 1995 (the question, the data, the peer).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import special

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import (
    PROBABILITY,
    Case,
    Finding,
    Interval,
    Measure,
    Record,
    RecordValue,
    Reference,
)
from suwen.core.registry import register
from suwen.health.facts.measured import NOT_SAID, Value, values_of
from suwen.health.icu.stay import variables
from suwen.health.risk.facts import rules
from suwen.health.risk.records import flagged, moment
from suwen.health.tables import survival_data
from suwen.health.tables.case import row_of
from suwen.health.tables.changes import left_out, misread
from suwen.health.tables.row import TableRow
from suwen.health.tables.survival_curve import Horizon, fitted, risks
from suwen.health.tables.task import TableTask, open_trees, table_of
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples, Output, Sample
from suwen.lifecycle.kinds import Answers, Choice
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.task import Reads

SURVIVAL: Final = "health.survival"
ADULT: Final = 18
RECENT: Final = timedelta(days=3)
MEASURED: Final = 3
"""Of whom less was measured of late, nothing is asked."""
INPATIENT: Final = ("IMP", "ACUTE", "NONAC")
"""Classes of an Encounter in which somebody lies in hospital (HL7 v3 ActCode)."""
ORDER: Final = (
    ("coma", 7.0),
    ("organ_failure", 3.0),
    ("lung_cancer", 5.0),
    ("cirrhosis", 4.0),
    ("colon_cancer", 2.0),
    ("copd", 1.0),
    ("heart_failure", 0.0),
)
"""Conditions and the number of the disease; the first that is recorded counts."""
ORGANS_AND_CANCER: Final = 6.0
HORIZONS: Final = (30.0, 90.0, 365.0, 730.0)
"""Days, beside the 180 that are asked about: from 344 on some are censored."""


def risk_by(days: float) -> Code:
    """Return the concept of death within some days."""
    return Code(
        system=f"{SUWEN}/codes",
        code=f"death-within-{days:.0f}-days",
        name=Text(en=f"Risk of death within {days:.0f} days", zh=f"{days:.0f} 天内死亡风险"),
    )


ALIVE: Final = Code(
    system=f"{SUWEN}/codes",
    code="alive-180-days",
    name=Text(en="Alive after 180 days", zh="180 天后存活"),
)
DEATH: Final = risk_by(survival_data.HORIZON)


class Survival(TableTask):
    """The probability of death within 180 days."""

    name = SURVIVAL
    title = Text(
        en="Seriously ill in hospital: death within 180 days", zh="住院危重患者：180 天内死亡风险"
    )
    reads: tuple[Reads, ...] = (
        Reads("Encounter", "", Text(en="Stay in hospital", zh="住院记录")),
        Reads("Condition", "", Text(en="Diseases", zh="疾病诊断")),
        Reads("Observation", "", Text(en="Vital signs and laboratory", zh="生命体征与检验")),
        Reads("Patient", "", Text(en="Age", zh="年龄")),
    )
    answers: Answers = Choice((ALIVE, DEATH))
    datasets: tuple[str, ...] = (survival_data.SUPPORT,)
    columns = survival_data.columns()
    perturbations = (left_out(columns, ("age", "disease")), misread(columns))
    trees = {  # noqa: RUF012
        "learning_rate": 0.08,
        "num_leaves": 6,
        "min_data_in_leaf": 80,
        "feature_fraction": 0.4,
        "bagging_fraction": 0.7,
        "lambda_l2": 20.0,
    }
    rounds = 140
    hidden = 0.1
    population = Text(
        en="Learnt from 9,105 adults with one of nine grave diseases in five American hospitals, "
        "1989 to 1994; what no record tells of cancer, diabetes and dementia is taken as absent.",
        zh="依据 1989 至 1994 年美国五家医院 9,105 名患有九类重症之一的成人建立；"
        "癌症、糖尿病、痴呆无记录者按无处理。",
    )

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train one member, and on the validation part the lines to the other horizons."""
        made = super().fit(train, valid, recipe, folder)
        trees = open_trees(folder)
        followed = np.asarray(valid.columns[survival_data.FOLLOWED], dtype=float)
        logits = trees.predict(table_of(valid), raw_score=True)
        lines = fitted(logits, np.abs(followed), followed > 0, HORIZONS)
        return {**made, "horizons": [[round(number, 5) for number in one] for one in lines]}

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the risk by 180 days, and beside it the risks by the other horizons."""
        return [_with_horizons(pack, one, output) for one in super().findings(pack, sample, output)]

    def row(self, case: Case) -> TableRow | None:
        """Return the row of somebody in hospital with one of the diseases, measured of late."""
        stay = next(_stays(case), None)
        if stay is None or any(_died(record) for record in case.of("Patient")):
            return None
        told, _ = flagged(case, _rules())
        disease = _disease(told)
        if disease is None:
            return None
        days = float((case.at - stay[0]).days + 1)
        oxygen, breathed = _oxygen(case)
        more = {**disease, "hospital_day": (days, stay[1]), **oxygen}
        found = row_of(case, self.columns, more, also=breathed, valid=RECENT)
        measured = sum(one.startswith("Observation/") for one in found.records)
        return found if measured >= MEASURED else None

    def unasked(self, row: TableRow) -> list[Text]:
        """Say why there is no answer: age not recorded, or a child."""
        if row.age >= ADULT:
            return []
        return [
            Text(
                en=f"Only adults whose age is recorded were learnt from ({ADULT} years and more).",
                zh=f"仅依据年龄有记录的成人（{ADULT} 岁及以上）建立。",
            )
        ]

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the patients whose state at 180 days is known."""
        if dataset not in self.datasets:
            raise BadInput(f"no data set {dataset!r}", f"one of {list(self.datasets)}")
        return survival_data.examples(data)


def _with_horizons(pack: Pack, found: Finding, output: Output) -> Finding:
    """Return a finding with the risk by each horizon; its interval is that of the logit."""
    if found.probability is None:
        return found
    members = [[Horizon(*one) for one in pack.member(k)["horizons"]] for k in range(pack.members)]
    own: Any = pack.answers.calibrator
    ends = special.logit([found.probability.low, found.probability.high])
    low, high = (ends - own.b) / own.a
    table = risks(members, np.array([low, float(np.mean(output.scores)), high]))
    measures = tuple(
        Measure(
            code=risk_by(days),
            interval=Interval(low=below, value=value, high=above, level=found.probability.level),
            unit=PROBABILITY,
        )
        for days, (below, value, above) in zip(HORIZONS, table.T.tolist(), strict=True)
    )
    return found.model_copy(update={"measures": measures})


def _rules() -> Mapping[str, Any]:
    """Return the rules of the risk equations with the diseases of SUPPORT among the conditions."""
    table = rules()
    conditions = table["conditions"]
    flags = {**conditions["flag"], **survival_data.knowledge()["condition"]}
    return {**table, "conditions": {**conditions, "flag": flags}}


def _stays(case: Case) -> Iterator[tuple[datetime, Reference]]:
    """Yield the stays in hospital that last at the moment of the Case, the latest first."""
    found = [
        (start, record.reference)
        for record in case.of("Encounter")
        if (start := _lasting(record, case.at)) is not None
    ]
    yield from sorted(found, reverse=True)


def _lasting(record: Record, at: datetime) -> datetime | None:
    content = record.content
    period = content.get("period", {})
    start, end = moment(period.get("start")), moment(period.get("end"))
    if content.get("class", {}).get("code") not in INPATIENT or start is None or start > at:
        return None
    over = content.get("status") in (*NOT_SAID, "finished") or (end is not None and end < at)
    return None if over else start


def _died(patient: Record) -> bool:
    content = patient.content
    return bool(content.get("deceasedBoolean") or content.get("deceasedDateTime"))


def _disease(
    told: Mapping[str, tuple[RecordValue, ...]],
) -> dict[str, tuple[float, Reference]] | None:
    """Return disease, cancer, diabetes and dementia; None without one of the diseases."""
    named = next(((name, number) for name, number in ORDER if name in told), None)
    if named is None:
        return None
    name, number = named
    source = told[name][0].record
    spread, cancer = told.get("metastatic"), told.get("any_cancer")
    if name == "organ_failure" and (cancer or spread):
        number = ORGANS_AND_CANCER
    found = {
        "disease": (number, source),
        "cancer": (2.0, spread[0].record)
        if spread
        else (1.0, cancer[0].record)
        if cancer
        else (0.0, ""),
    }
    for other in ("diabetes", "dementia"):
        known = told.get(other)
        found[other] = (1.0, known[0].record) if known else (0.0, "")
    return found


def _oxygen(
    case: Case,
) -> tuple[dict[str, tuple[float, Reference]], tuple[Reference, ...]]:
    """Return arterial oxygen by the share of oxygen breathed in, where both are recent, and what
    tells the latter.
    """
    asked = {key: variables()[key] for key in ("PaO2", "FiO2")}
    newest: dict[str, Value] = {}
    for one in values_of(case, asked):
        recent = case.at - RECENT <= one.at <= case.at
        if recent and (one.variable not in newest or one.at >= newest[one.variable].at):
            newest[one.variable] = one
    if len(newest) < len(asked) or not newest["FiO2"].value:
        return {}, ()
    ratio = newest["PaO2"].value / newest["FiO2"].value
    found = {"pao2_fio2_ratio": (ratio, newest["PaO2"].record)}
    return found, (newest["FiO2"].record,)


register(Survival())
