"""Advice as a plan: words to read, and FHIR R4 CarePlan and Goals to confirm.

The plan is a draft proposal: a clinician confirms, changes or drops it. A Goal names its rule in
its identifier, so that what becomes of it (`achievementStatus`) is read the next time.

Reference: HL7 FHIR R4 CarePlan, Goal, Bundle (collection).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from suwen.core.codes import ADVICE, AI_GENERATED, LOINC, SUWEN, UCUM, Language, Text
from suwen.core.nouns import RecordValue
from suwen.health.advice.facts import PRESSURES, record_rules
from suwen.health.advice.findings import (
    Advised,
    because,
    citation,
    evidence_of,
    gaps_of,
    source_line,
)
from suwen.health.advice.ranking import Ranked, why
from suwen.health.guidelines.rules import Goal, Rule
from suwen.health.risk.facts import rules as risk_rules

Resource = dict[str, Any]
MEANS: Final = {made: name for name, others in PRESSURES.items() for made in others}
"""Facts made of a pressure, and that pressure."""
SOON: Final = Text(en=" (soon)", zh="（尽快）")
WORDS: Final[Mapping[str, Text]] = {
    "title": Text(en="Advice by guidelines: a draft", zh="指南建议（草稿）"),
    "now": Text(en="SEEK CARE NOW", zh="立即就医"),
    "said": Text(en="Advice, the most useful first", zh="建议（按获益排序）"),
    "withheld": Text(en="Not advised for you", zh="不适合您的建议"),
    "unknown": Text(en="Cannot be decided", zh="资料不足"),
    "nothing": Text(
        en="No rule applies to what is recorded and still current.",
        zh="现有且仍有效的记录没有适用的建议。",
    ),
    "next": Text(en="Next", zh="下一步"),
    "seek": Text(en="Seek care", zh="就医"),
    "stop": Text(en="Take care", zh="注意"),
    "goal": Text(en="Goal", zh="目标"),
    "because": Text(en="Because of", zh="依据"),
    "place": Text(en="Why here", zh="排序理由"),
    "draft": Text(
        en="Research and decision support, to be confirmed by a clinician. Not a medical device.",
        zh="仅供研究与决策支持，须由临床医生确认，不属于医疗器械。",
    ),
}


def as_text(found: Advised, language: Language, markdown: bool = False) -> str:
    """Return the advice as text to read: what is urgent first."""
    urgent = [one for one in found.ranked if one.rule.urgency == "now"]
    rest = [one for one in found.ranked if one.rule.urgency != "now"]
    lines = [f"# {_word('title', language)}" if markdown else _word("title", language), ""]

    def heading(name: str) -> None:
        text = _word(name, language)
        lines.append(f"## {text}" if markdown else f"== {text}")

    if urgent:
        heading("now")
        lines += [line for one in urgent for line in _entry(found, one, "!", language)]
    if rest:
        heading("said")
        for place, one in enumerate(rest, start=1):
            lines += _entry(found, one, f"{place}.", language)
    if not found.ranked:
        lines += [_word("nothing", language), ""]
    if found.suppressed:
        heading("withheld")
        for barred in found.suppressed:
            reasons = ("；" if language == "zh" else "; ").join(
                one.of(language) for one in barred.why
            )
            colon = "：" if language == "zh" else ": "
            lines.append(f"- {barred.rule.title.of(language)}{colon}{reasons}")
        lines.append("")
    if gaps := gaps_of(found):
        heading("unknown")
        lines += [*(f"- {one.of(language)}" for one in gaps), ""]
    return "\n".join([*lines, _word("draft", language)]) + "\n"


def _word(name: str, language: Language) -> str:
    return WORDS[name].of(language)


def _entry(found: Advised, one: Ranked, mark: str, language: Language) -> list[str]:
    rule = one.rule
    source = citation(found.book, rule).of(language)
    soon = SOON.of(language) if rule.urgency == "soon" else ""
    lines = [f"{mark} {rule.title.of(language)}{soon} [{source}]", f"   {rule.advice.of(language)}"]
    parts = [("next", rule.next), *(("stop", text) for text in one.said.cautions)]
    parts += [(name, text) for name, text in (("seek", rule.seek), ("stop", rule.stop)) if text]
    if rule.goal:
        parts.append(("goal", rule.goal.text))
    parts.append(("because", because(found, one.said.used)))
    if rule.urgency != "now":
        parts.append(("place", why(one, found.book.topics[rule.topic], found.library)))
    colon = "：" if language == "zh" else ": "
    lines += [f"   {_word(name, language)}{colon}{text.of(language)}" for name, text in parts]
    return [*lines, f"   {source_line(found, rule).of(language)}", ""]


def as_json(found: Advised) -> dict[str, Any]:
    """Return the advice as plain values, in both languages."""
    return {
        "advice": [_row(found, one) for one in found.ranked],
        "withheld": [
            {
                "rule": one.rule.id,
                "title": one.rule.title.model_dump(),
                "why": [text.model_dump() for text in one.why],
            }
            for one in found.suppressed
        ],
        "not_decided": [one.model_dump() for one in gaps_of(found)],
        "note": WORDS["draft"].model_dump(),
    }


def _row(found: Advised, one: Ranked) -> dict[str, Any]:
    rule, gain = one.rule, one.gain
    texts = {"title": rule.title, "advice": rule.advice, "next": rule.next, "seek": rule.seek}
    return {
        "rule": rule.id,
        "topic": rule.topic,
        "urgency": rule.urgency,
        **{name: text.model_dump() if text else None for name, text in texts.items()},
        "cautions": [text.model_dump() for text in one.said.cautions],
        "stop": rule.stop.model_dump() if rule.stop else None,
        "goal": rule.goal.model_dump() if rule.goal else None,
        "because": {name: found.known.facts.get(name) for name in one.said.used},
        "gain": None
        if gain is None
        else {
            "equation": gain.equation,
            "outcome": gain.outcome,
            "before_percent": gain.before,
            "after_percent": gain.after,
            "low": min(gain.low, gain.high),
            "high": max(gain.low, gain.high),
            "kind": "effect of trials" if gain.source else "association",
            "source": gain.source,
        },
        "carried_out_before": {"done": one.done, "tried": one.tried, "weight": one.share},
        "source": found.book.source_of(rule).model_dump()
        | {"place": rule.place, "strength": rule.strength, "level": rule.level},
    }


def bundle(found: Advised, patient: str, at: datetime, language: Language) -> Resource:
    """Return the plan as a Bundle (collection): one draft CarePlan and its proposed Goals.

    Parameters
    ----------
    found
        The advice.
    patient
        Id of the patient the plan is for.
    at
        When it was made.
    language
        Of the words; codes carry their own names.
    """
    subject = {"reference": f"Patient/{patient}"}
    goals = {
        one.rule.id: _goal(found, one.rule, one.rule.goal, subject, at, language)
        for one in found.ranked
        if one.rule.goal is not None
    }
    plan = _plan(found, goals, subject, at, language)
    resources = [plan, *goals.values()]
    entries = [
        {"fullUrl": _urn(f"{patient} {at:%Y-%m-%d} {one['id']}"), "resource": one}
        for one in resources
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _plan(
    found: Advised,
    goals: Mapping[str, Resource],
    subject: Resource,
    at: datetime,
    language: Language,
) -> Resource:
    used = [name for one in found.ranked for name in one.said.used]
    records = dict.fromkeys(_unversioned(one) for one in evidence_of(found.person, used))
    plan: Resource = {
        "resourceType": "CarePlan",
        "id": f"advice-{at:%Y%m%d}",
        "meta": {"security": [AI_GENERATED.coding()]},
        "language": language,
        "status": "draft",
        "intent": "proposal",
        "title": _word("title", language),
        "description": _word("draft", language),
        "subject": subject,
        "created": at.isoformat(timespec="seconds"),
        "supportingInfo": [{"reference": one} for one in records],
        "goal": [{"reference": f"Goal/{one['id']}"} for one in goals.values()],
        "activity": [_activity(found, one, goals, language) for one in found.ranked],
        "note": [
            {"text": f"{one.rule.title.of(language)}: {text.of(language)}"}
            for one in found.suppressed
            for text in one.why
        ],
    }
    return {name: value for name, value in plan.items() if value}


def _activity(
    found: Advised, one: Ranked, goals: Mapping[str, Resource], language: Language
) -> Resource:
    rule = one.rule
    gap = "" if language == "zh" else " "
    stop = "。" if language == "zh" else ". "
    start = f"{_word('now', language)}{stop}" if rule.urgency == "now" else ""
    texts = [rule.advice, rule.next, *one.said.cautions, *(t for t in (rule.seek, rule.stop) if t)]
    words = gap.join(text.of(language) for text in texts)
    source = source_line(found, rule).of(language)
    detail: Resource = {
        "code": {"coding": [_coding(rule)], "text": rule.title.of(language)},
        "status": "not-started",
        "doNotPerform": False,
        "description": f"{start}{words}{gap}{source}",
    }
    if rule.id in goals:
        detail["goal"] = [{"reference": f"Goal/{goals[rule.id]['id']}"}]
    return {"detail": detail}


def _goal(
    found: Advised, rule: Rule, goal: Goal, subject: Resource, at: datetime, language: Language
) -> Resource:
    target: Resource = {"dueDate": f"{at + timedelta(days=goal.days):%Y-%m-%d}"}
    limits = {name: value for name in ("low", "high") if (value := getattr(goal, name)) is not None}
    if goal.fact and limits:
        target["measure"] = {"coding": [_measure(found, goal.fact)]}
        unit = {"unit": goal.unit, "system": UCUM, "code": goal.unit}
        target["detailRange"] = {name: {"value": value, **unit} for name, value in limits.items()}
    return {
        "resourceType": "Goal",
        "id": f"{rule.id}-{at:%Y%m%d}",
        "meta": {"security": [AI_GENERATED.coding()]},
        "language": language,
        "identifier": [{"system": ADVICE, "value": rule.id}],
        "lifecycleStatus": "proposed",
        "description": {"text": goal.text.of(language)},
        "subject": subject,
        "statusDate": f"{at:%Y-%m-%d}",
        "target": [target],
        "note": [{"text": source_line(found, rule).of(language)}],
    }


def _coding(rule: Rule) -> dict[str, str]:
    return {"system": ADVICE, "code": rule.id, "display": rule.title.en}


def _measure(found: Advised, fact: str) -> dict[str, str]:
    """Return the code of a fact: LOINC where records are read by it, else our own."""
    known = {**record_rules()["observed"], **risk_rules()["observed"]}
    codes = known.get(MEANS.get(fact, fact), {}).get("codes")
    display = found.name(fact).en
    if codes:
        return {"system": LOINC, "code": codes[0], "display": display}
    return {"system": f"{SUWEN}/codes", "code": fact.replace("_", "-"), "display": display}


def _unversioned(evidence: RecordValue) -> str:
    return evidence.record.partition("/_history")[0]


def _urn(name: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, name)}"
