"""Where sentences of clinical notes end."""

from __future__ import annotations

import pytest

from suwen.notes.reading.sections import sections_of
from suwen.notes.reading.sentences import sentences_of


def found(text: str) -> list[str]:
    return [one.of(text) for one in sentences_of(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Seen by Dr. Smith at 3.5 mg q.d. for pain.|He takes aspirin 81 mg p.o. daily.",
        "Temp. 38.5 C.|No fever.|Na 138.|K 4.1.|Pt. is stable vs. last week, e.g. improved.",
        "John A. Smith was admitted.|Vitamin B.|He left at 5 p.m. with St. John ambulance.",
        "bp 120/80.|hr 70.|cough improved.|no fever.",
        "1. Aspirin 81 mg.|2. Lasix",
        "MEDS given.|1.  Multivitamin p.o. daily.,|2.  Klor-Con 20 mEq p.o. b.i.d.,|3.  Lasix.",
        "患者咳嗽3天，无发热、胸痛；|否认高血压。|体温36.5℃。",
        "神清！|考虑肺炎？|右肺见结节,大小约1.2cm×0.8cm;|建议随访",
        "Is there pain?|Yes!|It hurts.",
    ],
)
def test_sentences_end_where_a_clinician_would_end_them(text: str) -> None:
    expected = [one.strip(" ,") for one in text.split("|")]
    assert found(text.replace("|", " " if text.isascii() else "")) == expected


def test_a_wrapped_line_goes_on_and_a_list_does_not() -> None:
    text = (
        "The patient is a 60 year old man with a cough who was seen\n"
        "by Dr. Smith at the Massachusetts General Hospital on last\n"
        "Tuesday. He denies fever\nor chills.\n- cough\n- fever\nHypertension\nDiabetes"
    )
    assert found(text)[1:] == [
        "He denies fever\nor chills.",
        "- cough",
        "- fever",
        "Hypertension",
        "Diabetes",
    ]


def test_a_blank_line_ends_a_sentence_and_a_row_of_a_table_is_one() -> None:
    assert found("Cough\n\nfever\nGlucose\t5.4\nsodium\t138") == [
        "Cough", "fever", "Glucose\t5.4", "sodium\t138",
    ]  # fmt: skip


def test_headings_are_in_no_sentence_and_sentences_end_with_sections() -> None:
    text = "主诉：咳嗽，现病史：发热"
    sections = sections_of(text + "。既往史：无", "zh")
    assert [one.of(text + "。既往史：无") for one in sentences_of(text + "。既往史：无", sections)][
        -1
    ] == "无"


def test_an_empty_text_has_none() -> None:
    assert found("") == found(" \n。\n") == []
