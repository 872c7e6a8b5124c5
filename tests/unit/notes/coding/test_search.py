"""What stands in the list under a search box while a clinician types."""

from __future__ import annotations

import pytest

from suwen.notes.coding.search import names_of, prepare, search
from suwen.notes.vocabulary.names import WORD, installed


def names(query: str, kind: str = "", limit: int = 12) -> list[str]:
    return [hit.term for hit in search(installed(), query, kind, limit)]


def test_the_name_itself_comes_first_then_what_begins_so():
    found = names("pneumonia", "problem")
    assert found[0] == "Pneumonia"
    assert all("pneumonia" in one.lower() for one in found)
    assert names("pneumon", "problem")[0] == "Pneumonia"


def test_words_may_come_in_any_order_and_half_written():
    assert "Type 2 diabetes mellitus" in names("diab type 2", "problem")[:2]


def test_chinese_is_found_by_any_of_its_characters():
    assert names("肺炎", "problem")[0] == "肺炎"
    assert "急性心肌梗死" in names("心肌梗")


def test_a_code_is_found_by_its_beginning():
    (hit,) = search(installed(), "HP:0001945", limit=1)
    assert (hit.code.code, hit.code.name.zh) == ("HP:0001945", "发热")
    assert all(one.code.code.startswith("J18") for one in search(installed(), "j18", limit=5))


def test_the_type_of_the_mention_narrows_the_list():
    assert names("metf", "drug")[0] == "metformin"
    assert names("metf", "procedure") == []
    assert {hit.code.system for hit in search(installed(), "glucose", "value")} == {
        "http://loinc.org"
    }


def test_a_spelling_error_still_finds_its_code():
    prepare()
    assert any("ppendicitis" in one for one in names("apendicitis", "problem"))
    assert names("急性阑尾言", "problem")[0] == "急性阑尾炎"


def test_what_is_hardly_like_anything_finds_nothing():
    prepare()
    assert names("metf", "procedure") == []
    assert names("xyzq", "problem") == []


def test_one_concept_stands_once_and_words_without_a_code_never():
    hits = search(installed(), "发热", limit=50)
    codes = [(hit.code.system, hit.code.code) for hit in hits]
    assert len(codes) == len(set(codes))
    assert WORD not in {system for system, _ in codes}


@pytest.mark.parametrize("typed", ["", " ", "a", "x" * 5000, "((((", "\n", "%00", "。"])
def test_whatever_is_typed_is_answered(typed):
    assert isinstance(search(installed(), typed, "nothing known"), list)


def test_a_place_in_the_text_leads_to_its_name():
    vocabulary = installed()
    names = names_of(vocabulary)
    for row in (0, 1, 77_777, len(vocabulary) - 1):
        assert names.name(row) == vocabulary.surface(row).lower()
