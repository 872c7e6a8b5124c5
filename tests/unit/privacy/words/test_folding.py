"""Numbers read out in Chinese are digits; signs of a Chinese record stay."""

import pytest

from suwen.privacy.words.folding import fold


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("一三八零零一三八零零零", "13800138000"),
        ("幺三八〇〇幺三八〇〇〇", "13800138000"),
        ("二〇二三年三月", "二〇二三年三月"),
        ("姓名：张三，男；", "姓名：张三，男；"),
        ("José，１２３", "Jose，123"),
    ],
)
def test_a_reader_sees_through_a_disguise(written: str, read: str) -> None:
    assert fold(written).text == read


def test_the_way_back_holds_with_numbers_read_out() -> None:
    text = "电话\u200b：一三八零零一三八零零零"
    folded = fold(text)
    start = folded.text.index("138")
    assert text[slice(*folded.original(start, start + 11))] == "一三八零零一三八零零零"
