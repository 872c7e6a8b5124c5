import numpy as np

from suwen.notes.entities.names import Names
from suwen.notes.entities.pieces import (
    SHAPES,
    UNKNOWN,
    Pieces,
    characters,
    features_of,
    width,
    windows,
)

NAMES = Names.of({"chemical": ["lithium"]})


def test_features_tell_capitals_numbers_and_what_stands_close():
    text = "Given HLA-B27, lithium"
    start = np.array([0, 6, 10, 15])
    found = features_of(text, NAMES, start)
    assert found.shape == (4, width(NAMES)) == (4, 2 + SHAPES)
    capital, capitals, number, mixed, inside, before, after, within = found[:, 2:].T
    assert capital.tolist() == [1, 1, 1, 0]
    assert capitals.tolist() == [0, 1, 1, 0]
    assert mixed.tolist() == [0, 0, 1, 0]
    assert before.tolist() == [0, 0, 1, 0]
    assert after.tolist() == [0, 1, 1, 0]
    assert not number.any()
    assert not inside.any()
    assert not within.any()
    assert found[:, 0].tolist() == [0, 0, 0, 1]


def test_a_piece_inside_a_word_is_told_from_its_first():
    found = features_of("lithium", NAMES, np.array([0, 3]))
    assert found[:, -1].tolist() == [0, 1]


def test_chinese_characters_keep_their_places_without_the_spaces():
    pieces = characters({"高": 2, "热": 3}, NAMES)("高 热 烧")
    assert pieces.start.tolist() == [0, 2, 4]
    assert pieces.end.tolist() == [1, 3, 5]
    assert pieces.ids.tolist() == [2, 3, UNKNOWN]


def test_a_long_text_is_cut_after_a_sentence():
    none = np.zeros(25, dtype=np.int64)
    pieces = Pieces(none, none, none, np.zeros((25, 1), dtype=np.float32))
    stops = np.zeros(25, dtype=bool)
    stops[[7, 16]] = True
    assert windows(pieces, 10, stops) == [(0, 8), (8, 17), (17, 25)]


def test_a_long_text_without_a_sentence_end_is_cut_all_the_same():
    none = np.zeros(23, dtype=np.int64)
    pieces = Pieces(none, none, none, np.zeros((23, 1), dtype=np.float32))
    assert windows(pieces, 10, np.zeros(23, dtype=bool)) == [(0, 10), (10, 20), (20, 23)]
