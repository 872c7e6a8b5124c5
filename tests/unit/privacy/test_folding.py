"""A text without disguises, and the way back."""

import pytest

from suwen.privacy.folding import fold


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("John Smith", "John Smith"),
        ("Ｊｏｈｎ　１２３", "John 123"),
        ("Ѕаrаh Gаrсіа", "Sarah Garcia"),
        ("Мау 7", "May 7"),
        ("Jo\u200bhn\u2060 \u00adSmith", "John Smith"),
        ("José Núñez, Jose\u0301", "Jose Nunez, Jose"),
        ("٢٠٢٣", "2023"),
        ("५५५", "555"),
        ("一三八零零一三八零零零", "13800138000"),
        ("二〇二三年三月", "二〇二三年三月"),
        ("𝐉𝐨𝐡𝐧", "John"),
        ("a\u2028b", "a\nb"),
        ("O’Connor—Lee", "O'Connor-Lee"),
    ],
)
def test_a_reader_sees_through_a_disguise(written: str, read: str) -> None:
    assert fold(written).text == read


def test_every_character_knows_where_it_came_from() -> None:
    text = "Mr. Jo\u200b\u200bhn ﬁve"
    folded = fold(text)
    start = folded.text.index("John")
    assert text[slice(*folded.original(start, start + 4))] == "Jo\u200b\u200bhn"
    start = folded.text.index("five")
    assert text[slice(*folded.original(start, start + 4))] == "ﬁve"


def test_an_accent_goes_with_its_letter() -> None:
    text = "Jose\u0301."
    folded = fold(text)
    assert text[slice(*folded.original(0, 4))] == "Jose\u0301"
