"""Advice for a patient: what guidelines propose, the plan a clinician confirmed, what became of it.

A patient reads what was confirmed, and at once what should be seen to now: red flags are published
rules on the patient's own record and wait for nobody. The plan holds its words in both languages by
the FHIR translation extension.

Reference: HL7 FHIR R4 CarePlan, Goal (achievementStatus), Extension `translation`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from suwen.core import registry
from suwen.core.codes import ADVICE, TRANSLATION, Language
from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.core.nouns import Band, Case, Record
from suwen.diagnosis.language import message
from suwen.diagnosis.wording import concept
from suwen.health.advice import task as advice
from suwen.health.advice.facts import person_of
from suwen.health.advice.findings import Advised, because, source_line
from suwen.health.advice.plan import Resource, bundle
from suwen.health.baseline.task import BASELINE
from suwen.health.risk.equation import library
from suwen.lifecycle import packs
from suwen.lifecycle.run import answered
from suwen.records import Access, Entry

PLAN: Final = "advice"
"""Id of a patient's plan: one that is confirmed later is its next version."""
NOW: Final = "now"
ACHIEVEMENT: Final = "http://terminology.hl7.org/CodeSystem/goal-achievement"
WORDS: Final = ("title", "description", "text")
"""Members of a plan that hold words."""


STATES: Final = {
    "in-progress": message("Under way"),
    "achieved": message("Done"),
    "not-achieved": message("Not done"),
}
"""What a patient says of a goal: codes of FHIR goal-achievement."""


@dataclass(frozen=True)
class Told:
    """A piece of advice as a page shows it."""

    id: str
    title: str
    lines: tuple[str, ...]
    sources: tuple[str, ...]
    stale: bool = False


@dataclass(frozen=True)
class GoalView:
    """A goal of the plan, and how it stands."""

    id: str
    text: str
    due: str
    state: str


@dataclass(frozen=True)
class PlanView:
    """The confirmed plan."""

    confirmed: str
    by: str
    advice: tuple[Told, ...]
    goals: tuple[GoalView, ...]


def advised(case: Case) -> Advised | None:
    """Return what the rules in force say of a case; None where no fact is recorded."""
    person = person_of(case, library())
    if person is None:
        return None
    return advice.advised(advice.texts_of(packs.current(advice.ADVICE)), person)


def urgent(case: Case, language: Language) -> tuple[Told, ...]:
    """Return what should be seen to now; a patient reads it without anybody's confirmation."""
    found = advised(case)
    now = [one for one in found.ranked if one.rule.urgency == NOW] if found else []
    return tuple(
        Told(
            one.rule.id,
            one.rule.title.of(language),
            tuple(
                text.of(language)
                for text in (one.rule.advice, one.rule.next, *one.said.cautions, one.rule.seek)
                if text
            ),
            (
                because(found, one.said.used).of(language),
                source_line(found, one.rule).of(language),
            ),
        )
        for one in now
        if found is not None
    )


def changed(case: Case, language: Language) -> tuple[Told, ...]:
    """Return what moved away from the person's own level, as computed from the record now."""
    task = registry.find(BASELINE)
    return tuple(
        Told(
            one.id,
            concept(one.code).of(language),
            (one.reason.of(language),) if one.reason else (),
            (),
            one.valid_until is not None and one.valid_until <= case.at,
        )
        for one in answered(task, packs.current(BASELINE), case)
        if one.band in (Band.RULE_IN, Band.GREY)
    )


def confirm(access: Access, case: Case, chosen: Collection[str], by: str) -> None:
    """Store the advice a clinician chose as the patient's plan, with its goals.

    Parameters
    ----------
    access, case
        Of the clinician.
    chosen
        Ids of rules.
    by
        The clinician's name, for the patient to read.

    Raises
    ------
    BadInput
        Nothing was chosen, or something that the rules do not say of this case now.
    """
    found = advised(case)
    said = {one.rule.id for one in found.ranked} if found else set()
    if found is None or not chosen or not said.issuperset(chosen):
        raise BadInput(
            "no advice was chosen, or what was chosen does not apply any more",
            "one or more of the list",
            "reload the page and choose again",
        )
    plans = [bundle(found, case.patient, case.at, language) for language in ("en", "zh")]
    english, chinese = ([one["resource"] for one in plan["entry"]] for plan in plans)
    resources = [_both(one, other) for one, other in zip(english, chinese, strict=True)]
    plan, goals = resources[0], resources[1:]
    kept = [goal for goal in goals if _rule_of(goal) in chosen]
    names = {f"Goal/{goal['id']}" for goal in kept}
    plan |= {
        "id": PLAN,
        "status": "active",
        "intent": "plan",
        "author": {"display": by},
        "goal": [{"reference": name} for name in sorted(names)],
        "activity": [
            _activity(one, names)
            for one in plan["activity"]
            if one["detail"]["code"]["coding"][0]["code"] in chosen
        ],
    }
    if not names:
        del plan["goal"]
    started = [goal | {"lifecycleStatus": "active"} for goal in kept]
    pack = packs.current(advice.ADVICE).identity
    detail = {"rules": sorted(chosen), "pack": pack}
    access.put([plan, *started], case.patient, entries=[Entry("plan-confirmed", 0, detail)])


def _activity(activity: Resource, goals: Collection[str]) -> Resource:
    detail = activity["detail"]
    kept = [one for one in detail.get("goal", ()) if one["reference"] in goals]
    bare = {name: value for name, value in detail.items() if name != "goal"}
    return {"detail": bare | ({"goal": kept} if kept else {})}


def _both(one: Any, other: Any) -> Any:
    """Return a resource with the words of its other language beside each of its own."""
    if isinstance(one, list):
        return [_both(a, b) for a, b in zip(one, other, strict=True)]
    if not isinstance(one, Mapping):
        return one
    made: Resource = {name: _both(value, other[name]) for name, value in one.items()}
    for name in WORDS:
        words = other.get(name)
        if isinstance(words, str) and words != one[name]:
            parts = [{"url": "lang", "valueCode": "zh"}, {"url": "content", "valueString": words}]
            made[f"_{name}"] = {"extension": [{"url": TRANSLATION, "extension": parts}]}
    return made


def _in(content: Mapping[str, Any], name: str, language: Language) -> str:
    """Return the words of a member in a language, else as they stand."""
    for one in (content.get(f"_{name}") or {}).get("extension") or ():
        parts = {part.get("url"): part for part in one.get("extension") or ()}
        if one.get("url") == TRANSLATION and parts.get("lang", {}).get("valueCode") == language:
            return str(parts.get("content", {}).get("valueString", ""))
    return str(content.get(name, ""))


def _rule_of(goal: Mapping[str, Any]) -> str:
    return next(
        (str(i["value"]) for i in goal.get("identifier", ()) if i.get("system") == ADVICE), ""
    )


def confirmed(case: Case, language: Language) -> PlanView | None:
    """Return the plan in force; None where nothing was confirmed."""
    plans = [one for one in case.of("CarePlan") if one.content.get("status") == "active"]
    plans = [one for one in plans if _of_advice(one.content)]
    if not plans:
        return None
    plan = plans[-1].content
    named = {_last(one.get("reference", "")) for one in plan.get("goal", ())}
    return PlanView(
        confirmed=str(plan.get("created", ""))[:10],
        by=str((plan.get("author") or {}).get("display", "")),
        advice=tuple(_activity_view(one["detail"], language) for one in plan["activity"]),
        goals=tuple(_goal_view(one, language) for one in case.of("Goal") if one.id in named),
    )


def _of_advice(plan: Mapping[str, Any]) -> bool:
    return any(
        coding.get("system") == ADVICE
        for one in plan.get("activity", ())
        for coding in ((one.get("detail") or {}).get("code") or {}).get("coding", ())
    )


def _activity_view(detail: Mapping[str, Any], language: Language) -> Told:
    words = _in(detail, "description", language)
    mark = "来源：" if language == "zh" else "Source:"
    said, found, source = words.partition(mark)
    return Told(
        str(detail["code"]["coding"][0]["code"]),
        _in(detail["code"], "text", language),
        (said.strip(),),
        (found + source,) if found else (),
    )


def _goal_view(record: Record, language: Language) -> GoalView:
    content = record.content
    codings = (content.get("achievementStatus") or {}).get("coding", ())
    state = next((str(one.get("code")) for one in codings if one.get("code") in STATES), "")
    targets: Sequence[Mapping[str, Any]] = content.get("target") or ({},)
    return GoalView(
        record.id,
        _in(content["description"], "text", language),
        targets[0].get("dueDate", ""),
        state,
    )


def report(access: Access, case: Case, goal: str, state: str) -> None:
    """Store what a patient says became of a goal; the next advice is ranked by it.

    Raises
    ------
    BadInput
        No such state.
    NotFound
        The plan in force has no such goal.
    Conflict
        The goal was changed meanwhile.
    """
    if state not in STATES:
        raise BadInput("no such state of a goal", f"one of {', '.join(STATES)}", "choose one")
    plan = confirmed(case, "en")
    known = {one.id for one in plan.goals} if plan else set()
    record = next((one for one in case.of("Goal") if one.id == goal and goal in known), None)
    if record is None:
        raise NotFound("no such goal in the plan", "a goal of the plan in force", "reload the page")
    version = record.reference.rpartition("/_history/")[2]
    if not version.isdigit():
        raise Conflict("a goal without a version", "a stored goal", "reload the page")
    changed = {
        **record.content,
        "statusDate": f"{datetime.now(UTC):%Y-%m-%d}",
        "achievementStatus": {"coding": [{"system": ACHIEVEMENT, "code": state}]},
    }
    access.put([changed], case.patient, expected={f"Goal/{record.id}": int(version)})


def _last(reference: str) -> str:
    return reference.partition("/_history")[0].rpartition("/")[2]
