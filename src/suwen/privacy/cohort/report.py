"""What was done to a cohort, told to people: Markdown in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from suwen.core.codes import Language

STEPS: Final = {
    "year of age": "按岁",
    "5-year bands": "5 岁一组",
    "10-year bands": "10 岁一组",
    "20-year bands": "20 岁一组",
    "as given": "保持原值",
    "3 digits": "保留前 3 位",
    "1 digit": "保留首位",
    "day": "到日",
    "month": "到月",
    "year": "到年",
    "left out": "整列去除",
    "ranges of each class": "各组自有范围",
}
"""Names of the steps of `cohort.STEPS` in Chinese."""
WORDS: Final = {
    "en": {
        "title": "De-identified cohort",
        "people": "{released} of {rows} people are released; {suppressed} were left out.",
        "k": "Everyone has at least {others} others alike "
        "(asked for: k = {k_wanted}; before: {k_before}).",
        "risk": "Highest risk of being singled out {highest_risk:.3f}, average {average_risk:.3f}; "
        "{unique_before} people stood alone before.",
        "quasi": "Quasi-identifier | Made coarser to | Loss",
        "l": "Sensitive attribute | Different values in each class, at least (l)",
        "all": "all",
        "losses": "Loss of each quasi-identifier, 0 to 1",
        "sizes": "Classes of people alike, by their size",
        "size": "People alike | Classes",
        "more": "{low} and more",
        "rows": "Rows left out (of the source): {rows}",
        "gone": "Columns left out: {columns}",
        "loss": "Loss is the normalised certainty penalty: 0 nothing lost, 1 everything.",
        "caution": "k-anonymity hides who is who among alike people; it is no proof of anonymity "
        "against someone who knows more. Research use, under the rules of the data's owner.",
    },
    "zh": {
        "title": "去标识化队列",
        "people": "共 {rows} 人，释出 {released} 人，剔除 {suppressed} 人。",
        "k": "每人至少与另外 {others} 人不可区分（要求 k = {k_wanted}；处理前 {k_before}）。",
        "risk": "最高被识别风险 {highest_risk:.3f}，平均 {average_risk:.3f}；"
        "处理前有 {unique_before} 人独一无二。",
        "quasi": "准标识符 | 泛化为 | 信息损失",
        "l": "敏感属性 | 每组至少有的不同取值数（l）",
        "all": "合计",
        "losses": "各准标识符的信息损失（0 至 1）",
        "sizes": "等价类按人数分布",
        "size": "类内人数 | 类数",
        "more": "{low} 及以上",
        "rows": "被剔除的行（源文件行号）：{rows}",
        "gone": "已去除的列：{columns}",
        "loss": "信息损失为归一化确定性惩罚：0 为无损失，1 为全部损失。",
        "caution": "k-匿名使相似的人之间不可区分；对掌握更多信息的人并不能证明匿名。"
        "仅供研究，须遵守数据所有者的规定。",
    },
}  # fmt: skip


def said(report: Mapping[str, Any], language: Language) -> list[str]:
    """Return how many people are released, how many are alike, and the risk that is left."""
    counts = {**report, "others": report["k"] - 1}
    return [str(WORDS[language][one]).format(**counts) for one in ("people", "k", "risk")]


def markdown(report: Mapping[str, Any], removed: Sequence[str], language: Language) -> str:
    """Return the report of a cohort as Markdown."""
    words = WORDS[language]
    steps = STEPS if language == "zh" else {}
    parts = [f"# {words['title']}", *said(report, language)]
    cells = [
        (name, steps.get(step, step), f"{report['loss'][name]:.3f}")
        for name, step in report["generalisation"].items()
    ]
    parts.append(
        _table(words["quasi"], [*cells, (words["all"], "", f"{report['loss_of_all']:.3f}")])
    )
    if report["l"]:
        parts.append(
            _table(words["l"], [(name, str(fewest)) for name, fewest in report["l"].items()])
        )
    listed = ", ".join(map(str, report["suppressed_rows"][:200])) or "–"
    parts.append(words["rows"].format(rows=listed))
    if removed:
        parts.append(words["gone"].format(columns=", ".join(removed)))
    return "\n\n".join([*parts, words["loss"], words["caution"]]) + "\n"


def _table(head: str, rows: Sequence[Sequence[str]]) -> str:
    width = head.count("|") + 1
    lines = [f"| {head} |", "|" + "---|" * width]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
