"""Mentions coded: same names, near names, abbreviations, local synonyms, and what has no code."""

import tomllib
from pathlib import Path

import pytest

from suwen.core.codes import LOINC
from suwen.core.errors import BadInput
from suwen.notes.coding.candidates import Finder, readings_of
from suwen.notes.coding.ranked import Context, code, coder, primary
from suwen.notes.vocabulary.abbreviations import defined, senses
from suwen.notes.vocabulary.names import ICD10, ICD10_BEIJING, MESH, installed

PAIRS = tomllib.loads((Path(__file__).parents[1] / "pairs.toml").read_text(encoding="utf-8"))[
    "pair"
]
CODED = sorted(
    {
        (fact["kind"], fact["en"], fact["zh"], fact["system"], fact["code"])
        for pair in PAIRS
        for fact in pair["facts"]
        if fact["kind"] != "value"
    }
)


def best(mention, kind="problem"):
    found = primary(coder().code(mention, kind), kind)
    return None if found is None else (found.system, found.code)


@pytest.mark.parametrize(("kind", "english", "chinese", "system", "wanted"), CODED)
def test_a_fact_of_the_pairs_has_the_same_code_in_both_languages(
    kind, english, chinese, system, wanted
):
    kind = "drug" if kind == "allergy" else kind
    assert best(english, kind) == (system, wanted)
    assert best(chinese, kind) == (system, wanted)


def test_there_are_at_least_forty_pairs_and_their_words_stand_in_their_texts():
    assert len(PAIRS) >= 40
    for pair in PAIRS:
        for fact in pair["facts"]:
            if fact["kind"] != "value":
                assert fact["en"].lower() in pair["en"].lower()
                assert fact["zh"] in pair["zh"]


def test_word_order_number_and_case_make_no_other_concept():
    assert best("Cancers of the Breast") == best("breast cancer")


def test_an_edition_of_icd10_is_compared_by_its_category():
    assert best("2型糖尿病性肾病")[0] == ICD10
    assert best("2型糖尿病性肾病")[1] == "E11"


def test_a_misspelled_mention_is_coded():
    found = coder().code("hypertenson", "problem", systems=(MESH,))
    assert found[0].code == "D006973"


def test_an_abbreviation_is_read_as_the_text_defines_it():
    text = "Patients with congenital adrenal hyperplasia (CAH) were seen."
    context = Context.of(text)
    assert context.definitions == {"CAH": "congenital adrenal hyperplasia"}
    found = coder().code("CAH", "problem", context, systems=(MESH,))
    assert found[0].code == "D000312"


def test_definitions_are_found_on_either_side_of_the_brackets():
    assert defined("PTSD (post traumatic stress disorder) was ruled out")["PTSD"]
    assert defined("慢性阻塞性肺疾病（COPD）急性加重") == {"COPD": "慢性阻塞性肺疾病"}
    assert defined("glucose (8.2)") == {}


def test_what_an_abbreviation_may_mean_stays_ambiguous():
    meanings = [sense.long for sense in senses("SCD")]
    assert "sickle cell disease" in meanings
    assert "sequential compression device" in meanings


def test_a_mention_like_nothing_is_unmapped():
    assert coder().code("qwrtzp blorf", "problem") == []
    assert coder().code("   ", "problem") == []
    assert coder().code("x" * 5000, "problem") == []


def test_a_test_is_coded_to_loinc_in_both_languages():
    assert code("serum creatinine", "test", "en")[0].system == LOINC
    assert code("血肌酐", "test", "zh")[0].code == code("creatinine", "test", "en")[0].code


def test_an_unknown_kind_or_language_is_refused():
    with pytest.raises(BadInput):
        code("fever", "colour", "en")
    with pytest.raises(BadInput):
        code("fièvre", "problem", "fr")


def test_at_most_k_codes_come_back_best_first():
    found = code("chronic kidney disease stage 3", "problem", "en", k=3)
    assert len(found) <= 3
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_names_alike_by_vectors_are_looked_at_beside_those_alike_by_words():
    words = Finder(installed(), vectors=False)
    both = coder().finder
    mention = "右卵巢癌IIA期"
    found = {
        finder.vectors: {installed().surface(one.row) for one in _alike(finder, mention)}
        for finder in (words, both)
    }
    assert found[False] < found[True]
    assert {one.cosine for one in _alike(words, mention)} == {0.0}
    assert max(one.cosine for one in _alike(both, mention)) > 0.5


def _alike(finder, mention):
    return finder.alike(mention, "problem", (ICD10_BEIJING,))


def test_a_cancer_is_read_as_the_malignant_neoplasm_of_classifications():
    assert [one.text for one in readings_of("右卵巢癌")][-1] == "卵巢恶性肿瘤"
    found = coder().candidates("右卵巢癌", "problem", systems=(ICD10_BEIJING,))
    assert found[0].display.zh == "卵巢恶性肿瘤"


def test_a_name_that_is_to_be_passed_over_is_not_looked_at():
    finder = coder().finder
    rows = {one.row for one in finder.alike("hypertension", "problem", (MESH,))}
    others = finder.alike("hypertension", "problem", (MESH,), left=lambda row: row in rows)
    assert rows
    assert not rows & {one.row for one in others}
