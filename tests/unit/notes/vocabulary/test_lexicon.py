"""Names found in texts, both languages."""

import tomllib
from pathlib import Path

import pytest

from suwen.notes.vocabulary.lexicon import lexicon
from suwen.notes.vocabulary.names import HPO, MESH, installed

PAIRS = tomllib.loads((Path(__file__).parents[1] / "pairs.toml").read_text(encoding="utf-8"))[
    "pair"
]


def found(text, *kinds):
    return [(text[m.start : m.end], m.kind) for m in lexicon().find(text, kinds or None)]


def test_longest_name_wins_over_the_name_within_it():
    text = "He has acute myocardial infarction and type 2 diabetes mellitus."
    assert found(text, "problem") == [
        ("acute myocardial infarction", "problem"),
        ("type 2 diabetes mellitus", "problem"),
    ]


def test_listed_chinese_symptoms_are_one_each():
    text = "患者发热、咳嗽、咳痰，无胸痛。"
    assert [word for word, _ in found(text, "problem")] == ["发热", "咳嗽", "咳痰", "胸痛"]


def test_a_chinese_name_is_not_cut_by_a_shorter_one_before_it():
    assert ("尿失禁", "problem") in found("无尿失禁。", "problem")


def test_a_word_is_not_found_within_another():
    assert found("The inasthmatic patient.", "problem") == []


def test_an_abbreviation_is_found_only_as_it_is_written():
    assert ("CHF", "problem") in found("History of CHF.", "problem")
    assert found("they chf it", "problem") == []


def test_plural_and_british_spelling_are_the_same_name():
    words = [word for word, _ in found("Recurrent haemorrhages, seizures and anaemia.", "problem")]
    assert "seizures" in words
    assert "anaemia" in words


def test_a_name_does_not_reach_over_the_end_of_a_sentence():
    words = [word for word, _ in found("His wife has tuberculosis. Pulmonary embolism.", "problem")]
    assert words == ["tuberculosis", "Pulmonary embolism"]


def test_nausea_and_vomiting_are_two_problems():
    assert [w for w, _ in found("nausea and vomiting", "problem")] == ["nausea", "vomiting"]


def test_drugs_tests_procedures_and_body_parts_are_told_apart():
    text = "二甲双胍治疗，血肌酐升高，行胃镜检查，左下肢活动差"
    assert dict(found(text, "drug", "test", "procedure", "anatomy")) == {
        "二甲双胍": "drug", "血肌酐": "test", "胃镜检查": "procedure", "左下肢": "anatomy",
    }  # fmt: skip


def test_numbers_and_single_letters_are_no_names():
    assert found("2 10 T P 3") == []


def test_an_empty_text_holds_nothing():
    assert lexicon().find("") == []
    assert lexicon().find("。，  \n") == []


def test_every_entry_keeps_its_source_and_every_source_its_licence():
    vocabulary = installed()
    entry = vocabulary.entry(vocabulary.named("胸痛")[0])
    assert entry.source in {source.name for source in vocabulary.sources}
    assert all(source.licence and source.attribution for source in vocabulary.sources)
    hpo = next(source for source in vocabulary.sources if source.name == "hpo")
    assert hpo.version == "2024-08-13"


def test_one_concept_is_named_in_both_languages():
    vocabulary = installed()
    (concept,) = vocabulary.concepts(HPO, "HP:0012735")
    assert vocabulary.display(concept).en == "Cough"
    assert vocabulary.display(concept).zh == "咳嗽"
    (metformin,) = vocabulary.concepts(MESH, "D008687")
    assert vocabulary.display(metformin).zh == "二甲双胍"


@pytest.mark.parametrize("pair", PAIRS, ids=[pair["name"] for pair in PAIRS])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_problem_and_drug_of_a_paired_note_is_found_as_one_name(pair, language):
    words = {word.lower() for word, _ in found(pair[language], "problem", "drug")}
    named = {f[language].lower() for f in pair["facts"] if f["kind"] != "value"}
    assert named <= words
