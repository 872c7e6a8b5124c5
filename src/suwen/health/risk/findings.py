"""What `health.risk` says: a finding an equation, and one for all that could not be computed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.nouns import Band, Finding, Interval, Measure, RecordValue, Status
from suwen.core.quantities import number, with_unit
from suwen.health.facts.published import Value, row_of
from suwen.health.risk.equation import Answer, Equation, Library
from suwen.health.risk.facts import Asked, rules
from suwen.health.risk.reference import disclaimer_of
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.pack import Pack

EQUATIONS: Final = f"{SUWEN}/risk-equation"
RISK: Final = Code(
    system=f"{SUWEN}/codes",
    code="published-risk",
    name=Text(en="Risk by published equation", zh="已发表方程的风险"),
)
NOT_COMPUTED: Final = Code(
    system=f"{SUWEN}/codes",
    code="risk-not-computed",
    name=Text(en="Some risk equations", zh="部分风险方程"),
)
DIGITS: Final = 4
"""Decimals kept of an answer: more than any source states."""
CATEGORIES: Final = ("gfr_category", "albuminuria_category")
"""Answers that are category names, written as they are."""
NO: Final = Text(en="no", zh="否")
YES: Final = Text(en="yes", zh="是")


def finding(
    task: str, pack: Pack, sample: Sample, library: Library, asked: Asked, answer: Answer
) -> Finding:
    """Return what an equation says, with inputs, what was assumed, its population and source."""
    equation = library.find(asked.equation)
    short, full = bands_of(library, equation, answer)
    title = equation.title
    name = Text(en=f"{title.en} ({short.en})", zh=f"{title.zh}（{short.zh}）") if short else title
    return Finding(
        task=task,
        pack=pack.identity,
        code=Code(system=EQUATIONS, code=equation.key, name=name),
        band=Band.RULE_IN,
        reason=_reason(library, equation, answer, full, asked.suspected),
        measures=_measures(library, equation, answer),
        evidence=sample.evidence,
    )


def gaps(
    task: str,
    pack: Pack,
    sample: Sample,
    library: Library,
    answers: Sequence[tuple[Asked, Answer]],
    barred: Mapping[str, str],
) -> Finding:
    """Return one finding that abstains: each equation without an answer, and why.

    It suggests what to record; it is no finding that somebody has to look at first.
    """
    said = _unanswered(library, answers)
    ruled_out: dict[str, list[Text]] = defaultdict(list)
    for key, state in barred.items():
        ruled_out[state].append(library.find(key).title)
    for state, titles in ruled_out.items():
        why, of = why_barred(library, state), _listed(titles, "; ")
        said.append(Text(en=f"{of.en}: not valid, {why.en}.", zh=f"{of.zh}：不适用，{why.zh}。"))
    return Finding(
        task=task,
        pack=pack.identity,
        code=NOT_COMPUTED,
        status=Status.SUGGESTED,
        band=Band.ABSTAIN,
        reason=_joined(said),
        evidence=sample.evidence,
    )


def why_barred(library: Library, state: str) -> Text:
    """Return why an equation is not valid for somebody of whom this is known."""
    return Text(**{**rules()["state"], **library.content["risk_equations"]["state"]}[state])


def _unanswered(library: Library, answers: Sequence[tuple[Asked, Answer]]) -> list[Text]:
    """Return what cannot be true, what lies outside, and what is missing for which equations."""
    wrong: dict[str, Text] = {}
    outside: dict[str, Text] = {}
    unusable: dict[tuple[str, ...], list[Text]] = defaultdict(list)
    missing: dict[tuple[str, ...], list[Text]] = defaultdict(list)
    for asked, answer in answers:
        title = library.find(asked.equation).title
        wrong |= answer.refused
        outside |= {one.en: one for one in answer.outside}
        if answer.refused:
            unusable[tuple(answer.refused)].append(title)
        if names := tuple(name for name in answer.missing if name not in answer.refused):
            missing[names].append(title)
    said = [*wrong.values(), *outside.values()]
    for groups, en, zh in ((unusable, "not usable", "无法使用"), (missing, "not known", "缺少")):
        for names, titles in groups.items():
            lacks = _listed(inside(library.name_of(name)) for name in names)
            of = _listed(titles, "; ")
            said.append(Text(en=f"{of.en}: {en} is {lacks.en}.", zh=f"{of.zh}：{zh}{lacks.zh}。"))
    return said


def evidence_of(
    library: Library, key: str, sources: Mapping[str, Sequence[RecordValue]]
) -> tuple[RecordValue, ...]:
    """Return the records behind the inputs of an equation and what puts it in question."""
    entry, names = library.find(key).entry, library.find(key).names
    used = {*names, *entry.get("as_recorded", {}), *entry.get("only", ())}
    rows = (one for name, all_of_it in sources.items() if name in used for one in all_of_it)
    return tuple(dict.fromkeys(rows))


def _measures(library: Library, equation: Equation, answer: Answer) -> tuple[Measure, ...]:
    """Return the numbers of an answer; of one in words only, the numbers it was made from."""
    outcomes = library.content["risk_equations"]["outcome"]
    found = [
        _measure(name, outcomes[name]["name"], float(value), outcomes[name]["unit"])
        for name, value in answer.values.items()
        if name in outcomes and not isinstance(value, str)
    ]
    if found:
        return tuple(found)
    inputs = library.content["risk_equations"]["input"]
    return tuple(
        _measure(name, inputs[name]["name"], float(value), library.unit_of(equation, name))
        for name, value in answer.inputs.items()
        if not isinstance(value, bool | str)
    )


def _measure(name: str, title: Mapping[str, str], value: float, unit: str) -> Measure:
    code = Code(system=f"{SUWEN}/codes", code=name.replace("_", "-"), name=Text(**title))
    kept = round(value, DIGITS)
    return Measure(code=code, interval=Interval(value=kept, low=kept, high=kept), unit=unit)


def bands_of(
    library: Library, equation: Equation, answer: Answer
) -> tuple[Text | None, list[Text]]:
    """Return the band of the headline for the title, and each band with what divides it."""
    words, values = library.content["risk_equations"]["word"], answer.values
    headline = values.get(equation.entry["headline"])
    names = [str(values[name]) for name in CATEGORIES if name in values]
    said = values.get(equation.entry.get("band", ""), headline)
    if isinstance(said, str) and said in words:
        word = Text(**words[said])
        start = " ".join(names)
        short = Text(en=f"{start} {word.en}".strip(), zh=f"{start} {word.zh}".strip())
        return short, []
    for band in equation.entry.get("bands", ()):
        if not _for(band, answer.inputs):
            continue
        name = Text(**row_of(band["rows"], float(values[band["of"]]))["name"])
        en, zh = f"By {band['source']}: {name.en}.", f"按 {band['source']}：{name.zh}。"
        brief = Text(en=name.en.partition(":")[0], zh=name.zh.partition("：")[0])
        return brief, [Text(en=en, zh=zh)]
    return None, []


def outcome(library: Library, name: str, value: Value) -> Text:
    """Return an answer of an equation in words: a risk with one decimal, a number with its unit."""
    if isinstance(value, str):
        word = library.content["risk_equations"]["word"].get(value)
        return Text(**word) if word else Text(en=value, zh=value)
    row = library.content["risk_equations"]["outcome"][name]
    digits = f"{float(value):.1f}" if row["unit"] == "%" else number(float(value))
    said = with_unit(digits, row["unit"])
    return Text(en=said, zh=said)


def _for(band: Mapping[str, Any], inputs: Mapping[str, Value]) -> bool:
    """Say whether a division is for this age and sex."""
    if "age" in band and not band["age"][0] <= float(inputs["age"]) <= band["age"][1]:
        return False
    return bool(band.get("sex", inputs.get("sex")) == inputs.get("sex"))


def _reason(
    library: Library,
    equation: Equation,
    answer: Answer,
    bands: list[Text],
    suspected: Sequence[str],
) -> Text:
    entered = [
        (library.name_of(name), _value(library, equation, name, value))
        for name, value in answer.inputs.items()
        if name in equation.names
    ]
    said = [*bands]
    said.append(
        Text(
            en="Entered: " + "; ".join(f"{inside(n).en} {v.en}" for n, v in entered) + ".",
            zh="输入：" + "；".join(f"{n.zh} {v.zh}" for n, v in entered) + "。",
        )
    )
    if doubtful := [name for name in suspected if not answer.inputs.get(name)]:
        names = _listed(inside(library.name_of(name)) for name in doubtful)
        said.append(
            Text(
                en=f"Recorded but not confirmed, so not counted: {names.en}. Confirm or refute it.",
                zh=f"有记录但未经确认，未计入：{names.zh}，请予确认或排除。",
            )
        )
    if assumed := [name for name in answer.assumed if name not in doubtful]:
        names = _listed(inside(library.name_of(name)) for name in assumed)
        said.append(
            Text(
                en=f"Not recorded, taken as absent: {names.en}.",
                zh=f"未记录，按无处理：{names.zh}。",
            )
        )
    said.append(Text(**equation.entry["population"]))
    source = equation.entry["source"]
    said.append(Text(en=f"Source: {source}.", zh=f"来源：{source}。"))
    if told := disclaimer_of(library, equation.key):
        said.append(told)
    return _joined(said)


def _value(library: Library, equation: Equation, name: str, value: Value) -> Text:
    if isinstance(value, bool):
        return YES if value else NO
    if isinstance(value, str):
        known = library.content["risk_equations"]["choice"].get(value)
        return Text(**known) if known else Text(en=value, zh=value)
    unit = library.unit_of(equation, name)
    text = number(value) if unit in ("a", "1") else with_unit(number(value), unit)
    return Text(en=text, zh=text)


def inside(name: Text) -> Text:
    """Return a name inside a sentence: small unless its first word is an abbreviation (HbA1c)."""
    kept = any(letter.isupper() for letter in name.en.partition(" ")[0][1:])
    return name if kept else Text(en=name.en[:1].lower() + name.en[1:], zh=name.zh)


def _listed(names: Iterable[Text], separator: str = ", ") -> Text:
    found = list(dict.fromkeys(names))
    return Text(en=separator.join(one.en for one in found), zh="、".join(one.zh for one in found))


def _joined(said: Sequence[Text]) -> Text:
    return Text(en=" ".join(one.en for one in said), zh="".join(one.zh for one in said))
