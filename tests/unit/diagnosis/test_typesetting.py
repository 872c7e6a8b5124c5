"""Lines of the printed page break where a Chinese or an English reader expects it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suwen.diagnosis.typesetting import FONT_FILE, broken, drawable, fitted, font, width_of

font()
LETTERS = st.text(
    st.sampled_from(list("结节最长径，。；：（）“” mm³ 18.4 (95% CI) Nodule,;")), max_size=120
)


@settings(deadline=None)
@given(LETTERS, st.floats(40, 300))
def test_no_line_is_too_wide_and_nothing_is_lost(text: str, width: float) -> None:
    lines = broken(text, width, 9.5)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(width_of(line, 9.5) <= width + 0.01 for line in lines)


def test_a_number_keeps_its_sign_and_punctuation_its_word() -> None:
    for width in range(90, 300, 7):
        for line in broken(
            "结节 2，右肺：恶性概率 87%（95% 置信区间 74%–94%）；高，纳入。", width, 9.5
        ):
            assert line[0] not in "，。；：）%"
            assert line[-1] not in "（"


def test_a_word_wider_than_its_column_breaks_at_its_hyphen() -> None:
    width = width_of("Volume-equivalen", 9.5)
    assert broken("Volume-equivalent diameter", width, 9.5) == ["Volume-", "equivalent", "diameter"]


def test_a_uid_wider_than_the_line_is_cut() -> None:
    assert len(broken("1.2.826.0.1.3680043.8.498." + "1" * 60, 100, 9.5)) > 3


def test_rare_characters_of_names_are_in_the_font() -> None:
    assert (
        drawable("喆堃镕珺龘 µ ≤ ± ³ → ▲◆▼○ Ångström Zoë")
        == "喆堃镕珺龘 µ ≤ ± ³ → ▲◆▼○ Ångström Zoë"
    )


def test_a_character_the_font_lacks_is_named_and_not_dropped() -> None:
    assert drawable("𠮷田 😀") == "[U+20BB7]田 [U+1F600]"


def test_a_header_is_cut_with_an_ellipsis() -> None:
    cut = fitted("李" * 80, 100, 9)
    assert cut.endswith("…")
    assert width_of(cut, 9) <= 100


def test_the_font_is_small_and_carries_its_licence() -> None:
    assert FONT_FILE.stat().st_size <= 3_000_000
    licence = FONT_FILE.with_name("LICENSE.txt").read_text(encoding="utf-8")
    assert "Apache License" in licence


@pytest.mark.parametrize("text", ["", " "])
def test_empty_text_is_one_empty_line(text: str) -> None:
    assert broken(text, 100, 9) == [""]


def test_a_power_of_ten_survives_copying_out_of_the_pdf() -> None:
    assert drawable("8.4 ×10⁹/L, 4 ×10¹²/L, 905 mm³") == "8.4 ×10^9/L, 4 ×10¹²/L, 905 mm³"
