"""Three digits of a ZIP code stay, unless so few people share them that they point at one."""

import pytest

from suwen.privacy.words.postal import zip3


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        ("02139", "021"),
        ("02139-4307", "021"),
        (" 021394307 ", "021"),
        ("03601", "000"),
        ("89301", "000"),
        ("SW1A 1AA", ""),
        ("0213", ""),
        ("", ""),
    ],
)
def test_three_digits_stay(code: str, kept: str) -> None:
    assert zip3(code) == kept
