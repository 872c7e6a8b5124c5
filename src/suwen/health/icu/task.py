"""Will somebody in intensive care die in the hospital? From what the first 48 hours recorded.

Boosted trees on 461 numbers of the stay (`health.icu.stay`) and a recurrent network on its course
(`health.icu.course`), explained by groups of variables that go together, by Shapley values and, as
a second opinion, by a local linear model. How both were chosen: ADR 36.

References: Silva et al., Comput Cardiol 39:245, 2012 (the question and the data); Ribeiro et al.,
KDD 2016 (LIME).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Case, Finding, RecordValue
from suwen.core.quantities import number, with_unit
from suwen.core.registry import register
from suwen.health.icu import answer
from suwen.health.icu import case as icu_case
from suwen.health.icu import data as icu_data
from suwen.health.icu import fit as icu_fit
from suwen.health.icu import stay as icu
from suwen.health.icu.case import Admission, admission, stay_of
from suwen.health.icu.changes import CHANGES
from suwen.health.icu.stay import HOURS, Stay, feature_names, groups, variables
from suwen.health.readings import plausible
from suwen.lifecycle import say
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples, Output, Sample
from suwen.lifecycle.kinds import Answers, Choice
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.reasons import explain, lime
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.run import abstention
from suwen.lifecycle.task import Perturbation, Reads

DETERIORATION: Final = "health.deterioration"
ADULT: Final = 16
"""Youngest in the data, in years."""
ENOUGH: Final = 42.0
"""Hours from admission that values have to reach: the stays learnt from all lasted 48."""
VALID: Final = timedelta(hours=24)
"""How long the answer stands after its window."""
SHOWN: Final = 5
"""Groups named as evidence: those that moved the answer most."""
REPEATS: Final = 3
"""How often the second opinion is asked for, each time with other draws."""
STEADY: Final = 0.8
"""Rank correlation between repeats below which the second opinion is called unsteady."""


def _code(code: str, en: str, zh: str) -> Code:
    return Code(system=f"{SUWEN}/codes", code=code, name=Text(en=en, zh=zh))


ALIVE: Final = _code("discharged-alive", "Discharged alive", "存活出院")
DEATH: Final = _code("in-hospital-death", "Risk of death in the hospital", "院内死亡风险")


class Deterioration:
    """The probability of death in the hospital, after two days in intensive care."""

    name = DETERIORATION
    title = Text(en="Intensive care: risk of death in the hospital", zh="重症监护：院内死亡风险")
    reads: tuple[Reads, ...] = (
        Reads("Encounter", "", Text(en="Admission to intensive care", zh="重症监护入室记录")),
        Reads("Observation", "", Text(en="Vital signs and laboratory", zh="生命体征与检验")),
        Reads("Patient", "", Text(en="Age and sex", zh="年龄与性别")),
    )
    answers: Answers = Choice((ALIVE, DEATH))
    after: tuple[str, ...] = ()
    read_by = (plausible.KNOWLEDGE, icu.KNOWLEDGE, icu_case.KNOWLEDGE)
    datasets: tuple[str, ...] = ("icu_cinc2012",)
    perturbations: tuple[Perturbation, ...] = CHANGES
    explanations = ("contributions", "lime")
    imbalances = ("none",)
    recipe = Recipe(folds=5, epochs=1, operating_point="break-even", calibration="best")
    domain_names: Mapping[str, Text] = {
        "hours": Text(en="Hours from admission to the newest value", zh="入室至最新数值的小时数"),
        "variables": Text(en="Variables with a value", zh="有数值的变量数"),
    }

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return the latest stay in intensive care; none without one."""
        admitted = admission(case)
        if admitted is None:
            return []
        stay = stay_of(case, admitted)
        records = tuple(dict.fromkeys([admitted.record, *stay.inputs]))
        evidence = tuple(_value(record) for record in stay.records.values())
        whole = evidence or (RecordValue(record=admitted.record, path="Encounter.period.start"),)
        return [Sample(_key(admitted), stay, whole, records)]

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the stays whose outcome is known."""
        if dataset not in self.datasets:
            raise BadInput(f"no data set {dataset!r}", f"one of {list(self.datasets)}")
        return icu_data.examples(data)

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train one member for a fixed time; the validation part only watches the trees."""
        curve = icu_fit.fit_trees(train, valid, recipe, folder)
        return {
            "usual": icu_fit.fit_network(train, recipe, folder),
            "features": [name.replace(" ", "_") for name in feature_names()],
            "typical": icu_fit.typical(train),
            "history": [
                {"epoch": float(i + 1), "valid_loss": value} for i, value in enumerate(curve)
            ],
        }

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return one logit a member."""
        stay: Stay = sample.data
        chosen = list(range(pack.members)) if members is None else list(members)
        domain = {"hours": stay.reach, "variables": float(stay.measured)}
        return Output(answer.logits(pack, stay, chosen), domain)

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the calibrated probability with what moved it, or why there is none."""
        stay: Stay = sample.data
        reasons = _unasked(stay) or pack.guard.reasons(output.domain)
        if reasons:
            spoilt = [] if stay.age < ADULT else _doubted(stay)
            return [abstention(self, pack, sample, [*reasons, *spoilt])]
        found = say.finding(self, pack, sample, output)
        moved, shapley = explain.check_if_shown(self, pack, sample, "contributions")
        second, linear = explain.check_if_shown(self, pack, sample, "lime")
        update: dict[str, Any] = {"explanations": (shapley, linear)}
        if stay.ended:
            update["valid_until"] = stay.ended + VALID
        if moved is not None and shapley.hidden_because is None:
            opinion = second if linear.hidden_because is None else None
            update["evidence"] = _moving(stay, moved, opinion) or found.evidence
            if opinion is not None:
                update["reason"] = _joined(found.reason, self._agreement(pack, sample, moved))
        for told in _doubted(stay):
            update["reason"] = _joined(update.get("reason", found.reason), told)
            update["evidence"] = (*update.get("evidence", found.evidence), *_not_counted(stay))
        return [found.model_copy(update=update)]

    def input_of(self, pack: Pack, sample: Sample) -> Array:
        """Return 1 for each group of variables: all of them are there, (groups,)."""
        return np.ones(len(groups()))

    def baseline(self, pack: Pack, sample: Sample) -> Array:
        """Return 0 for each group: instead of each, what is typical."""
        return np.zeros(len(groups()))

    def saliency(self, pack: Pack, sample: Sample, method: str) -> Array:
        """Return how far each group moved the logit, (groups,)."""
        if method == "contributions":
            return answer.moved(pack, sample.data)
        if method == "lime":
            return self._opinion(pack, sample, 0)
        raise BadInput(f"no explanation {method!r}", f"one of {list(self.explanations)}")

    def score_of(self, pack: Pack, sample: Sample, values: Array) -> float:
        """Return the logit with the groups at 0 replaced by what is typical."""
        return float(answer.grouped(pack, sample.data, np.asarray(values)[None])[0])

    def _opinion(self, pack: Pack, sample: Sample, seed: int) -> Array:
        return lime.local_weights(
            lambda kept: answer.grouped(pack, sample.data, kept), len(groups()), seed
        )

    def _agreement(self, pack: Pack, sample: Sample, moved: Array) -> Text:
        """Say how far the second opinion agrees, and how steady it is."""
        asked = np.array([self._opinion(pack, sample, seed) for seed in range(REPEATS)])
        first, second = (_first(one) for one in (moved, asked.mean(0)))
        both, steady = len(first & second), lime.stability(asked)
        unsteady = steady < STEADY
        return Text(
            en=f"A second method (LIME) names {both} of the same {SHOWN} groups; repeated, its "
            f"order {'varies' if unsteady else 'holds'} (rank correlation {steady:.2f}).",
            zh=f"另一种方法（LIME）给出的前 {SHOWN} 组中有 {both} 组相同；"
            f"重复计算时顺序{'不稳定' if unsteady else '稳定'}（秩相关 {steady:.2f}）。",
        )


def _first(moved: Array) -> set[int]:
    return set(np.argsort(-np.abs(moved), kind="stable")[:SHOWN].tolist())


def _key(admitted: Admission) -> str:
    return f"{admitted.record} {admitted.at.isoformat()}"


def _unasked(stay: Stay) -> list[Text]:
    """Say why the question cannot be asked of this stay; nothing where it can."""
    if not stay.age >= ADULT:
        known = not np.isnan(stay.age)
        return [
            Text(
                en=f"Only adults from {ADULT} years on were learnt from; the age here is "
                + (f"{stay.age:.0f}." if known else "not recorded."),
                zh=f"仅适用于 {ADULT} 岁及以上成人；此处年龄"
                + (f"为 {stay.age:.0f} 岁。" if known else "未记录。"),
            )
        ]
    if stay.reach < ENOUGH:
        return [
            Text(
                en=f"The question is asked after {HOURS:.0f} hours in intensive care; the newest "
                f"value here is of hour {stay.reach:.0f}.",
                zh=f"须在入住重症监护 {HOURS:.0f} 小时后作答；此处最新数值为第 "
                f"{stay.reach:.0f} 小时。",
            )
        ]
    return []


def _not_counted(stay: Stay) -> tuple[RecordValue, ...]:
    """Return the newest values that do not count, at most one a variable."""
    newest = {one.variable: one for one in sorted(stay.doubts, key=lambda one: one.at)}
    return tuple(one.evidence(variables()[key].name) for key, one in newest.items())[:SHOWN]


def _doubted(stay: Stay) -> list[Text]:
    """Say how many values do not count, and why the newest do not; nothing where all do."""
    if not stay.doubts:
        return []
    newest = {one.variable: one for one in sorted(stay.doubts, key=lambda one: one.at)}
    told = [one.told(variables()[key].name) for key, one in newest.items()][:SHOWN]
    return [
        Text(
            en=f"Not counted are {len(stay.doubts)} values, as: "
            f"{'; '.join(one.en for one in told)}.",
            zh=f"{len(stay.doubts)} 个数值未计入，如：{'；'.join(one.zh for one in told)}。",
        )
    ]


def _value(record: str) -> RecordValue:
    return RecordValue(record=record, path="Observation.value.value")


def _moving(stay: Stay, moved: Array, second: Array | None) -> tuple[RecordValue, ...]:
    """Return the groups that moved the answer most, each by its newest record."""
    found = []
    for k in np.argsort(-np.abs(moved), kind="stable")[:SHOWN].tolist():
        key, name = list(groups().items())[k]
        own = [one for one in variables().values() if one.group == key and one.key in stay.records]
        if not own:
            continue
        newest = max(own, key=lambda one: float(stay.series[one.key].hours[-1]))
        note = _note(name, [(one.name, _told(stay, one.key)) for one in own], moved[k])
        if second is not None:
            note = Text(
                en=f"{note.en}; LIME {second[k]:+.2f}", zh=f"{note.zh}；LIME {second[k]:+.2f}"
            )
        found.append(
            _value(stay.records[newest.key]).model_copy(
                update={"weight": float(moved[k]), "note": note}
            )
        )
    return tuple(found)


def _told(stay: Stay, key: str) -> str:
    variable, last = variables()[key], float(stay.series[key].values[-1])
    return with_unit(number(last), variable.unit)


def _note(group: Text, values: Sequence[tuple[Text, str]], moved: float) -> Text:
    up = moved > 0
    return Text(
        en=f"{group.en} ({', '.join(f'{name.en} {value}' for name, value in values)}) "
        f"{'raised' if up else 'lowered'} the log odds by {abs(moved):.2f}",
        zh=f"{group.zh}（{'、'.join(f'{name.zh} {value}' for name, value in values)}）"
        f"使对数几率{'升高' if up else '降低'} {abs(moved):.2f}",
    )


def _joined(first: Text | None, second: Text) -> Text:
    if first is None:
        return second
    return Text(en=f"{first.en} {second.en}", zh=f"{first.zh}{second.zh}")


register(Deterioration())
