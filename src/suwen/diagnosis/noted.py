"""What notes say, in a report: facts with a code, each sentence bound to the facts behind it.

Facts of notes are told by what they carry (presence, time, person: `core.codes`), whichever task
they come from. The mentions they were drawn from are steps on the way and stand in no report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from suwen.core.codes import EXPERIENCER, FACT_DETAIL, PRESENCE, TEMPORALITY, UNMAPPED, Code, Text
from suwen.core.nouns import Band, Finding, Statement, Status, TextSpan
from suwen.diagnosis.language import both, joined, message
from suwen.diagnosis.wording import Section, concept, quantity

MEANT = (PRESENCE, TEMPORALITY, EXPERIENCER)
LINES = {
    "contradicted": message("The notes contradict each other on: %(list)s."),
    "problems": message("Problems named in the notes: %(list)s."),
    "past": message("In the past: %(list)s."),
    "possible": message("Possible: %(list)s."),
    "denied": message("Denied or not found: %(list)s."),
    "family": message("In the family: %(list)s."),
    "medication": message("Medication named in the notes: %(list)s."),
    "allergies": message("Allergies named in the notes: %(list)s."),
    "results": message("Results given in the notes: %(list)s."),
    "procedures": message("Procedures named in the notes: %(list)s."),
}
"""The sentences, in reading order."""
BARE = ("contradicted", "denied", "family")
"""Sentences that give names only: when or how long is not what they tell."""
KINDS = {"drug": "medication", "allergy": "allergies", "value": "results"}


def from_text(finding: Finding) -> bool:
    """Say whether a finding is an answer that rests on nothing but stretches of text."""
    if finding.band is Band.ABSTAIN:
        return False
    return bool(finding.evidence) and all(isinstance(one, TextSpan) for one in finding.evidence)


def is_fact(finding: Finding) -> bool:
    """Say whether a finding is a fact that notes state."""
    return finding.status is Status.OBSERVED and PRESENCE in meaning(finding)


def meaning(finding: Finding) -> dict[str, str]:
    """Return presence, time and person of a fact, by their systems."""
    return {one.code.system: one.code.code for one in finding.measures if one.code.system in MEANT}


def statements(findings: Iterable[Finding]) -> list[Statement]:
    """Return what the notes say: at most one sentence for each of `LINES`."""
    lines: dict[str, list[Finding]] = {name: [] for name in LINES}
    for finding in findings:
        if is_fact(finding) and (name := _line(finding)):
            lines[name].append(finding)
    return [
        Statement(
            section=Section.NOTES,
            text=both(LINES[name], list=joined(_names(own, name not in BARE), "; ", "；")),
            findings=tuple(dict.fromkeys(finding.id for finding in own)),
        )
        for name, own in lines.items()
        if own
    ]


def _line(finding: Finding) -> str:
    """Return the sentence a fact belongs to; empty for what is only imagined or another's."""
    how = meaning(finding)
    kind = finding.site.code if finding.site else ""
    if how.get(EXPERIENCER) == "other" or how[PRESENCE] in ("hypothetical", "conditional"):
        return ""
    if how.get(EXPERIENCER) == "family":
        return "family" if kind == "problem" and how[PRESENCE] == "present" else ""
    if kind == "problem":
        if finding.band is Band.GREY and finding.code.system != UNMAPPED:
            return "contradicted"
        by_presence = {"absent": "denied", "possible": "possible"}
        past = how.get(TEMPORALITY) == "historical"
        return by_presence.get(how[PRESENCE], "past" if past else "problems")
    if how[PRESENCE] != "present":
        return ""
    return KINDS.get(kind, "procedures" if kind == "procedure" else "")


def _names(findings: Sequence[Finding], whole: bool) -> list[Text]:
    """Return each fact once, with what belongs to it if it is told as a `whole`."""
    told = (_named(one) if whole else concept(one.code) for one in findings)
    return list(dict.fromkeys(told))


def _named(finding: Finding) -> Text:
    """Return a fact with its value, or its dose, route and frequency."""
    name = concept(finding.code)
    parts = [
        quantity(one.interval, one.unit) for one in finding.measures if one.code == finding.code
    ]
    parts += [
        one.code.name
        for one in finding.measures
        if one.code.system == FACT_DETAIL and _told(one.code)
    ]
    return joined([name, *parts], " ", " ") if parts else name


def _told(code: Code) -> bool:
    return code.code.partition("=")[0] in ("dose", "route", "frequency", "as-needed", "time")
