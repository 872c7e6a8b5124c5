"""How bands, sections, measures and quotations read to a clinician, each decided once."""

from __future__ import annotations

import re
from enum import StrEnum

from suwen.core.codes import LONGEST_DIAMETER, PULMONARY_NODULE, Code, Text
from suwen.core.nouns import Band, Finding, Interval, Tracking
from suwen.core.quantities import number, percent, with_unit
from suwen.diagnosis.language import both, message, same


class Section(StrEnum):
    """The parts of a report, in reading order."""

    IMPRESSION = "impression"
    SUMMARY = "summary"
    FINDINGS = "findings"
    UNANSWERED = "unanswered"
    NOTES = "notes"
    QUOTED = "quoted"
    CONTEXT = "context"
    DOCUMENTS = "documents"
    LIMITS = "limits"


SECTION_TITLES = {
    Section.IMPRESSION: message("Impression"),
    Section.SUMMARY: message("Summary"),
    Section.FINDINGS: message("Findings"),
    Section.UNANSWERED: message("Not answered"),
    Section.NOTES: message("From the notes"),
    Section.QUOTED: message("Assessed and planned in the notes, in their words"),
    Section.CONTEXT: message("From the records"),
    Section.DOCUMENTS: message("Documents and earlier reports"),
    Section.LIMITS: message("Limits"),
}

BAND_CHIPS = {
    Band.RULE_IN: message("HIGH · rule-in range"),
    Band.GREY: message("INDETERMINATE · grey zone"),
    Band.RULE_OUT: message("LOW · rule-out range"),
    Band.ABSTAIN: message("NO ANSWER · abstained"),
}
BAND_WORDS = {
    Band.RULE_IN: message("high, in the rule-in range"),
    Band.GREY: message("indeterminate, in the grey zone between rule-out and rule-in"),
    Band.RULE_OUT: message("low, in the rule-out range"),
    Band.ABSTAIN: message("no answer given"),
}

CONCEPT_NAMES = {
    LONGEST_DIAMETER.code: message("Longest diameter"),
    PULMONARY_NODULE.code: message("Pulmonary nodule"),
}
"""Names that say more to a clinician than the display of their code."""

_UNSEEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]"
)
_NUMBERED = re.compile(r"([A-Za-z][A-Za-z ]*?) (\d+)")
LESION_WORDS = (message("Nodule"), message("Lesion"))
"""Words of tracking labels such as `Nodule 1` that are translated."""
QUOTE_CHARACTERS = 300
"""Longest quotation from a record that stands in a statement."""


def quoted(text: str, limit: int = QUOTE_CHARACTERS) -> str:
    """Return a record's own words on one line: nothing invisible or reordering, cut at `limit`."""
    line = " ".join(_UNSEEN.sub("", text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def probability(interval: Interval) -> Text:
    """Return a probability with its interval, for example `87% (95% CI 74% to 94%)`."""
    return _with_interval(
        percent(interval.value), percent(interval.low), percent(interval.high), interval
    )


def quantity(interval: Interval, unit: str) -> Text:
    """Return a measurement with its unit and interval."""
    low, high = number(interval.low, unit), number(interval.high, unit)
    return _with_interval(with_unit(number(interval.value, unit), unit), low, high, interval)


def _with_interval(value: str, low: str, high: str, interval: Interval) -> Text:
    if interval.low == interval.high:
        return same(value)
    return both(
        "%(value)s (%(level)s CI %(low)s to %(high)s)",
        value=value,
        level=f"{100 * interval.level:g}%",
        low=low,
        high=high,
    )


def concept(code: Code) -> Text:
    """Return the name of a concept, as a heading."""
    return both(CONCEPT_NAMES[code.code]) if code.code in CONCEPT_NAMES else code.name


def inside(name: Text) -> Text:
    """Return a name as it stands inside an English sentence: small, unless an abbreviation."""
    return name.inside()


def label(finding: Finding, tracking: Tracking | None = None) -> Text:
    """Return what a finding is about: the lesion's label (`Nodule 1`), else the concept's name.

    `tracking` is the lesion's identity over studies, where the finding has another of its own.
    """
    known = tracking or finding.tracking
    if known is None:
        return concept(finding.code)
    name = quoted(known.label)
    if match := _NUMBERED.fullmatch(name):
        return both("%(thing)s %(number)s", thing=both(match[1]), number=match[2])
    return same(name)
