import pytest

from suwen.core.nouns import Band, TextSpan
from suwen.lifecycle import packs
from suwen.lifecycle.examples import Sample
from suwen.notes.entities.data import KINDS, RULED, Worded
from suwen.notes.entities.task import LISTED_LOGIT, Entities
from suwen.notes.reading.sections import sections_of
from suwen.notes.reading.sentences import sentences_of
from suwen.notes.text import Note


@pytest.fixture(scope="module")
def pack():
    return packs.current("notes.entities")


def read(pack, text, language="en", scheme=""):
    output = Entities().predict(pack, Sample("x", Worded(text, language, scheme)))
    return [
        (text[int(start) : int(end)], KINDS[int(kind)], logit)
        for logit, start, end, kind in output.marks
    ]


def named(pack, *about):
    return {(words, kind) for words, kind, _ in read(pack, *about)}


def test_drugs_and_problems_of_an_english_sentence(pack):
    found = named(pack, "Lithium carbonate toxicity with tremor and renal failure.")
    assert ("Lithium carbonate", "drug") in found
    assert ("renal failure", "problem") in found


def test_a_chinese_record(pack):
    found = named(pack, "患者因直肠癌行直肠癌根治术，术后予奥沙利铂化疗。", "zh")
    assert ("直肠癌", "problem") in found
    assert ("奥沙利铂", "drug") in found


def test_a_stretch_holds_whole_words(pack):
    text = "Allergic to penicillin, tolerates cefazolin; hydrochlorothiazide stopped."
    for words, _, _ in read(pack, text):
        after = text[text.index(words) + len(words) :]
        assert not after[:1].isalnum()


def test_a_scheme_the_pack_was_not_trained_on_is_read_as_a_note_without_types_it_does_not_name(
    pack,
):
    text = "患者便血2月，诊断直肠癌。"
    assert {kind for _, kind, _ in read(pack, text, "zh", "yidu_s4k")} <= {
        *("problem", "anatomy", "procedure", "drug", "imaging", "laboratory"),
    }


def test_what_only_the_vocabulary_knows_stands_beside_at_even_odds(pack):
    found = read(pack, "Appendectomy in 1999.")
    assert ("Appendectomy", "procedure", LISTED_LOGIT) in found


def test_an_empty_text_names_nothing(pack):
    assert read(pack, "") == []


def test_the_evidence_lies_in_the_stored_original(pack):
    text = "No pneumonia."
    sections = sections_of(text, "en")
    note = Note(
        text, "en", "DocumentReference/1/_history/1", sections, sentences_of(text, sections)
    )
    whole = (TextSpan(record=note.record, start=0, end=len(text)),)
    sample = Sample("n", Worded(text, "en", note=note), whole)
    task = Entities()
    (finding,) = task.findings(pack, sample, task.predict(pack, sample))
    (span,) = finding.evidence
    assert (span.start, span.end) == (3, 12)
    assert 0 < finding.probability.value < 1


def test_dates_and_values_of_a_note_stand_beside_and_in_no_text_of_a_corpus(pack):
    text = "Fever 3 days ago. Glucose 180 mg/dL."
    note = Note(text, "en", "DocumentReference/1/_history/1", day="2021-03-05")
    sample = Sample("x", Worded(text, "en", note=note), (TextSpan(record="x/1", start=0, end=9),))
    task = Entities()
    found = {
        text[one.evidence[0].start : one.evidence[0].end]: one
        for one in task.findings(pack, sample, task.predict(pack, sample))
        if one.code.code in RULED
    }
    date, value = found["3 days ago"], found["Glucose 180 mg/dL"]
    assert (date.code.code, value.code.code) == ("date", "value")
    assert date.measures[0].code.code == "date=2021-03-02"
    assert (value.measures[0].interval.value, value.measures[0].unit) == (9.99134, "mmol/L")
    assert date.probability is None
    assert date.band is Band.RULE_IN
    assert not {kind for _, kind in named(pack, text, "en", "bc5cdr")} & set(RULED)


def test_disguised_letters_are_read_as_a_person_reads_them_and_stand_where_they_stood(pack):
    plain = "Treated with cisplatin for renal failure."
    disguised = plain.replace("cisplatin", "ｃis\u200bрlаtin")
    assert ("ｃis\u200bрlаtin", "drug") in named(pack, disguised)
    assert ("renal failure", "problem") in named(pack, disguised)
