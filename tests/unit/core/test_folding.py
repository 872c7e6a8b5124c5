"""A reader sees through a disguise, and every character knows where it came from."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suwen.core.folding import ALIKE, fold, is_hidden, seen


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Ｊｏｈｎ　１２３", "John 123"),
        ("Ѕаrаh Gаrсіа", "Sarah Garcia"),
        ("Մау 7, ᎪᏞᎬX", "Մay 7, ALEX"),
        ("sᴍɪᴛʜ", "smith"),
        ("Jo\u200bhn\u2060 \u00adSmith", "John Smith"),
        ("\u202eJohn\u202c", "John"),
        ("Jo\ufe0fhn\U000e0101", "John"),
        ("Jo\x00hn \x1bSmith", "John Smith"),
        ("José Núñez, Jose\u0301 Ї", "Jose Nunez, Jose I"),
        ("J\u0336o\u0336h\u0336n", "John"),
        ("٢٠٢٣, ५५५", "2023, 555"),
        ("𝐉𝐨𝐡𝐧 ﬁve", "John five"),
        ("a\u2028b\x85c", "a\nb\nc"),
        ("O’Connor—Lee", "O'Connor-Lee"),
        ("否\u200b认\u2060发热", "否认发热"),
    ],
)
def test_a_reader_sees_through_a_disguise(written: str, read: str) -> None:
    assert fold(written, seen).text == read


def test_a_stretch_of_the_folded_text_leads_to_what_it_was_made_of() -> None:
    text = "Mr. Jo\u200b\u200bhn ﬁve Jose\u0301."
    folded = fold(text, seen)
    for read, written in (("John", "Jo\u200b\u200bhn"), ("five", "ﬁve"), ("Jose", "Jose\u0301")):
        start = folded.text.index(read)
        assert text[slice(*folded.original(start, start + len(read)))] == written
    assert folded.original(len(folded.text), len(folded.text)) == (len(text), len(text))


def test_a_text_without_disguise_has_no_table_of_places() -> None:
    assert fold("Mr. Smith denies fever.", seen).starts is None
    assert fold("患者张三，男", lambda one: one).starts is None
    assert not fold("Mr. Smith", seen).hiding
    assert fold("Mr. Sm\u200bith", seen).hiding


def test_what_stands_for_a_hidden_character_has_its_place() -> None:
    folded = fold("no\u200bfever", seen, " ")
    assert folded.text == "no fever"
    assert folded.original(2, 3) == (2, 3)


def test_every_look_alike_is_a_letter_that_is_not_latin_and_becomes_one_that_is() -> None:
    for strange, latin in ALIKE.items():
        assert len(strange) == 1
        assert latin.isascii()
        assert latin.isalpha()
        assert strange.isalpha()
        assert not strange.isascii()


def test_line_breaks_and_tabs_are_not_hidden() -> None:
    assert not any(map(is_hidden, "\t\n\r\x0b\x85\u2028 "))
    assert all(map(is_hidden, "\x00\x7f\u200b\u202e\ufeff\u2066\u00ad\ue000"))


@given(st.text())
def test_every_character_has_a_place_in_order(text: str) -> None:
    folded = fold(text, seen)
    if folded.starts is None or folded.ends is None:
        assert len(folded.text) == len(text)
        return
    assert len(folded.starts) == len(folded.ends) == len(folded.text)
    assert all(folded.starts < folded.ends)
    assert all(folded.starts[:-1] <= folded.starts[1:])
    assert all(folded.starts >= 0)
    assert all(folded.ends <= len(text))


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    once = fold(text, seen).text
    assert fold(once, seen).text == once or any(map(unicodedata.combining, once))
