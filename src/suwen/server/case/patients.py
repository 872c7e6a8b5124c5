"""Who a patient is, in the words a clinician knows: name, age, sex, number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import Path

from suwen.core.codes import Language
from suwen.diagnosis.language import message
from suwen.server.language import say

SHORT_ID = 8
PATIENT_PATTERN = r"^[A-Za-z0-9\-.]{1,64}$"
PatientId = Annotated[str, Path(pattern=PATIENT_PATTERN, description="Pseudonymous id.")]


SEXES = {
    "male": message("male"),
    "female": message("female"),
    "other": message("other"),
    "unknown": message("unknown"),
}


@dataclass(frozen=True)
class About:
    """A patient in words; `facts` are pairs of term and value."""

    name: str
    facts: list[tuple[str, str]]


def about(language: Language, patient: str, resource: Mapping[str, Any] | None) -> About:
    """Return what a FHIR Patient says of a person; without one, the store's own id."""
    content = resource or {}
    facts = _facts(language, str(content.get("birthDate", "")), str(content.get("gender", "")))
    numbers = [str(i["value"]) for i in content.get("identifier", ()) if i.get("value")]
    if numbers:
        facts.append((say(language, "number"), numbers[0]))
    return About(name_of(content) or _nameless(language, patient), facts)


def _nameless(language: Language, patient: str) -> str:
    return say(language, "Patient %(id)s", id=patient[-SHORT_ID:])


def _facts(language: Language, born: str, sex: str) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    if born:
        years = _years(born)
        shown = (
            born if years is None else say(language, "%(born)s, %(n)s years", born=born, n=years)
        )
        facts.append((say(language, "born"), shown))
    if sex in SEXES:
        facts.append((say(language, "sex"), say(language, SEXES[sex])))
    return facts


def name_of(content: Mapping[str, Any]) -> str:
    """Return a Patient's name; Chinese names without a space."""
    for name in content.get("name", ()):
        if text := str(name.get("text", "")).strip():
            return text
        given, family = " ".join(name.get("given", ())), str(name.get("family", ""))
        if any("\u4e00" <= letter <= "\u9fff" for letter in given + family):
            return f"{family}{given}".replace(" ", "")
        if given or family:
            return f"{family}, {given}" if given and family else given or family
    return ""


def _years(born: str) -> int | None:
    try:
        start = date.fromisoformat(f"{born}-01-01"[:10])
    except ValueError:
        return None
    today = datetime.now(UTC).date()
    return today.year - start.year - ((today.month, today.day) < (start.month, start.day))
