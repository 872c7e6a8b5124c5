"""A line of a draft is checked apart from how it was made: places, words, numbers, negations."""

from __future__ import annotations

import pytest

from suwen.core.codes import Text
from suwen.notes.dialogue.draft import Line, Way
from suwen.notes.dialogue.talk import turns_of
from suwen.notes.summary.traced import fault
from suwen.notes.text import Span

TALK = "Doctor: Do you have pain in the left knee?\nPatient: No, for 3 days it does not hurt."
TURNS = turns_of(TALK)


def line(text: str, *said: str, way: Way = "stated") -> Line:
    spans = tuple(Span(TALK.index(one), TALK.index(one) + len(one)) for one in said)
    return Line(Text(en=text, zh=text), "plan", spans, "patient", way)


ASKED, NO, MORE = "Do you have pain in the left knee?", "No,", "for 3 days it does not hurt."


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        (line("For 3 days it does not hurt.", MORE), None),
        (line("Denies pain in the left knee.", ASKED, NO, way="denied"), None),
        (line("For 4 days it does not hurt.", MORE), "number"),
        (line("For 3 days it hurts.", MORE), "negation"),
        (line("For 3 days the elbow does not hurt.", MORE), "word"),
        (line("Denies pain in the right knee.", ASKED, NO, way="denied"), "word"),
        (line("Reports pain in the left knee.", ASKED, NO, way="reported"), "negation"),
        (line("Denies pain in the left knee.", ASKED, ASKED, way="denied"), "negation"),
        (line("For 3 days."), "place"),
    ],
)
def test_what_was_not_said_is_found(told: Line, wrong: str | None) -> None:
    assert fault(told, TALK, TURNS) == wrong


def test_a_stretch_outside_of_every_turn_is_no_source() -> None:
    told = Line(Text(en="Doctor.", zh="Doctor."), "plan", (Span(0, 7),))
    assert fault(told, TALK, TURNS) == "place"


def test_a_number_said_twice_at_once_is_no_number_too_many() -> None:
    talk = "Doctor: 00 00:㐀"
    told = Line(Text(en="00 00:㐀。", zh="00 00:㐀。"), "plan", (Span(8, 15),), "clinician")
    assert fault(told, talk, turns_of(talk)) is None
