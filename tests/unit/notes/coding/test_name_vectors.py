"""Names as vectors: how they are cut, kept in a file, and fitted so that synonyms meet."""

import random

import numpy as np
import pytest

from suwen.core.errors import IntegrityError
from suwen.notes.coding import name_vectors_fit
from suwen.notes.coding.index import Index
from suwen.notes.coding.name_vectors import TAIL, Encoder, Names, installed, parts
from suwen.notes.coding.name_vectors_data import Named, gather, learned, misspelt, things
from suwen.notes.vocabulary.names import MESH
from suwen.notes.vocabulary.names import installed as vocabulary


@pytest.fixture(scope="module")
def names():
    return Names(installed(), Index(vocabulary()))


def row_of(term, system):
    return next(
        row
        for row in vocabulary().named(term)
        if vocabulary().system_of(int(vocabulary().concept[row])) == system
    )


def test_a_word_is_itself_and_its_runs_and_a_pair_its_two_characters():
    cut = parts(["renal", "肾病"])
    whole_three_four = 1 + 5 + 4
    assert np.bincount(cut.of).tolist() == [whole_three_four, 1 + 2]
    assert len(set(cut.numbers.tolist())) == len(cut.numbers)


def test_a_text_has_the_vector_of_the_name_it_is_however_ordered(names):
    row = row_of("kidney failure", MESH)
    assert names.cosines("Failure of the kidneys")[row] == pytest.approx(1.0, abs=1e-5)
    assert np.linalg.norm(names.vectors[row]) == pytest.approx(1.0, abs=1e-5)
    assert not np.any(installed().of("of the"))


@pytest.mark.parametrize(
    ("mention", "near", "far"),
    [
        ("renal insuficiency", "kidney failure", "hypertension"),
        ("high blood presure", "hypertension", "hypotension"),
    ],
)
def test_a_misspelt_synonym_is_nearer_than_another_disease(names, mention, near, far):
    cosines = names.cosines(mention)
    assert cosines[row_of(near, MESH)] > cosines[row_of(far, MESH)]


def test_a_name_means_what_it_shares_with_a_mention_and_little_else(names):
    rows = [row_of("kidney failure", MESH), row_of("hypertension", MESH)]
    mention, name = names.meant(["renal", "failure"], rows)
    assert mention[0] > mention[1]
    assert name[0] > 0.5 > name[1]


def test_vectors_without_a_column_or_with_uneven_ones_are_refused(tmp_path):
    keys, table = np.arange(3, dtype=np.uint32), np.ones((3 + TAIL, 2), dtype=np.int8)
    scale = np.ones(3 + TAIL, dtype=np.float16)
    with pytest.raises(IntegrityError, match="scale"):
        Encoder({"keys": keys, "table": table})
    with pytest.raises(IntegrityError, match="uneven"):
        Encoder({"keys": keys, "table": table[:-1], "scale": scale})
    cut_short = tmp_path / "vectors.npz"
    cut_short.write_bytes(b"PK\x03\x04")
    with pytest.raises(IntegrityError, match="cannot be read"):
        Encoder.load(cut_short)


def test_eight_bits_a_value_change_a_vector_little():
    table = np.random.default_rng(1).normal(size=(50, 8)).astype(np.float32)
    kept = name_vectors_fit.quantised(table)
    back = kept["table"] * kept["scale"].astype(np.float32)[:, None]
    assert kept["table"].dtype == np.int8
    assert np.abs(back - table).max() < np.abs(table).max() / 100


def test_concepts_that_share_a_name_are_one_thing_and_annotations_teach_nothing():
    thing = things(vocabulary())
    own = [
        int(vocabulary().concept[row])
        for row in vocabulary().named("hypertension")
        if learned(vocabulary(), row)
    ]
    assert len(own) > 1
    assert len({int(thing[one]) for one in own}) == 1
    sources = [one.name for one in vocabulary().sources]
    annotated = np.flatnonzero(vocabulary().source == sources.index("annotated"))
    assert not any(learned(vocabulary(), int(row)) for row in annotated[:50])


def test_a_misspelt_name_differs_in_one_word_and_keeps_its_first_letter():
    draw = random.Random(3)
    for _ in range(50):
        wrong = misspelt("chronic kidney disease", draw).split()
        pairs = list(zip(wrong, ["chronic", "kidney", "disease"], strict=True))
        assert sum(a != b for a, b in pairs) <= 1
        assert all(a[0] == b[0] for a, b in pairs)
    assert misspelt("CKD", draw) == "CKD"
    assert len(misspelt("慢性肾病", draw)) == 3


def test_fitting_brings_two_names_of_one_thing_together(monkeypatch):
    monkeypatch.setattr(name_vectors_fit, "BATCH", 16)
    pairs = [("kidney stone", "nephrolithiasis"), ("heart attack", "myocardial infarction"),
             ("stroke", "脑梗死"), ("jaundice", "黄疸")]  # fmt: skip
    texts = [name for pair in pairs for name in pair]
    named = Named(texts, np.repeat(np.arange(len(pairs)), 2), len(texts))
    encoder = Encoder(name_vectors_fit.fit(named, 60, lambda _: None))
    vectors = np.stack([encoder.of(text) for text in texts])
    likest = (vectors @ vectors.T - 2 * np.eye(len(texts))).argmax(axis=1)
    assert likest.tolist() == [1, 0, 3, 2, 5, 4, 7, 6]


def test_altered_names_follow_those_of_the_vocabulary_and_the_same_seed_gives_the_same():
    first, again = gather(vocabulary(), 5), gather(vocabulary(), 5)
    assert first.texts == again.texts
    assert first.own < len(first.texts) == len(first.thing)
