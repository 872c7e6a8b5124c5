"""Tables: columns by header, by content or as said, rows by patient."""

from __future__ import annotations

from datetime import date

import pytest

from suwen.core.errors import BadInput
from suwen.privacy import tables
from suwen.privacy.subjects.person import Cast, Person
from suwen.privacy.subjects.subject import Subject

SECRET = b"the secret of the project of the tests"


def person(key: str) -> Person:
    return Person(Subject.of(SECRET, key), clean_text=lambda text: text.replace("Smith", "[x]"))


CAST = Cast(person("common"), person)


def through(text: str, **said: str) -> list[list[str]]:
    return [line.split(",") for line in tables.deidentify(text, CAST, said).splitlines()]


def test_each_row_gets_the_pseudonym_and_shift_of_its_patient() -> None:
    out = through("MRN,visit,heart rate\n4839201,2021-03-04,72\n5550001,2021-03-04,80\n")
    for row, key, rate in ((out[1], "4839201", "72"), (out[2], "5550001", "80")):
        subject = person(key).subject
        moved = (date(2021, 3, 4) + subject.shift).isoformat()
        assert row == [subject.pseudonym, moved, rate]


def test_a_chinese_header_is_understood() -> None:
    out = through(
        "病历号,姓名,出生日期,性别,手机号,主诉\nA10023,王小东,1961-04-12,女,13800138000,王小东咳嗽\n"
    )
    subject = person("A10023").subject
    born = str((date(1961, 4, 12) + subject.shift).year)
    assert out[1] == [
        subject.pseudonym,
        subject.pseudonym,
        born,
        "女",
        "",
        f"{subject.pseudonym}咳嗽",
    ]


def test_a_column_nobody_knows_is_cleaned_as_prose_unless_it_holds_numbers_or_dates() -> None:
    out = through("MRN,x,y,z\n4839201,7.2,Dr Smith,04.03.2021\n")
    assert out[1][1] == "7.2"
    assert out[1][2] == "Dr [x]"
    assert out[1][3].endswith(("2020", "2021"))
    assert out[1][3] != "04.03.2021"


def test_what_the_caller_says_of_a_column_goes_before_any_guess() -> None:
    out = through("MRN,x\n4839201,7.2\n", x="remove")
    assert out[1][1] == ""


def test_ages_above_89_are_given_as_90_and_postal_codes_by_three_digits() -> None:
    out = through("MRN,age,zip\n4839201,97,02115\n1000001,47,03601\n")
    assert [row[1:] for row in out[1:]] == [["90", "021"], ["47", "036"[:0] + "000"]]


def test_semicolons_tabs_and_quotes_are_kept_as_they_are() -> None:
    text = 'MRN;note\n4839201;"one; two"\n'
    assert tables.deidentify(text, CAST).splitlines()[1].endswith(';"one; two"')
    assert "\t" in tables.deidentify("MRN\tsex\n4839201\tF\n", CAST)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("just a sentence", {}),
        ("4839201,72\n5550001,80\n", {}),
        ("MRN,x\n4839201,1\n", {"x": "shred"}),
        ("MRN,x\n4839201,1\n", {"q": "num"}),
    ],
)
def test_no_table_no_header_or_an_unknown_action_is_refused(
    text: str, said: dict[str, str]
) -> None:
    with pytest.raises(BadInput):
        tables.deidentify(text, CAST, said)


def test_notes_of_even_lines_are_no_table() -> None:
    line = "Patient Gwen Tollefson, MRN 4000000, seen in Boston. BP 120/80, pulse 72.\n"
    assert tables.read(line * 3) is None


def test_a_header_that_names_someone_does_not_stay() -> None:
    text = "MRN,Smith,Blood pressure\n4839201,yes,120\n5550001,no,130\n"
    head = tables.deidentify(text, Cast(person("common"), person)).splitlines()[0]
    assert head == "MRN,prose,Blood pressure"
