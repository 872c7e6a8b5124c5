"""A visit's talk becomes a draft note whose every line is found in the talk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suwen.core.errors import BadInput
from suwen.notes.dialogue import draft, turns_of
from suwen.notes.numerals import with_digits

TALK = (
    "Doctor: Hi there! How are you today?\n"
    "Patient: Um, I've had a bad cough for twenty six days, and my chest hurts.\n"
    "Doctor: Have you had any fever or chills?\n"
    "Patient: No.\n"
    "Doctor: Are you having shortness of breath?\n"
    "Patient: Yes, at night.\n"
    "Doctor: Thank you. Take care.\n"
)


def said(talk: str) -> list[str]:
    return [line.text.en for line in draft(talk)]


def test_answers_become_reports_and_denials_in_the_third_person() -> None:
    assert set(said(TALK)) == {
        "The patient has had a bad cough for 26 days, and their chest hurts.",
        "Denies fever or chills.",
        "Reports shortness of breath.",
    }


def test_a_denial_names_the_question_and_the_answer_it_was_made_from() -> None:
    line = next(one for one in draft(TALK) if one.text.en.startswith("Denies"))
    assert line.text.zh.startswith("否认")
    assert [span.of(TALK) for span in line.spans] == ["Have you had any fever or chills?", "No"]


def test_speakers_are_known_in_both_languages_and_styles() -> None:
    talk = "[doctor] where does it hurt ?\n[patient] here .\n医生：哪里不舒服？\n患者：头痛三天。"
    assert [turn.speaker for turn in turns_of(talk)] == ["clinician", "patient"] * 2
    assert turns_of(talk)[3].of(talk) == "头痛三天。"
    assert "头痛三天。" in said(talk)


def test_a_talk_in_which_nobody_is_named_is_refused() -> None:
    with pytest.raises(BadInput, match="nobody is named"):
        draft("I have a cough.")


def test_a_family_answer_goes_under_family_history() -> None:
    talk = "Doctor: Any illness in your family?\nPatient: My mother has diabetes and hypertension."
    assert [line.section for line in draft(talk)] == ["family_history"] * len(draft(talk))


def test_of_a_long_talk_a_share_is_kept() -> None:
    talk = "".join(
        f"Doctor: What about medication {n}?\nPatient: I take metoprolol {n} milligrams daily.\n"
        for n in range(2, 80)
    )
    kept, all_of_it = draft(talk, 0.2), draft(talk, 10.0)
    assert 0 < len(kept) < len(all_of_it)


@pytest.mark.parametrize(
    ("words", "digits"),
    [
        ("twenty six years", "26 years"),
        ("two thousand nine", "2009"),
        ("one hundred and fifty over ninety", "150 over 90"),
        ("that one hurts", "that one hurts"),
        ("nineteen ninety", "nineteen ninety"),
        ("hundred percent", "hundred percent"),
        ("five milligrams", "5 milligrams"),
    ],
)
def test_number_words_become_digits_only_where_they_are_one_number(words: str, digits: str) -> None:
    assert with_digits(words) == digits


@given(
    st.lists(
        st.tuples(st.sampled_from(["Doctor: ", "Patient: "]), st.text(max_size=60)), min_size=1
    )
)
def test_every_line_of_any_talk_rests_on_stretches_of_it(turns: list[tuple[str, str]]) -> None:
    talk = "Doctor: hello\n" + "\n".join(who + words for who, words in turns)
    for line in draft(talk):
        assert line.text.en
        assert line.spans
        assert all(0 <= span.start < span.end <= len(talk) for span in line.spans)
