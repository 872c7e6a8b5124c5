"""Will somebody seriously ill in hospital be dead within 180 days? Boosted trees on SUPPORT2.

A choice at one horizon, not a curve: in SUPPORT2 nobody is censored before it, so its figures are
those of every other choice. Curves over time (Cox, boosted) are compared in
`benchmarks/quality/survival.py`.

Reference: Knaus et al., Ann Intern Med 122:191-203, 1995 (the question, the data, the peer).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Case, Record, RecordValue, Reference
from suwen.core.registry import register
from suwen.health import survival_data
from suwen.health.icu import variables
from suwen.health.measured import NOT_SAID, Value, moment, values_of
from suwen.health.risk_facts import rules
from suwen.health.risk_records import flagged
from suwen.health.table import TableRow
from suwen.health.table_case import row_of
from suwen.health.table_changes import left_out, misread
from suwen.health.table_task import TableTask
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.kinds import Answers, Choice
from suwen.lifecycle.task import Examples, Reads

SURVIVAL: Final = "health.survival"
ADULT: Final = 18
RECENT: Final = timedelta(days=3)
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
ALIVE: Final = Code(
    system=f"{SUWEN}/codes",
    code="alive-180-days",
    name=Text(en="Alive after 180 days", zh="180 天后存活"),
)
DEATH: Final = Code(
    system=f"{SUWEN}/codes",
    code="death-within-180-days",
    name=Text(en="Risk of death within 180 days", zh="180 天内死亡风险"),
)


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
        "num_leaves": 8,
        "min_data_in_leaf": 80,
        "feature_fraction": 0.4,
        "bagging_fraction": 0.7,
        "lambda_l2": 20.0,
    }
    rounds = 150
    hidden = 0.1
    population = Text(
        en="Learnt from 9,105 adults with one of nine grave diseases in five American hospitals, "
        "1989 to 1994; what no record tells of cancer, diabetes and dementia is taken as absent.",
        zh="依据 1989 至 1994 年美国五家医院 9,105 名患有九类重症之一的成人建立；"
        "癌症、糖尿病、痴呆无记录者按无处理。",
    )

    def row(self, case: Case) -> TableRow | None:
        """Return the row of somebody in hospital with one of the diseases, measured of late."""
        stay = next(_stays(case), None)
        if stay is None:
            return None
        told = flagged(case, _rules())
        disease = _disease(told)
        if disease is None:
            return None
        days = float((case.at - stay[0]).days + 1)
        more = {**disease, "hospital_day": (days, stay[1]), **_oxygen(case)}
        found = row_of(case, self.columns, more, until=case.at + RECENT)
        measured = (one.startswith("Observation/") for one in found.records)
        return found if any(measured) else None

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
    if name == "organ_failure" and cancer:
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


def _oxygen(case: Case) -> dict[str, tuple[float, Reference]]:
    """Return arterial oxygen tension by the share of oxygen breathed in, where both are recent."""
    asked = {key: variables()[key] for key in ("PaO2", "FiO2")}
    newest: dict[str, Value] = {}
    for one in values_of(case, asked):
        recent = case.at - RECENT <= one.at <= case.at
        if recent and (one.variable not in newest or one.at >= newest[one.variable].at):
            newest[one.variable] = one
    if len(newest) < len(asked) or not newest["FiO2"].value:
        return {}
    ratio = newest["PaO2"].value / newest["FiO2"].value
    return {"pao2_fio2_ratio": (ratio, newest["PaO2"].record)}


register(Survival())
