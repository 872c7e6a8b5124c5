"""Headings of both languages, wherever clinicians write them."""

from __future__ import annotations

import csv
import re

import pytest

from suwen.core.encodings import language_of
from suwen.core.errors import NotFound
from suwen.lifecycle.data import DataFolders
from suwen.notes.reading.sections import headings, sections_of


def found(text: str) -> list[tuple[str, str]]:
    sections = sections_of(text, language_of(text))
    return [(one.kind, text[one.heading_end : one.end].strip()) for one in sections]


def test_a_chinese_admission_note_in_one_paragraph() -> None:
    text = (
        "主诉：反复咳嗽3天。现病史：受凉后咳嗽，无发热。既往史：高血压10年，否认食物、药物过敏史。"
        "个人史：吸烟20年。家族史：父亲患糖尿病。体格检查：T 36.5℃。辅助检查：CT示右肺结节。"
        "初步诊断：1.肺炎；2.高血压。诊疗计划：抗感染。"
    )
    assert found(text) == [
        ("chief_complaint", "反复咳嗽3天。"),
        ("history_of_present_illness", "受凉后咳嗽，无发热。"),
        ("past_medical_history", "高血压10年，否认食物、药物过敏史。"),
        ("social_history", "吸烟20年。"),
        ("family_history", "父亲患糖尿病。"),
        ("physical_examination", "T 36.5℃。"),
        ("results", "CT示右肺结节。"),
        ("assessment", "1.肺炎；2.高血压。"),
        ("plan", "抗感染。"),
    ]


def test_an_english_note_with_its_headings_on_lines_of_their_own() -> None:
    text = "CHIEF COMPLAINT\n\nCough.\n\nPast Medical History:\nAsthma\n\nAssessment & Plan\nRest."
    assert found(text) == [
        ("chief_complaint", "Cough."),
        ("past_medical_history", "Asthma"),
        ("assessment_and_plan", "Rest."),
    ]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("主诉 咳嗽\n现病史 发热", "chief_complaint history_of_present_illness"),
        ("既往史无特殊。家族史阴性。", "past_medical_history family_history"),
        ("【出院医嘱】休息", "discharge_instructions"),
        ("一、入院诊断\n肺炎\n（二）诊疗计划：输液", "assessment plan"),
        ("1. Medications: aspirin\n2) Allergies: none", "medications allergies"),
        ("## Plan\nrest\n**Labs**: Na 138", "plan results"),
        ("CC:, Cough.,HPI:, Two weeks of it. PAST CARDIAC HISTORY: none",
         "chief_complaint history_of_present_illness past_medical_history"),
        ("FAMILY HISTORY - Father had diabetes\nALLERGIES. None", "family_history allergies"),
        ("S: cough\nO: wheeze\nA: asthma\nP: salbutamol",
         "history_of_present_illness physical_examination assessment plan"),
        ("Plan:\nDIABETES MELLITUS\nMetformin", "plan"),
        ("Allergies: none\n\nSEEN WITH INTERPRETER\nYes", "allergies other"),
    ],
)  # fmt: skip
def test_headings_are_found_in_every_way_they_are_written(text: str, kinds: str) -> None:
    assert [kind for kind, _ in found(text)] == kinds.split()


@pytest.mark.parametrize(
    "text",
    [
        "诊断为肺炎，治疗后好转。",
        "患者既往有高血压病史，治疗：口服药物。",
        "否认手术史、过敏史。",
        "The plan was to rest. Allergies were denied.",
        "assessment of pain: done hourly",
        "P: 80 per minute",
        "Results of the trial were published.",
        "HIV",
    ],
)
def test_words_of_a_sentence_are_no_heading(text: str) -> None:
    assert found(text) == []


def test_sections_follow_each_other_without_gap_or_overlap() -> None:
    text = "Note\nHPI: cough\nPMH: asthma\nPlan: rest"
    sections = sections_of(text, "en")
    assert sections[0].start == 5
    assert [one.start for one in sections[1:]] + [len(text)] == [one.end for one in sections]


def test_every_kind_has_a_name_and_titles_in_both_languages_and_no_title_is_two_kinds() -> None:
    table = headings()
    assert all(name.en and name.zh for name in table.names.values())
    assert set(table.chinese.values()) == set(table.english.values()) == set(table.names)
    assert not set(table.english) & set(table.weak)


@pytest.mark.real_data
def test_every_line_in_capitals_of_real_visit_notes_opens_its_section() -> None:
    try:
        path = DataFolders.from_settings().find("text/aci_bench/valid.csv")
    except NotFound as error:
        pytest.skip(str(error))
    with path.open(encoding="utf-8", newline="") as file:
        notes = [row["note"] for row in csv.DictReader(file)]
    lines = re.compile(r"(?m)^(?!MSK|NEURO|NECK|HIV)[A-Z][A-Z /&]{1,40}:?[ ]*\r?$")
    found = expected = 0
    for note in notes:
        opened = {one.start for one in sections_of(note, "en") if one.kind != "other"}
        heads = {match.start() for match in lines.finditer(note)}
        expected += len(heads)
        found += len(heads & opened)
    assert found / expected >= 0.99
