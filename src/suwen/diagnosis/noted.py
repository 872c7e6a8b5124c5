"""What notes say, in a report: facts with a code, each sentence bound to the facts behind it.

Facts of notes are told by what they carry (presence, time, person: `core.codes`), whichever task
they come from. The mentions they were drawn from are steps on the way and stand in no report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from suwen.core.codes import EXPERIENCER, FACT_DETAIL, PRESENCE, TEMPORALITY, UNMAPPED, Code, Text
from suwen.core.nouns import Act, Band, Finding, Review, Statement, Status, TextSpan
from suwen.diagnosis.language import both, joined, message, same
from suwen.diagnosis.wording import Section, concept, inside, quantity

MEANT = (PRESENCE, TEMPORALITY, EXPERIENCER)
UNMARKED = ("recent", "patient")
"""When and whose, where that goes without saying."""
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
CHANGES = {
    Act.EDITED: message("Corrected by a clinician: %(list)s."),
    Act.REJECTED: message("Read by the software and rejected by a clinician: %(list)s."),
    Act.ADDED: message("Added by a clinician: %(list)s."),
}
"""The sentences on what people said of single mentions, in reading order."""


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


def changes(findings: Iterable[Finding], reviews: Iterable[Review]) -> list[Statement]:
    """Return what people made of what was read in notes, both readings where they differ.

    Of a fact that means the same as before (one of its places was rejected, say) nothing is said.
    """
    known = {finding.id: finding for finding in findings}
    lines: dict[Act, list[tuple[Text, tuple[str, ...]]]] = {act: [] for act in CHANGES}
    for review in {one.finding: one for one in reviews}.values():
        was, now = known.get(review.finding), known.get(review.replaced_by)
        if was is None or not review.record or review.act not in CHANGES:
            continue
        before = in_words(was)
        if now is None:
            lines[review.act].append((before, (was.id,)))
        elif before != (after := in_words(now)):
            text = both("%(was)s → %(now)s", was=before, now=after)
            lines[review.act].append((text, (was.id, now.id)))
    return [
        Statement(
            section=Section.NOTES,
            text=both(
                CHANGES[act], list=joined(list(dict.fromkeys(t for t, _ in own)), "; ", "；")
            ),
            findings=tuple(dict.fromkeys(name for _, ids in own for name in ids)),
        )
        for act, own in lines.items()
        if own
    ]


def in_words(finding: Finding) -> Text:
    """Return a fact with how it is meant, as `Fever (denied or not found)`."""
    how = [one.code for one in finding.measures if one.code.system in MEANT]
    told = [inside(one.name) for one in how if one.system == PRESENCE or one.code not in UNMARKED]
    parts = [same(finding.code.code)] if finding.code.system != UNMAPPED else [both("no code")]
    return both("%(what)s (%(how)s)", what=_named(finding), how=joined([*told, *parts], ", ", "，"))


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
    told = (_marked(one, _named(one) if whole else concept(one.code)) for one in findings)
    return list(dict.fromkeys(told))


def _marked(finding: Finding, name: Text) -> Text:
    """Return a name with a mark where a person says it and no pack does."""
    return both("%(what)s (by a clinician)", what=name) if finding.person else name


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
