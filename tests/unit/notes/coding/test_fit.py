"""The ranking of codes fitted: a mention must not find itself, and where the line is drawn."""

import numpy as np
import pytest

from suwen.notes.coding import fit as coding_fit
from suwen.notes.coding.candidates import FEATURES
from suwen.notes.coding.fit import Table, code_of, examples, labels, threshold, tops
from suwen.notes.coding.ranked import coder
from suwen.notes.vocabulary.names import ICD10_BEIJING, installed

ABSTRACT = """7|t|Renal dysfunction and a blorfed qwrtzp.
7|a|Renal dysfunction again.
7	0	17	Renal dysfunction	Disease	D051437
7	24	38	blorfed qwrtzp	Disease	D003866

"""


@pytest.fixture
def folder(tmp_path):
    for name in ("bc5cdr/CDR_TrainingSet.PubTator.txt", "ncbi_disease/NCBItrainset_corpus.txt"):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(ABSTRACT, encoding="utf-8")
    return tmp_path


def test_a_mention_known_from_its_own_document_alone_is_told_by_other_names(folder, monkeypatch):
    monkeypatch.setattr(coding_fit, "MISSPELT", 0.0)
    table = examples(coder().finder, folder)
    assert table.features.shape == (len(table.right), len(FEATURES))
    own = table.features[table.mention == 0]
    assert not own[:, FEATURES.index("same_bag")].any()
    assert table.right[table.mention == 0].any()
    assert table.document == [0, 0, 1, 1]


def test_mentions_are_also_looked_at_misspelt(folder, monkeypatch):
    monkeypatch.setattr(coding_fit, "MISSPELT", 1.0)
    assert examples(coder().finder, folder).document == [0, 0, 0, 0, 1, 1, 1, 1]


def test_the_threshold_is_the_lowest_score_that_is_right_often_enough():
    best = [(0.9, True), (0.8, True), (0.7, False), (0.6, True), (0.5, False)]
    assert threshold(best, 0.75) == 0.6
    assert threshold(best, 1.0) == 0.8
    assert threshold([(0.9, False)], 0.5) == 0.9


def test_of_each_mention_the_best_candidate_counts():
    table = Table(np.zeros((3, 1)), np.array([True, False, True]), np.array([0, 0, 1]), [])
    assert tops(table, np.array([0.2, 0.7, 0.4])) == [(0.7, False), (0.4, True)]


def test_chinese_labels_have_the_subcategories_of_their_english_names():
    found = labels(installed())
    assert found["血尿"] == {"R31"}
    assert len(found) > 1000
    codes = {code for wanted in found.values() for code in wanted}
    known = {
        installed().code_of(concept)[:5]
        for concept in range(len(installed().system))
        if installed().system_of(concept) == ICD10_BEIJING
    }
    assert codes <= known


def test_omim_numbers_are_written_with_their_prefix():
    vocabulary = installed()
    written = {code_of(vocabulary, concept) for concept in range(len(vocabulary.system))}
    assert any(one.startswith("OMIM:") for one in written)
    assert "D006973" in written
