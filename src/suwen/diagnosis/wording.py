"""How numbers, units, bands and sections read to a clinician, each decided once.

Units: UCUM 2.1 print symbols. Percentages are whole numbers and never 0 or 100: a model is not that
sure.
"""

from __future__ import annotations

import re
from enum import StrEnum

from suwen.core.codes import LONGEST_DIAMETER, PULMONARY_NODULE, Code, Text
from suwen.core.nouns import PROBABILITY, Band, Finding, Interval, Tracking
from suwen.diagnosis.language import both, message, same


class Section(StrEnum):
    """The parts of a report, in reading order."""

    IMPRESSION = "impression"
    SUMMARY = "summary"
    FINDINGS = "findings"
    UNANSWERED = "unanswered"
    NOTES = "notes"
    CONTEXT = "context"
    DOCUMENTS = "documents"
    LIMITS = "limits"


SECTION_TITLES = {
    Section.IMPRESSION: message("Impression"),
    Section.SUMMARY: message("Summary"),
    Section.FINDINGS: message("Findings"),
    Section.UNANSWERED: message("Not answered"),
    Section.NOTES: message("From the notes"),
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

UNIT_SIGNS = {
    "1": "",
    "mm3": "mm³",
    "cm3": "cm³",
    "Cel": "°C",
    "mm[Hg]": "mmHg",
    "ug/L": "µg/L",
    "umol/L": "µmol/L",
    "10*9/L": "×10⁹/L",
    "10*12/L": "×10¹²/L",
    "{score}": "",
    PROBABILITY: "",
    "[pH]": "",
    "mL/min/{1.73_m2}": "mL/min/1.73 m²",
    "kg/m2": "kg/m²",
}
"""Print forms of UCUM units that are not their own print form."""

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


def unit_sign(unit: str) -> str:
    """Return the print form of a UCUM unit."""
    return UNIT_SIGNS.get(unit, unit)


def with_unit(number: str, unit: str) -> str:
    """Return a number and its unit; the percent sign stands close."""
    sign = unit_sign(unit)
    return number + ("" if sign in {"", "%"} else " ") + sign


def number(value: float, unit: str = "") -> str:
    """Return a measured value with as many digits as mean something in its unit."""
    if unit == PROBABILITY:
        return percent(value)
    if unit == "mm":
        return f"{value:.1f}"
    if unit == "mm3":
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or value == 0 else f"{value:.1e}"


def percent(value: float) -> str:
    """Return a probability in [0, 1] as a whole percentage, `<1%` and `>99%` at the ends."""
    if value < 0.01:
        return "<1%"
    if value > 0.99:
        return ">99%"
    return f"{100 * value:.0f}%"


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
    en = name.en if name.en[1:2].isupper() else name.en[:1].lower() + name.en[1:]
    return Text(en=en, zh=name.zh)


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
