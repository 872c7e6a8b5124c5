import zlib

import numpy as np

from suwen.notes.entities.names import LONGEST, WORD, Names, _running

LISTS = {
    "chemical": ["Lithium carbonate", "lithium", "5-fluorouracil"],
    "disease": ["Renal failure", "seizure"],
}
NAMES = Names.of(LISTS)


def flags(text):
    return NAMES.flags([word.lower() for word in WORD.findall(text)])


def test_the_longest_name_is_taken():
    found = flags("Lithium carbonate and lithium")
    assert found[:, 0].tolist() == [1, 0, 0, 1]
    assert found[:, 1].tolist() == [0, 1, 0, 0]


def test_a_name_with_a_number_and_a_hyphen_is_one_name():
    assert flags("given 5-Fluorouracil")[:, 0].tolist() == [0, 1, 0, 0]
    assert flags("given 5-Fluorouracil")[:, 1].tolist() == [0, 0, 1, 1]


def test_the_plural_of_a_name_counts():
    assert flags("two seizures")[:, 2].tolist() == [0, 1]


def test_a_name_at_the_very_end_is_found_and_nothing_beyond_it():
    assert flags("acute renal failure")[:, 2].tolist() == [0, 1, 0]
    assert flags("acute renal")[:, 2].tolist() == [0, 0]


def test_lists_come_back_from_their_bytes():
    again = Names.from_bytes(NAMES.to_bytes())
    assert list(again.lists) == ["chemical", "disease"]
    assert np.array_equal(again.lists["disease"], NAMES.lists["disease"])


def test_names_of_more_words_than_are_looked_up_are_left_out():
    assert len(Names.of({"long": [" ".join(["word"] * (LONGEST + 1))]}).lists["long"]) == 0


def test_chinese_names_are_found_by_characters():
    names = Names.of({"word": ["高血压", "血压"]})
    assert names.flags(list("患高血压病"))[:, 0].tolist() == [0, 1, 0, 0, 0]


def test_a_text_without_words_has_no_flags():
    assert NAMES.flags([]).shape == (0, 4)


def test_a_run_of_words_has_the_checksum_of_its_text():
    words = ["chronic", "kidney", "diseases", "5", "肾"]
    sums = _running(words)
    for first in range(len(words)):
        for count in range(1, LONGEST + 1):
            run = words[first : first + count]
            whole = " ".join(run).encode() if len(run) == count else None
            assert sums[first, count - 1, 0] == (zlib.crc32(whole) if whole else 0)
    assert sums[0, 2, 1] == zlib.crc32(b"chronic kidney disease")
