"""Has a woman of the Pima diabetes, or will she within five years, given her glucose at 2 hours?

Boosted stumps with random cuts: every value adds its own smooth amount.

References: Smith et al., 1988 (the data); Ripley, 1996 (the fixed test part); Geurts et al., Mach
Learn 63:3, 2006 (random cuts).
"""

from __future__ import annotations

from typing import Final

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Case
from suwen.core.registry import register
from suwen.health.risk.facts import rules
from suwen.health.risk.records import flagged
from suwen.health.tables import diabetes_data
from suwen.health.tables.case import row_of
from suwen.health.tables.changes import left_out, misread
from suwen.health.tables.row import TableRow
from suwen.health.tables.task import TableTask
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples
from suwen.lifecycle.kinds import Answers, Choice
from suwen.lifecycle.task import Reads

DIABETES: Final = "health.diabetes"
YOUNGEST: Final = 21
KNOWN: Final = "diabetes"
"""State of somebody whose diabetes is known."""
GLUCOSE: Final = "glucose_2h"
NO: Final = Code(
    system=f"{SUWEN}/codes",
    code="no-diabetes",
    name=Text(en="No diabetes", zh="无糖尿病"),
)
YES: Final = Code(
    system=f"{SUWEN}/codes",
    code="diabetes-within-5-years",
    name=Text(en="Risk of diabetes within five years", zh="五年内糖尿病风险"),
)


class Diabetes(TableTask):
    """The probability of diabetes now or within five years."""

    name = DIABETES
    title = Text(en="Diabetes within five years (Pima women)", zh="五年内糖尿病概率（皮马女性）")
    reads: tuple[Reads, ...] = (
        Reads("Patient", "", Text(en="Age and sex", zh="年龄与性别")),
        Reads(
            "Observation",
            "",
            Text(
                en="Glucose at 2 hours, BMI, blood pressure, pregnancies, skinfold, pedigree",
                zh="2 小时血糖、体质指数、血压、妊娠次数、皮褶厚度、家系函数",
            ),
        ),
        Reads("Condition", "", Text(en="Known diabetes", zh="已知糖尿病")),
    )
    answers: Answers = Choice((NO, YES))
    datasets: tuple[str, ...] = (
        diabetes_data.DEVELOPMENT,
        diabetes_data.RIPLEY,
        diabetes_data.TEST,
        diabetes_data.EVERYBODY,
    )
    apart = {  # noqa: RUF012
        diabetes_data.TEST: (diabetes_data.DEVELOPMENT, diabetes_data.RIPLEY)
    }
    columns = diabetes_data.columns()
    perturbations = (left_out(columns, ("age", GLUCOSE)), misread(columns))
    trees = {  # noqa: RUF012
        "learning_rate": 0.1,
        "num_leaves": 2,
        "extra_trees": True,
        "min_data_in_leaf": 15,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.7,
        "lambda_l2": 5.0,
    }
    rounds = 200
    hidden = 0.2
    population = Text(
        en="Learnt from 436 women of Pima heritage of 21 years and more, examined before 1988; "
        "nothing shows that it holds for others.",
        zh="仅依据 1988 年前受检的 436 名 21 岁及以上皮马族女性建立；没有证据表明适用于其他人群。",
    )

    def row(self, case: Case) -> TableRow | None:
        """Return the row of somebody whose glucose was measured two hours after a load."""
        firm, _ = flagged(case, rules())
        known = firm.get(KNOWN, ())
        found = row_of(
            case,
            self.columns,
            also=tuple(one.record for one in known),
            states=(KNOWN,) if known else (),
        )
        return found if found.records[self.columns.keys.index(GLUCOSE)] else None

    def unasked(self, row: TableRow) -> list[Text]:
        """Say why there is no answer: other people than those it was learnt from."""
        if KNOWN in row.states:
            return [Text(en="Diabetes is known already.", zh="已确诊糖尿病。")]
        if row.age >= YOUNGEST and row.male == 0.0:
            return []
        return [
            Text(
                en=f"Only women of {YOUNGEST} years and more were learnt from; sex and age have to "
                "be recorded.",
                zh=f"仅依据 {YOUNGEST} 岁及以上女性建立；须有性别与年龄记录。",
            )
        ]

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the women of a data set."""
        if dataset not in self.datasets:
            raise BadInput(f"no data set {dataset!r}", f"one of {list(self.datasets)}")
        return diabetes_data.examples(data, dataset)


register(Diabetes())
