"""A text after de-identification: what replaced what, and where everything went."""

import re
from datetime import date

import pytest

from suwen.core.errors import BadInput
from suwen.privacy.planting import DISGUISES, plant, survivors
from suwen.privacy.subjects.subject import Subject
from suwen.privacy.texts.deidentify import deidentify
from suwen.privacy.words import checksums

ONE = Subject.of(b"0123456789abcdef", "Patient/1")
TWO = Subject.of(b"0123456789abcdef", "Patient/2")


def test_a_mask_says_the_type_and_nothing_else() -> None:
    said = deidentify("Mr. John Smith, MRN 4711-22, seen on 03/05/2021.")
    assert said.text == "[NAME], MRN [MRN], seen on [DATE]."


def test_the_way_from_old_characters_to_new() -> None:
    text = "Mr. John Smith has fever since 03/05/2021."
    said = deidentify(text)
    fever = text.index("fever")
    start, end = said.span(fever, fever + 5)
    assert said.text[start:end] == "fever"
    assert said.text[slice(*said.span(0, 14))] == "[NAME]"
    assert said.moved(len(text)) == len(said.text)
    assert said.moved(2) == 0


def test_dates_keep_their_format_and_their_distance() -> None:
    said = deidentify("Admitted March 5th, 2021; discharged 2021-03-12.", "shift", ONE).text
    months = "January February March April May June July August September October November December"
    word, day, year = re.findall(r"Admitted (\w+) (\d+)(?:st|nd|rd|th), (\d+)", said)[0]
    admitted = date(int(year), months.split().index(word) + 1, int(day))
    discharged = date.fromisoformat(re.findall(r"\d{4}-\d\d-\d\d", said)[0])
    assert (discharged - admitted).days == 7
    assert admitted == date(2021, 3, 5) + ONE.shift


def test_chinese_dates_stay_chinese() -> None:
    said = deidentify("2021年3月5日入院，3月12日出院。", "shift", ONE).text
    assert re.fullmatch(r"20\d\d年\d{1,2}月\d{1,2}日入院，\d{1,2}月\d{1,2}日出院。", said)
    assert "3月5日" not in said


def test_a_subject_has_the_same_surrogates_in_every_text_and_another_has_others() -> None:
    text = "Maria Garcia called. Mrs. Garcia felt well."
    first, again = deidentify(text, "surrogate", ONE).text, deidentify(text, "surrogate", ONE).text
    assert first == again != deidentify(text, "surrogate", TWO).text
    names = re.findall(r"^\w+ (\w+) called. Mrs. (\w+) felt", first)[0]
    assert names[0] == names[1]


def test_surrogates_keep_script_case_and_form() -> None:
    said = deidentify("DR. JOHN SMITH\n姓名：欧阳丽芳，手机138-1234-5678", "surrogate", ONE).text
    assert re.fullmatch(r"DR\. [A-Z]+ [A-Z]+\n姓名：[\u4e00-\u9fff]{4}，手机142-\d{4}-\d{4}", said)


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("身份证号11010519491231002X。", checksums.is_resident),
        ("Card 4111 1111 1111 1111", checksums.is_card),
        ("VIN 1M8GDM9AXKP042788", checksums.is_vin),
        ("IBAN GB82 WEST 1234 5698 7654 32", checksums.is_iban),
    ],
)
def test_surrogate_numbers_have_right_check_digits(text: str, check: object) -> None:
    said = deidentify(text, "surrogate", ONE)
    piece = said.pieces[0]
    new = said.text[piece.new_start : piece.new_end]
    assert check(new)  # type: ignore[operator]
    assert new != text[piece.start : piece.end]


def test_a_surrogate_identity_number_keeps_the_sex_and_no_region_has_it() -> None:
    new = deidentify("身份证号11010519491231002X。", "surrogate", ONE).text[4:22]
    assert new.startswith("10")
    assert int(new[16]) % 2 == 0


def test_a_hash_is_the_same_for_the_same_number_however_it_is_written() -> None:
    first = deidentify("SSN 123-45-6789", "hash", ONE).text
    assert first == deidentify("SSN １２３-45-6789", "hash", ONE).text
    assert first != deidentify("SSN 123-45-6789", "hash", TWO).text
    assert re.fullmatch(r"SSN \[SSN:[0-9a-f]{16}\]", first)


def test_ages_over_89_are_one_group() -> None:
    assert deidentify("She is 94 years old.", "shift", ONE).text == "She is 90+ years old."
    assert deidentify("患者96岁。", "surrogate", ONE).text == "患者90+岁。"
    assert deidentify("She is 89 years old.").text == "She is 89 years old."


def test_a_type_that_is_wanted_stays() -> None:
    text = "由心内科收治，患者张伟。"
    assert deidentify(text, keep=["department"]).text == "由心内科收治，患者[NAME]。"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"mode": "rot13"}, "mode"),
        ({"mode": "hash"}, "subject"),
        ({"keep": ["shoe_size"]}, "type"),
    ],
)
def test_a_wrong_request_gets_one_clear_error(asked: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        deidentify("text", **asked)  # type: ignore[arg-type]


def test_what_was_planted_can_be_read_before_and_not_after() -> None:
    few = {name: DISGUISES[name] for name in ("lookalikes",)}
    seen = count = 0
    for planted in plant(7, few):
        seen += len(survivors(planted, planted.text))
        count += len(planted.values)
        assert survivors(planted, deidentify(planted.text).text) == [], planted.text
    assert seen == count > 150


def test_a_number_taken_for_a_name_does_not_stay() -> None:
    said = deidentify("| Name | Ward |\n| 4711-2290 Smith | 3 |", "surrogate", ONE).text
    assert "4711" not in said
    assert "2290" not in said
    assert "Smith" not in said


@pytest.mark.parametrize("text", ["Dr. Do came.", "Seen by Mr. Al.", "Signed: Ng, MD", "患者：李·"])
def test_a_name_that_is_also_a_title_or_a_particle_is_replaced(text: str) -> None:
    new = deidentify(text, "surrogate", ONE).text
    assert new != text
    assert not re.search(r"\b(Do|Al|Ng)\b|李", new)
