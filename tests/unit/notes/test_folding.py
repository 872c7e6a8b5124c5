"""Rules read lower case, simplified characters, and nothing hidden; places stay known."""

from __future__ import annotations

import pytest

from suwen.notes.folding import fold
from suwen.notes.text import Span


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("No Fever", "no fever"),
        ("ΝО FЕVЕR", "no fever"),
        ("nо fеver", "no fever"),
        ("無發熱，否認咳嗽", "无發熱,否认咳嗽"),
        ("ｎｏ\u3000fever", "no fever"),
        ("den\u200bies", "denies"),
        ("no\x00 fever", "no fever"),
    ],
)
def test_rules_read_what_a_reader_sees(text: str, read: str) -> None:
    assert fold(text).text == read


def test_a_hidden_character_may_part_words() -> None:
    folded = fold("no\u200bfever", " ")
    assert folded.text == "no fever"
    assert folded.hiding
    assert folded.span(3, 8) == Span(3, 8)


def test_the_origin_of_each_character_ends_with_the_length() -> None:
    folded = fold("de\u200bnies ﬁne")
    assert folded.origin is not None
    assert folded.origin[-1] == len("de\u200bnies ﬁne")
    assert folded.span(0, 6) == Span(0, 7)
    assert fold("denies").origin is None
