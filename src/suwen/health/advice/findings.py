"""What `health.advice` says: a finding for each piece of advice, for each that must not be given,
and one for all that cannot be decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from suwen.core.codes import ADVICE, SEEK_CARE, SUWEN, Code, Text
from suwen.core.nouns import Band, Evidence, Finding, Interval, Measure, RecordValue, Status
from suwen.core.quantities import number, with_unit
from suwen.health.advice.facts import Known, Person, name_of, unit_of
from suwen.health.advice.ranking import Ranked, why
from suwen.health.facts.published import Table
from suwen.health.guidelines.rules import Book, Lacking, Rule, Source, Suppressed
from suwen.health.risk.equation import Library
from suwen.health.risk.findings import inside
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.pack import Pack

GAPS: Final = Code(
    system=ADVICE,
    code="not-decided",
    name=Text(en="Some advice", zh="部分建议"),
)
GUIDELINE_ADVICE: Final = Code(
    system=f"{SUWEN}/codes",
    code="guideline-advice",
    name=Text(en="Advice by guideline", zh="指南建议"),
)
STRENGTHS: Final[Mapping[str, Text]] = {
    "strong": Text(en="strong", zh="强"),
    "conditional": Text(en="conditional", zh="有条件"),
    "moderate": Text(en="moderate", zh="中等"),
    "consensus": Text(en="consensus", zh="共识"),
    "definition": Text(en="definition", zh="定义"),
    "guideline": Text(en="guideline", zh="指南"),
    "practice point": Text(en="practice point", zh="实践要点"),
    "position paper": Text(en="position paper", zh="立场文件"),
    "recommended": Text(en="recommended", zh="推荐"),
}
"""Strengths and levels that are words, in both languages."""
SEEK: Final = Text(en="SEEK CARE NOW.", zh="立即就医。")
SOON: Final = Text(en="Soon.", zh="尽快。")
DIGITS: Final = 2


@dataclass(frozen=True)
class Advised:
    """What the rules say of one person, in the order it is shown, with what it was decided by."""

    person: Person
    known: Known
    ranked: tuple[Ranked, ...]
    suppressed: tuple[Suppressed, ...]
    lacking: tuple[Lacking, ...]
    book: Book
    facts: Table
    library: Library

    @property
    def asked(self) -> list[tuple[Rule, tuple[str, ...]]]:
        """Rules that a value is missing for, and which; scores and moments are not asked for."""
        rows = self.facts["input"]

        def recordable(one: Lacking) -> bool:
            return not any(rows.get(name, {}).get("unasked") for name in one.missing)

        return [(one.rule, one.missing) for one in self.lacking if recordable(one)]

    def name(self, fact: str) -> Text:
        """Return the name of a fact for people."""
        return name_of(fact, self.facts, self.library)

    def shown(self, fact: str) -> Text:
        """Return a fact with its value, as `systolic blood pressure 152 mmHg`."""
        name = self.name(fact)
        if fact in self.known.suspected:
            return Text(en=f"{name.en} (not confirmed)", zh=f"{name.zh}（未经确认）")
        value = self.known.facts[fact]
        if isinstance(value, bool):
            return name
        if isinstance(value, str):
            return Text(en=f"{name.en} {value}", zh=f"{name.zh} {value}")
        unit = unit_of(fact, self.facts, self.library)
        years = unit == "a"
        said = with_unit(number(float(value)), "" if unit in ("1", "a") else unit)
        return Text(en=f"{name.en} {said}", zh=f"{name.zh} {said}{' 岁' if years else ''}")


def findings(
    task: str, pack: Pack, sample: Sample, found: Advised, at: datetime | None
) -> list[Finding]:
    """Return one finding for each piece of advice, the first to be read first.

    `at` is the start of the day that its validity is counted from.
    """
    return [_advice(task, pack, sample, found, place, at) for place in range(len(found.ranked))]


def _advice(
    task: str, pack: Pack, sample: Sample, found: Advised, place: int, at: datetime | None
) -> Finding:
    one = found.ranked[place]
    rule = one.rule
    now = rule.urgency == "now"
    days = timedelta(days=found.facts["valid_days"][rule.urgency])
    return Finding(
        task=task,
        pack=pack.identity,
        code=Code(system=SEEK_CARE if now else ADVICE, code=rule.id, name=rule.title),
        status=Status.SUGGESTED if rule.urgency == "routine" else Status.INFERRED,
        band=Band.RULE_IN,
        reason=_reason(found, one, place),
        measures=_measures(found, one.said.used),
        evidence=evidence_of(found.person, one.said.used) or sample.evidence,
        valid_until=at + days if at else None,
    )


def withheld(task: str, pack: Pack, sample: Sample, found: Advised) -> list[Finding]:
    """Return a finding for each advice that must not be given, and one for what is not known."""
    said = []
    for one in found.suppressed:
        reasons = listed(_why(found, one), "; ", "；")
        text = Text(
            en=f"Not advised: {reasons.en}. Without it, {citation(found.book, one.rule).en} would "
            "advise this.",
            zh=f"不予建议：{reasons.zh}。否则{citation(found.book, one.rule).zh}会建议此项。",
        )
        code = Code(system=ADVICE, code=one.rule.id, name=one.rule.title)
        evidence = evidence_of(found.person, one.used) or sample.evidence
        said.append(_silent(task, pack, code, text, evidence))
    if gaps := gaps_of(found):
        text = Text(en=" ".join(one.en for one in gaps), zh="".join(one.zh for one in gaps))
        said.append(_silent(task, pack, GAPS, text, sample.evidence))
    return said


def _why(found: Advised, one: Suppressed) -> list[Text]:
    """Return why an advice must not be given, and which of that nobody has confirmed."""
    doubtful = [name for name in one.used if name in found.known.suspected]
    return [*one.why, *(found.shown(name) for name in doubtful)]


def _silent(
    task: str, pack: Pack, code: Code, reason: Text, evidence: tuple[Evidence, ...]
) -> Finding:
    return Finding(
        task=task,
        pack=pack.identity,
        code=code,
        status=Status.SUGGESTED,
        band=Band.ABSTAIN,
        reason=reason,
        evidence=evidence,
    )


def gaps_of(found: Advised) -> list[Text]:
    """Return what cannot be true, and what is missing for which advice."""
    said = list(found.known.refused.values())
    missing: dict[tuple[str, ...], list[Text]] = {}
    unsettled: dict[tuple[str, ...], list[Text]] = {}
    for rule, names in found.asked:
        usable = tuple(name for name in names if name not in found.known.refused)
        if doubtful := tuple(name for name in usable if name in found.known.suspected):
            unsettled.setdefault(doubtful, []).append(found.book.topics[rule.topic])
        elif usable:
            missing.setdefault(usable, []).append(found.book.topics[rule.topic])
    for names, topics in missing.items():
        lacks, of = _either(found, names), listed(topics)
        said.append(
            Text(
                en=f"Missing for advice on {of.en}: {lacks.en}.",
                zh=f"无法给出{of.zh}方面的建议，缺少{lacks.zh}。",
            )
        )
    for names, topics in unsettled.items():
        which, of = _either(found, names), listed(topics)
        said.append(
            Text(
                en=f"Not confirmed, so advice on {of.en} waits: {which.en}. Confirm or refute it.",
                zh=f"未经确认，{of.zh}方面的建议暂缓：{which.zh}，请予确认或排除。",
            )
        )
    return said


def _either(found: Advised, names: Sequence[str]) -> Text:
    return listed([found.name(name) for name in names], "; or ", "；或")


def citation(book: Book, rule: Rule) -> Text:
    """Return the source of a rule on one line: who, which year."""
    source = book.source_of(rule)
    text = f"{source.organisation} {source.year}"
    return Text(en=text, zh=text)


def source_line(found: Advised, rule: Rule) -> Text:
    """Return the source of a rule: who, what, where in it, how strong; and who says the same."""
    source = found.book.source_of(rule)
    names = (STRENGTHS.get(one, Text(en=one, zh=one)) for one in (rule.strength, rule.level))
    first, level = names
    grade = f"{first.en}{f', level {level.en}' if rule.level else ''}"
    strength = f"{first.zh}{f'，证据等级 {level.zh}' if rule.level else ''}"
    where = _cited(source)
    others = [
        f"{_cited(found.book.sources[one.source])}; {one.place}"
        for one in rule.also
        if found.known.facts.get(one.where) is True
    ]
    return Text(
        en=" ".join(
            [
                f"Source: {where}; {rule.place}; strength {grade}.",
                *(f"Also: {one}." for one in others),
            ]
        ),
        zh="".join(
            [
                f"来源：{where}；{rule.place}；推荐强度 {strength}。",
                *(f"另见：{one}。" for one in others),
            ]
        ),
    )


def _cited(source: Source) -> str:
    return f"{source.organisation}, {source.title}, {source.year} ({source.citation})"


def because(found: Advised, used: Sequence[str]) -> Text:
    """Return the facts that an advice rests on."""
    known = {*found.known.facts, *found.known.suspected}
    return listed([found.shown(name) for name in used if name in known], "; ", "；")


def _reason(found: Advised, one: Ranked, place: int) -> Text:
    rule = one.rule
    start = {"now": (SEEK,), "soon": (SOON,)}.get(rule.urgency, ())
    facts = because(found, one.said.used)
    parts = [
        *start,
        rule.advice,
        rule.next,
        *one.said.cautions,
        *([rule.seek] if rule.seek else []),
        *([rule.stop] if rule.stop else []),
        Text(en=f"Because of: {facts.en}.", zh=f"依据：{facts.zh}。"),
    ]
    if rule.urgency != "now":
        placed = why(one, found.book.topics[rule.topic], found.library)
        parts.append(
            Text(
                en=f"Place {place + 1} of {len(found.ranked)}. {placed.en}",
                zh=f"排序第 {place + 1}（共 {len(found.ranked)} 项）。{placed.zh}",
            )
        )
    parts.append(source_line(found, rule))
    return Text(en=" ".join(part.en for part in parts), zh="".join(part.zh for part in parts))


def _measures(found: Advised, used: Sequence[str]) -> tuple[Measure, ...]:
    """Return the numbers that an advice rests on; where there are none, that something is there."""
    numbers = [
        _measure(found, name, float(value))
        for name in used
        if not isinstance(value := found.known.facts.get(name, ""), bool | str) and name != "age"
    ]
    if numbers:
        return tuple(numbers)
    names = [name for name in used if name != "age"] or list(used)
    return tuple(_measure(found, name, 1.0) for name in names[:1])


def _measure(found: Advised, name: str, value: float) -> Measure:
    code = Code(system=f"{SUWEN}/codes", code=name.replace("_", "-"), name=found.name(name))
    kept = round(value, DIGITS)
    unit = unit_of(name, found.facts, found.library) or "1"
    return Measure(code=code, interval=Interval(value=kept, low=kept, high=kept), unit=unit)


def evidence_of(person: Person, names: Iterable[str]) -> tuple[RecordValue, ...]:
    """Return the records behind some facts."""
    sources: Mapping[str, tuple[RecordValue, ...]] = person.sources
    return tuple(dict.fromkeys(one for name in names for one in sources.get(name, ())))


def listed(texts: Sequence[Text], en: str = ", ", zh: str = "、") -> Text:
    """Return texts after each other, each once, small inside an English sentence."""
    found = list(dict.fromkeys(texts))
    return Text(en=en.join(inside(one).en for one in found), zh=zh.join(one.zh for one in found))
