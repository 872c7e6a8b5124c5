"""Is a coronary artery narrowed by half or more? From what is known before the angiogram.

Boosted stumps: each value adds its own amount, so that what is not known takes nothing with it.

Reference: Detrano et al., Am J Cardiol 64:304-310, 1989 (the question, the data, and how a model of
one hospital does in another).
"""

from __future__ import annotations

from typing import Final

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Case
from suwen.core.registry import register
from suwen.health.tables import heart_disease_data
from suwen.health.tables.case import row_of
from suwen.health.tables.changes import left_out, misread
from suwen.health.tables.row import TableRow
from suwen.health.tables.task import TableTask
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples
from suwen.lifecycle.kinds import Answers, Choice
from suwen.lifecycle.task import Reads

HEART_DISEASE: Final = "health.heart_disease"
ADULT: Final = 18
NONE: Final = Code(
    system=f"{SUWEN}/codes",
    code="no-coronary-stenosis",
    name=Text(en="No coronary artery narrowed by half", zh="冠状动脉无半数以上狭窄"),
)
DISEASE: Final = Code(
    system=f"{SUWEN}/codes",
    code="coronary-stenosis-probability",
    name=Text(en="Probability of coronary disease", zh="冠心病概率"),
)
ASKS: Final = ("chest_pain", "exercise_heart_rate", "exercise_angina", "exercise_st_depression")
"""Who has one of these recorded is looked at for coronary disease."""


class HeartDisease(TableTask):
    """The probability of a narrowed coronary artery."""

    name = HEART_DISEASE
    title = Text(en="Coronary disease before the angiogram", zh="冠状动脉造影前的冠心病概率")
    reads: tuple[Reads, ...] = (
        Reads("Patient", "", Text(en="Age and sex", zh="年龄与性别")),
        Reads(
            "Observation",
            "",
            Text(
                en="Chest pain, exercise test, ECG, blood pressure, cholesterol, glucose, scans",
                zh="胸痛、运动试验、心电图、血压、胆固醇、血糖、显像",
            ),
        ),
    )
    answers: Answers = Choice((NONE, DISEASE))
    datasets: tuple[str, ...] = (
        heart_disease_data.DEVELOPMENT,
        heart_disease_data.ELSEWHERE,
        heart_disease_data.EVERYWHERE,
    )
    apart = {heart_disease_data.ELSEWHERE: (heart_disease_data.DEVELOPMENT,)}  # noqa: RUF012
    columns = heart_disease_data.columns()
    perturbations = (left_out(columns, ("age", "male")), misread(columns))
    trees = {  # noqa: RUF012
        "learning_rate": 0.06,
        "num_leaves": 2,
        "min_data_in_leaf": 15,
        "feature_fraction": 0.4,
        "bagging_fraction": 0.7,
        "lambda_l2": 5.0,
    }
    rounds = 200
    population = Text(
        en="Learnt from 597 patients sent to angiography in Cleveland and Budapest in the 1980s; "
        "in other hospitals it ranked patients clearly worse and its probabilities were far off: "
        "recalibrate it where it is used.",
        zh="依据 20 世纪 80 年代克利夫兰与布达佩斯 597 名接受造影的患者建立；在其他医院排序能力"
        "明显下降且概率偏差很大：使用前须在本地重新校准。",
    )

    def row(self, case: Case) -> TableRow | None:
        """Return the row of somebody who is looked at for coronary disease."""
        found = row_of(case, self.columns)
        asked = [self.columns.keys.index(key) for key in ASKS]
        return found if any(found.records[k] for k in asked) else None

    def unasked(self, row: TableRow) -> list[Text]:
        """Say why there is no answer: age or sex not recorded, or a child."""
        if row.age >= ADULT and row.male in (0.0, 1.0):
            return []
        return [
            Text(
                en=f"Only adults whose age and sex are recorded were learnt from "
                f"({ADULT} years and more).",
                zh=f"仅依据年龄与性别均有记录的成人（{ADULT} 岁及以上）建立。",
            )
        ]

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the patients of the sites of a data set."""
        if dataset not in self.datasets:
            raise BadInput(f"no data set {dataset!r}", f"one of {list(self.datasets)}")
        return heart_disease_data.examples(data, dataset)


register(HeartDisease())
