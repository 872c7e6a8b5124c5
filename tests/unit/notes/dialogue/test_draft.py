"""A visit's talk becomes a draft note whose every line is found in the talk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suwen.core.errors import BadInput
from suwen.notes.dialogue.draft import ORDER, draft, exchanges
from suwen.notes.dialogue.talk import turns_of
from suwen.notes.measures.numerals import with_digits
from suwen.notes.reading.sections import headings
from suwen.notes.summary.traced import fault

TALK = (
    "Doctor: Hi there! How are you today?\n"
    "Patient: Um, I've had a bad cough for twenty six days, and my chest hurts.\n"
    "Doctor: Have you had any fever or chills?\n"
    "Patient: No.\n"
    "Doctor: Are you having shortness of breath?\n"
    "Patient: Yes, at night.\n"
    "Doctor: Thank you. Take care.\n"
)
CHINESE = (
    "医生：您好，请坐，哪里不舒服？\n患者：大夫您好，我咳嗽两周了，最高38.5度。\n"
    "医生：有没有胸痛、咯血？\n患者：没有。\n医生：有痰吗？\n患者：有，黄痰。\n"
    "医生：对什么药过敏吗？\n患者：对青霉素过敏。\n医生：喝酒吗？\n患者：不喝。\n"
    "医生：家里人有得过肿瘤的吗？\n患者：我父亲有肺癌。\n"
    "医生：右下肺可以听到湿啰音。\n医生：胸片右下肺有斑片影。\n医生：考虑是肺炎。\n"
    "医生：我给您开左氧氟沙星，吃7天。\n患者：好的，谢谢大夫。\n医生：不客气。"
)


def said(talk: str) -> list[str]:
    return [line.text.en for line in draft(talk)]


def one(question: str, answer: str) -> str:
    """Return the lines of one answer."""
    made = exchanges(f"Doctor: {question}\nPatient: {answer}")
    return " ".join(line.text.en for line, _ in made)


def test_answers_become_reports_and_denials_in_the_third_person() -> None:
    assert set(said(TALK)) == {
        "The patient has had a bad cough for 26 days, and their chest hurts.",
        "Denies fever or chills.",
        "Reports having shortness of breath: at night.",
    }


def test_a_denial_names_the_question_and_the_answer_it_was_made_from() -> None:
    line = next(one for one in draft(TALK) if one.text.en.startswith("Denies"))
    assert line.text.zh.startswith("否认")
    assert [span.of(TALK) for span in line.spans] == ["Have you had any fever or chills?", "No."]


@pytest.mark.parametrize(
    ("question", "answer", "told"),
    [
        ("Do you smoke?", "Yes, a pack a day.", "Reports smoking: a pack a day."),
        ("Any chest pain?", "no , not that i've noticed .", "Denies chest pain."),
        ("How long ago was this?", "Seven days.", "How long ago was this? 7 days."),
        ("Is it getting worse?", "Yes, it is.", "Is it getting worse? Yes, it is."),
        ("Any allergies?", "No, just penicillin.", "Any allergies? No, just penicillin."),
        ("Do you use drugs?", "Absolutely not.", "Denies using drugs."),
        ("You have no fever?", "No.", "The patient has no fever? No."),
        ("How about your family?", "No.", "How about the patient's family? No."),
        (
            "Do you feel sick?",
            "No, I have a stuffy nose.",
            "Denies feeling sick. The patient has a stuffy nose.",
        ),
        ("Any fever?", "No fever but some cough.", "Any fever? No fever but some cough."),
        ("有没有做血化验？", "没有", "Denies 做血化验。"),
        ("没有做血化验吗？", "没有", "没有做血化验吗？没有。"),
        ("家族中有没有过敏体质的人？", "没有", "Denies 家族中过敏体质的人。"),
        ("有痰吗？", "不咳", "有痰吗？不咳。"),
        ("吃过什么药吗？", "没有", "吃过什么药吗？没有。"),
    ],
)
def test_an_answer_says_no_more_than_was_answered(question: str, answer: str, told: str) -> None:
    assert one(question, answer) == told


@pytest.mark.parametrize(
    ("said_by_doctor", "told"),
    [
        ("I want you to stop the ibuprofen.", "Stop the ibuprofen."),
        ("Let's go ahead and order a lipid panel.", "Order a lipid panel."),
        ("I'm going to start you on amoxicillin.", "Start the patient on amoxicillin."),
        (
            "On your heart exam, I do appreciate a murmur.",
            "On the patient's heart exam, noted a murmur.",
        ),
        ("I don't see any fractures.", "No fractures."),
        (
            "For your high blood pressure, we will add amlodipine.",
            "For the patient's high blood pressure: add amlodipine.",
        ),
        (
            "If it is positive I want you to take it.",
            "If it is positive the clinician wants the patient to take it.",
        ),
    ],
)
def test_orders_and_findings_lose_their_first_person(said_by_doctor: str, told: str) -> None:
    made = exchanges(f"Doctor: {said_by_doctor}\nPatient: Okay.")
    assert [line.text.en for line, _ in made] == [told]


def test_small_talk_is_left_out() -> None:
    talk = (
        "Doctor: Good morning, nice to see you.\nPatient: Thank you.\n"
        "Doctor: I love basketball.\nPatient: Great.\nDoctor: hey , dragon , show me the labs .\n"
        "Doctor: I'm going to listen to your heart.\nPatient: Okay.\nDoctor: Any questions?\n"
        "Patient: No."
    )
    assert exchanges(talk) == []


def test_what_a_clinician_says_again_is_told_once() -> None:
    talk = "Doctor: What hurts?\nPatient: My left knee hurts.\nDoctor: Your left knee.\n"
    assert len(exchanges(talk)) == 1


def test_a_chinese_visit_is_told_by_section() -> None:
    told = {(line.section, line.text.zh) for line in draft(CHINESE)}
    assert told == {
        ("chief_complaint", "患者咳嗽两周了，最高38.5度。"),
        ("history_of_present_illness", "否认胸痛、咯血。"),
        ("history_of_present_illness", "诉有痰：黄痰。"),
        ("allergies", "对什么药过敏吗？对青霉素过敏。"),
        ("social_history", "否认喝酒。"),
        ("family_history", "家里人有得过肿瘤的吗？患者父亲有肺癌。"),
        ("physical_examination", "右下肺可以听到湿啰音。"),
        ("results", "胸片右下肺有斑片影。"),
        ("assessment", "考虑是肺炎。"),
        ("plan", "给患者开左氧氟沙星，吃7天。"),
    }


def test_a_family_answer_goes_under_family_history() -> None:
    talk = "Doctor: Any illness in your family?\nPatient: My mother has diabetes and hypertension."
    assert [line.section for line in draft(talk)] == ["family_history"] * len(draft(talk))


def test_sections_are_those_of_notes_and_stand_in_order() -> None:
    assert set(ORDER) <= set(headings().names)
    places = [ORDER.index(line.section) for line in draft(CHINESE)]
    assert places == sorted(places)


def test_the_more_is_asked_of_a_line_the_fewer_are_kept() -> None:
    assert len(draft(TALK, -1)) >= len(draft(TALK)) > len(draft(TALK, 1)) == 0


def test_a_talk_in_which_nobody_is_named_is_refused() -> None:
    with pytest.raises(BadInput, match="nobody is named"):
        draft("I have a cough.")


@pytest.mark.parametrize(
    ("words", "digits"),
    [
        ("twenty six years", "26 years"),
        ("two thousand nine", "2009"),
        ("one hundred and fifty over ninety", "150 over 90"),
        ("one thirty two over eighty", "132 over 80"),
        ("two ten over one hundred", "210 over 100"),
        ("that one hurts", "that one hurts"),
        ("nineteen ninety", "nineteen ninety"),
        ("hundred percent", "hundred percent"),
        ("five milligrams", "5 milligrams"),
    ],
)
def test_number_words_become_digits_only_where_they_are_one_number(words: str, digits: str) -> None:
    assert with_digits(words) == digits


WORDS = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            [
                "no",
                "yes",
                "not",
                "i",
                "you",
                "left",
                "knee hurts",
                "any fever",
                "do",
                "have",
                "okay",
            ]
        )
        | st.sampled_from(["and", "if", "two", "milligrams", "没有", "我", "您", "吗", "？", ","]),
        max_size=30,
    ).map(" ".join),
)


@given(st.lists(st.tuples(st.sampled_from(["Doctor: ", "Patient: "]), WORDS), min_size=1))
def test_every_line_of_any_talk_lies_in_turns_of_it(turns: list[tuple[str, str]]) -> None:
    talk = "Doctor: hello\n" + "\n".join(who + words for who, words in turns)
    known = turns_of(talk)
    for line in draft(talk, -9):
        assert line.text.en
        assert fault(line, talk, known) not in ("place", "number")


SHORT = (
    "Nurse: Why are you here today?\nPatient: My ear hurts.\n"
    "Nurse: Do you have any allergies?\nPatient: Sulfa drugs.\n"
    "Nurse: What medicines do you take?\nPatient: Insulin glargine 20 units at bedtime.\n"
    "Doctor: I think it is an infection. Take amoxicillin 500 mg three times a day.\n"
    "Doctor: Come back if it gets worse.\n"
)


def placed_lines(talk: str) -> list[tuple[str, str]]:
    return [(line.section, line.text.zh) for line in draft(talk)]


def test_a_short_visit_has_its_sections_and_is_not_all_of_one() -> None:
    assert placed_lines(SHORT) == [
        ("chief_complaint", "The patient's ear hurts."),
        (
            "medications",
            "What medicines does the patient take? Insulin glargine 20 units at bedtime.",
        ),
        ("allergies", "Does the patient have any allergies? Sulfa drugs."),
        ("assessment", "The clinician thinks it is an infection."),
        ("plan", "Take amoxicillin 500 mg 3 times a day."),
        ("plan", "Come back if it gets worse."),
    ]


def test_an_order_is_of_the_plan_however_short_the_talk() -> None:
    talk = "Patient: I have a rash.\nDoctor: Stop the lisinopril.\n"
    assert ("plan", "Stop the lisinopril.") in placed_lines(talk)
    exam = "Doctor: Take a deep breath. Start at your left.\nPatient: My left lung hurts."
    assert "plan" not in dict(placed_lines(exam))


def test_an_answer_that_says_not_what_it_is_about_stands_behind_its_question() -> None:
    assert one("Do you smoke?", "I quit ten years ago.") == (
        "Does the patient smoke? The patient quit 10 years ago."
    )
    assert one("Do you smoke?", "I quit smoking ten years ago.") == (
        "The patient quit smoking 10 years ago."
    )
    assert one("抽烟吗？", "以前抽，戒了十年了。") == "抽烟吗？以前抽，戒了十年了。"


def test_what_brings_a_patient_needs_no_question_before_it() -> None:
    assert one("What is the problem?", "Back pain for a week.") == "Back pain for a week."
    assert one("您哪里不舒服？", "头痛三天。") == "头痛三天。"


def test_a_chinese_sentence_over_several_sections_is_cut_where_they_change() -> None:
    talk = (
        "医生：怎么了？\n患者：孩子发烧两天。\n"
        "医生：我听一下，嗓子红，扁桃体肿大，血常规白细胞1.5万，考虑化脓性扁桃体炎，"
        "给开阿莫西林，三天后复查。\n"
    )
    assert placed_lines(talk) == [
        ("chief_complaint", "孩子发烧两天。"),
        ("physical_examination", "嗓子红，扁桃体肿大。"),
        ("results", "血常规白细胞1.5万。"),
        ("assessment", "考虑化脓性扁桃体炎。"),
        ("plan", "给开阿莫西林，三天后复查。"),
    ]
    for line in draft(talk):
        assert line.text.zh.rstrip("。") == line.spans[-1].of(talk).rstrip("。")
