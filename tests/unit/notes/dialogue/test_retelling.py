"""What was said, in the third person of a note: nothing added, nothing lost."""

from __future__ import annotations

import pytest

from suwen.notes.dialogue.retelling import plain, retold
from suwen.notes.dialogue.talk import Voice

PATIENT: Voice = ("patient", "clinician")
DOCTOR: Voice = ("clinician", "patient")
FAMILY: Voice = ("family", "clinician")


@pytest.mark.parametrize(
    ("voice", "said", "told"),
    [
        (
            PATIENT,
            "Um, I've had a bad cough for twenty six days, and my chest hurts.",
            "The patient has had a bad cough for 26 days, and their chest hurts.",
        ),
        (PATIENT, "I still am taking it.", "The patient still is taking it."),
        (PATIENT, "i do n't know", "The patient does not know."),
        (PATIENT, "I try to walk and I do it.", "The patient tries to walk and they do it."),
        (PATIENT, "I was fine and i'm better.", "The patient was fine and they are better."),
        (PATIENT, "it helps me sleep", "It helps the patient sleep."),
        (PATIENT, "you told me to take it", "The clinician told the patient to take it."),
        (
            PATIENT,
            "my throat has been hurting me for four four days",
            "The patient's throat has been hurting them for 4 days.",
        ),
        (DOCTOR, "you do have a little edema , okay ?", "The patient does have a little edema."),
        (
            DOCTOR,
            "i'm gon na give you a brace",
            "The clinician is going to give the patient a brace.",
        ),
        (
            DOCTOR,
            "i think you may have a strain",
            "The clinician thinks the patient may have a strain.",
        ),
        (DOCTOR, "do you check your sugars", "Does the patient check their sugars."),
        (DOCTOR, "it's one thirty two over eighty", "It's 132 over 80."),
        (FAMILY, "I think he got into it.", "The family member thinks he got into it."),
        (PATIENT, "嗯，我头痛三天了", "患者头痛三天了。"),
        (PATIENT, "大夫您好，我妈妈有糖尿病", "患者妈妈有糖尿病。"),
        (DOCTOR, "我建议您多喝水哦", "建议患者多喝水。"),
        (FAMILY, "我给他吃了药", "给他吃了药。"),
        (FAMILY, "昨天我看他精神好", "昨天家属看他精神好。"),
    ],
)
def test_the_person_changes_and_the_verb_follows(voice: Voice, said: str, told: str) -> None:
    assert retold(said, voice) == told


def test_beside_another_person_the_patient_is_named_again() -> None:
    told = retold("My mother has diabetes and I have hypertension.", PATIENT)
    assert told == "The patient's mother has diabetes and the patient has hypertension."


@pytest.mark.parametrize(
    "said",
    [
        "right knee pain",
        "it hurts on the right",
        "well controlled diabetes",
        "good appetite",
        "now it is worse on the left",
        "so much pain",
    ],
)
def test_no_side_and_no_finding_is_taken_for_a_filler(said: str) -> None:
    assert plain(retold(said, PATIENT)) == plain(said)


@pytest.mark.parametrize("said", ["um", "okay", "yeah , okay .", "you know", "嗯，好的"])
def test_fillers_alone_tell_nothing(said: str) -> None:
    assert retold(said, PATIENT) == ""
