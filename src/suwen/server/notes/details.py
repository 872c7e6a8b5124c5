"""Dose, route, frequency, time and course of a fact, in the words of the reader's language."""

from __future__ import annotations

import re
from typing import Final

from suwen.core.codes import Language
from suwen.core.quantities import unit_sign
from suwen.diagnosis.language import message
from suwen.diagnosis.wording import quoted
from suwen.server.language import say

NAMES: Final = {
    "dose": message("Dose"),
    "route": message("Route"),
    "frequency": message("Frequency"),
    "as-needed": message("As needed"),
    "duration": message("Duration"),
    "time": message("Time"),
    "onset": message("Onset"),
    "status": message("Course"),
}
WORDS: Final = {
    "as-needed": message("as needed"),
    "oral": message("oral"),
    "intravenous": message("intravenous"),
    "intramuscular": message("intramuscular"),
    "subcutaneous": message("subcutaneous"),
    "inhalation": message("inhalation"),
    "sublingual": message("sublingual"),
    "topical": message("topical"),
    "rectal": message("rectal"),
    "nasal": message("nasal"),
    "ophthalmic": message("ophthalmic"),
    "transdermal": message("transdermal"),
    "resolved": message("resolved"),
    "improved": message("improved"),
    "worse": message("worse"),
    "stable": message("stable"),
    "controlled": message("controlled"),
    "uncontrolled": message("uncontrolled"),
    "recurrent": message("recurrent"),
    "persistent": message("persistent"),
    "new": message("new"),
    "tablet": message("tablet(s)"),
    "capsule": message("capsule(s)"),
    "puff": message("puff(s)"),
    "drop": message("drop(s)"),
    "sachet": message("sachet(s)"),
    "vial": message("vial(s)"),
}
UNITS: Final = {
    "h": message("%(n)s h"),
    "d": message("%(n)s d"),
    "wk": message("%(n)s wk"),
    "mo": message("%(n)s mo"),
    "a": message("%(n)s y"),
}
"""Units of a FHIR Timing as they are shown."""
_FREQUENCY: Final = re.compile(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)(h|d|wk|mo)")
_DURATION: Final = re.compile(r"P(?=.)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(\d+)H)?")
_DOSE: Final = re.compile(r"(\S+) (\S+)")


def detail(language: Language, part: str, value: str) -> tuple[str, str]:
    """Return name and words of one detail of a fact; what is not known stays as it is."""
    name = say(language, NAMES[part]) if part in NAMES else quoted(part)
    return name, _words(language, value)


def _words(language: Language, value: str) -> str:
    if value in WORDS:
        return say(language, WORDS[value])
    if match := _FREQUENCY.fullmatch(value):
        period = say(language, UNITS[match[3]], n=match[2])
        return say(language, "%(n)s × every %(period)s", n=match[1], period=period)
    if match := _DURATION.fullmatch(value):
        units = ("a", "mo", "wk", "d", "h")
        parts = zip(match.groups(), units, strict=True)
        return " ".join(say(language, UNITS[unit], n=n) for n, unit in parts if n)
    if match := _DOSE.fullmatch(value):
        bare = match[2].strip("{}")
        unit = say(language, WORDS[bare]) if bare in WORDS else unit_sign(match[2])
        return f"{quoted(match[1])} {quoted(unit)}"
    return quoted(value)
