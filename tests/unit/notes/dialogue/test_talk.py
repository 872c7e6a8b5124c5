"""The talk of a visit: who says what, in sentences or in what would be one."""

from __future__ import annotations

import pytest

from suwen.core.errors import BadInput, SuwenError
from suwen.notes.dialogue.talk import TALK_CAP, clauses_of, talks_of, turns_of


def clauses(talk: str) -> list[tuple[str, bool]]:
    return [(one.of(talk), one.asks) for one in clauses_of(talk, turns_of(talk))]


def test_speakers_are_known_in_both_languages_and_styles() -> None:
    talk = (
        "[doctor] where does it hurt ?\n[patient] here .\nDr. Smith: Since when?\n"
        "Guest_family: A week.\n医生：哪里不舒服？\n患者：头痛三天。"
    )
    assert [turn.speaker for turn in turns_of(talk)] == [
        *("clinician", "patient", "clinician", "family"),
        *("clinician", "patient"),
    ]
    assert turns_of(talk)[-1].of(talk) == "头痛三天。"


def test_turns_may_stand_on_one_line() -> None:
    talk = "医生：发烧吗？患者：不发烧。医生：咳嗽呢？ 患者：咳嗽。"
    assert [turn.of(talk) for turn in turns_of(talk)] == [
        "发烧吗？",
        "不发烧。",
        "咳嗽呢？",
        "咳嗽。",
    ]


def test_who_is_called_the_patient_of_a_child_is_its_family() -> None:
    talk = "医生：宝宝多大了？\n患者：两岁。\n医生：宝宝发烧吗？\n患者：我量了，38度。"
    assert {turn.speaker for turn in turns_of(talk)} == {"clinician", "family"}


@pytest.mark.parametrize("talk", ["I have a cough.", "Note: cough for two days.", ""])
def test_a_text_in_which_nobody_is_named_is_refused(talk: str) -> None:
    with pytest.raises(BadInput, match="nobody is named"):
        turns_of(talk)


def test_a_talk_longer_than_a_day_of_speech_is_refused() -> None:
    with pytest.raises(BadInput, match="too long"):
        turns_of("Doctor: " + "cough " * TALK_CAP)


def test_what_somebody_wrote_with_stops_stays_whole() -> None:
    talk = "Patient: I took it for a while, and I stopped, and then it came back. It hurts."
    assert [text for text, _ in clauses(talk)] == [
        "I took it for a while, and I stopped, and then it came back.",
        "It hurts.",
    ]


def test_a_turn_that_runs_on_is_cut_where_the_speaker_begins_anew() -> None:
    talk = (
        "[doctor] i do see some swelling on the inside of that knee and when i push there is fluid "
        "now you do have pain on the medial aspect i want you to continue to use an ace wrap"
    )
    assert [text for text, _ in clauses(talk)] == [
        "i do see some swelling on the inside of that knee",
        "and when i push there is fluid",
        "now you do have pain on the medial aspect",
        "i want you to continue to use an ace wrap",
    ]


def test_a_condition_is_never_cut_from_what_hangs_on_it() -> None:
    talk = (
        "[doctor] okay so if that's positive i wan na place you on amoxicillin five hundred "
        "milligrams and i'm gon na give you some lidocaine for the pain that you have"
    )
    assert "if that's positive i wan na place you on amoxicillin" in clauses(talk)[0][0]


def test_a_question_keeps_all_its_halves() -> None:
    talk = (
        "[doctor] did you fall to the ground or did you just plant and he pushed and you went one "
        "way and your knee did not okay\n[patient] i did fall"
    )
    assert not any(text.startswith("and your knee") for text, _ in clauses(talk))


@pytest.mark.parametrize(
    ("said", "asks"),
    [
        ("are you taking the lisinopril", True),
        ("how many days ago was this", True),
        ("you're still on that, is that correct?", True),
        ("i wan na increase your lisinopril , okay ?", False),
        ("and have you continue to watch your diet , okay ?", False),
        ("when i was a kid i had strep throat", False),
        ("it hurts when i walk", False),
        ("有没有发热", True),
        ("问题大不大", True),
        ("头痛三天了", False),
    ],
)
def test_questions_are_known_without_their_mark(said: str, asks: bool) -> None:
    talk = f"Doctor: {said}"
    assert clauses(talk)[-1][1] is asks


def test_tables_of_both_corpora_are_read_row_by_row() -> None:
    mts = (
        b'ID,section_header,section_text,dialogue\n7,CC,Cough.,"Doctor: Cough?\r\nPatient: Yes."\n'
    )
    (talk,) = talks_of(mts)
    assert (talk.name, talk.text) == ("7", "Doctor: Cough?\nPatient: Yes.")
    aci = b'dataset,encounter_id,dialogue,note\naci,D2N001,"[doctor] hi\n[patient] hi",x\n'
    assert [talk.name for talk in talks_of(aci)] == ["D2N001"]


def test_text_of_any_encoding_and_rtf_are_read() -> None:
    said = "医生：哪里不舒服？\n患者：头痛三天，伴有发热。"
    for encoding in ("utf-8", "gb18030", "utf-16"):
        assert talks_of(said.encode(encoding))[0].text == said
    rtf = rb"{\rtf1\ansi Doctor: Cough?\par Patient: Yes, for a week.\par}"
    assert len(turns_of(talks_of(rtf)[0].text)) == 2


@pytest.mark.parametrize(
    "data",
    [b"", b"  \n", b"\x00\x01\x02\xff\xfe\x00", b"ID,dialogue\n1,\n", b'a,dialogue\n1,"x"y\n'],
)
def test_what_holds_no_talk_is_refused_with_a_reason(data: bytes) -> None:
    with pytest.raises(SuwenError, match="expected"):
        [turns_of(talk.text) for talk in talks_of(data)]
