"""What is known of a patient is found however it is written; what only looks alike stays."""

from __future__ import annotations

import pytest

from suwen.privacy.subjects.known import Known
from suwen.privacy.subjects.subject import Subject

SUBJECT = Subject(b"the key of a subject of the tests")
JANE = Known(frozenset(["White^Jane"]), frozenset(["MRN-4839201", "(508) 481-5000", "1 Main St"]))


@pytest.mark.parametrize(
    "text",
    [
        "Jane White",
        "WHITE, JANE",
        "white^jane",
        "508.481.5000",
        "MRN4839201",
        "mrn 4839201",
        "Jane\u3000White",
        "ＪＡＮＥ ＷＨＩＴＥ",
    ],
)
def test_a_name_or_number_is_found_in_any_order_case_and_spacing(text: str) -> None:
    assert JANE.found(f"seen: {text}.")
    assert JANE.found(JANE.scrubbed(f"seen: {text}.", SUBJECT)) == []


@pytest.mark.parametrize(
    "text", ["white matter lesions", "14839201", "48392015", "janewhite", '"508","481","5000"']
)
def test_what_only_looks_alike_stays(text: str) -> None:
    known = JANE | Known(numbers=frozenset(["4839201"]))
    assert known.found(text) == []
    assert known.scrubbed(text, SUBJECT, free=True) == text


def test_a_part_of_a_name_is_taken_out_of_prose_only_when_written_with_a_capital() -> None:
    text = "Mrs White has white hair"
    assert JANE.scrubbed(text, SUBJECT, free=True) == f"Mrs {SUBJECT.pseudonym} has white hair"
    assert JANE.scrubbed(text, SUBJECT) == text


def test_a_chinese_name_is_found_without_spaces() -> None:
    known = Known(frozenset(["Wang^XiaoDong=王^小东"]))
    assert known.scrubbed("患者王小东诉胸痛", SUBJECT) == f"患者{SUBJECT.pseudonym}诉胸痛"


def test_short_or_empty_identifiers_are_not_searched_for() -> None:
    known = Known(frozenset(["", "Unknown"]), frozenset(["1", "120", "none"]))
    assert known.found("120 mg of unknown 1") == []
