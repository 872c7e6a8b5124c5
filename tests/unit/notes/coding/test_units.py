"""Names cut into units one by one and all at once."""

import pytest

from suwen.notes.coding.units import units, units_of_lines

NAMES = (
    "Crohn's disease",
    "Haemorrhage of the oesophagus",
    "2型糖尿病性肾病",
    "COPD急性加重",
    "肾",
    "Ⅲ度烧伤[腐蚀伤]",
    "5α还原酶缺乏(伴男性假两性同体)",
    "𝛼 particle",
    "of the",
    "",
    "T's s",
)


def test_a_term_is_cut_into_words_and_pairs_of_chinese_characters():
    assert units("Cancers of the breast") == ["cancer", "breast"]
    assert units("慢性肾病") == ["慢性", "性肾", "肾病"]
    assert units("肾，肝") == ["肾", "肝"]


@pytest.mark.parametrize("block", [5, 1 << 20])
def test_all_names_at_once_give_the_units_of_each_alone(monkeypatch, block):
    monkeypatch.setattr("suwen.notes.coding.units._BLOCK", block)
    cut = units_of_lines("".join(f"{name}\n" for name in NAMES))
    for line, name in enumerate(NAMES):
        own = [cut.names[n] for n in cut.ids[cut.lines == line]]
        assert sorted(own) == sorted(units(name)), name
