"""The advice of a case as its page shows it: asked, stored and logged, then laid out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from suwen.core.codes import Language
from suwen.core.nouns import Case
from suwen.health.advice.facts import Person, person_of
from suwen.health.advice.findings import Advised, because, gaps_of, source_line
from suwen.health.advice.plan import WORDS, bundle
from suwen.health.advice.ranking import Ranked, why
from suwen.health.advice.task import ADVICE, advised, texts_of
from suwen.health.risk.equation import library
from suwen.lifecycle import packs
from suwen.server.asking import Asking


@dataclass(frozen=True)
class AdviceLine:
    """One piece of advice: what it says, what to mind, and why it is given and stands here.

    `id` is that of its rule.
    """

    id: str
    title: str
    soon: bool
    advice: str
    next: str
    mind: list[str]
    goal: str
    because: str
    place: str
    source: str


@dataclass(frozen=True)
class AdviceShown:
    """The advice of one case."""

    case: Case
    found: Advised
    language: Language

    def words(self) -> dict[str, str]:
        """Return the headings in the reader's language."""
        return {name: text.of(self.language) for name, text in WORDS.items()}

    def lines(self, now: bool) -> list[AdviceLine]:
        """Return what should be seen to at once, or the rest, in its order."""
        return [self._line(one) for one in self.found.ranked if (one.rule.urgency == "now") is now]

    def withheld(self) -> list[tuple[str, str]]:
        """Return what is not advised, and why."""
        mark = "；" if self.language == "zh" else "; "
        return [
            (
                one.rule.title.of(self.language),
                mark.join(text.of(self.language) for text in one.why),
            )
            for one in self.found.suppressed
        ]

    def gaps(self) -> list[str]:
        """Return what cannot be decided, and what is missing for it."""
        return [one.of(self.language) for one in gaps_of(self.found)]

    def plan(self, at: datetime) -> dict[str, Any]:
        """Return the draft CarePlan and its Goals."""
        return bundle(self.found, self.case.patient, at, self.language)

    def _line(self, one: Ranked) -> AdviceLine:
        rule, language = one.rule, self.language
        mind = [*one.said.cautions, *(text for text in (rule.seek, rule.stop) if text)]
        urgent = rule.urgency == "now"
        placed = why(one, self.found.book.topics[rule.topic], self.found.library)
        return AdviceLine(
            rule.id,
            rule.title.of(language),
            rule.urgency == "soon",
            rule.advice.of(language),
            rule.next.of(language),
            [text.of(language) for text in mind],
            rule.goal.text.of(language) if rule.goal else "",
            because(self.found, one.said.used).of(language),
            "" if urgent else placed.of(language),
            source_line(self.found, rule).of(language),
        )


def advice_of(asking: Asking, patient: str) -> AdviceShown:
    """Ask for the advice of a case; it is stored and logged before anything of it is shown."""
    asking.bench.run(asking.access, patient, ADVICE)
    case = asking.access.case(patient)
    person = person_of(case, library()) or Person({})
    found = advised(texts_of(packs.current(ADVICE)), person)
    return AdviceShown(case, found, asking.language)
