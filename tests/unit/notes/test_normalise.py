"""What is hidden or disguised in a text is seen by the rules, at its true place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suwen.notes.normalise import normalised


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("den\u200bies fever", "denies fever"),
        ("c\u0430nc\u0435r", "cancer"),
        ("nо fеvеr", "no fever"),
        ("否\u200b认\u2060发热", "否认发热"),
        ("５００㎎，Ｔ３６．５℃", "500mg，T36.5℃"),
        ("手机１３９００００１１１１", "手机13900001111"),
        ("e\u0301le\u0301vation", "élévation"),
        ("no\u0336 fever", "no fever"),
        ("ﬁbrosis\u00a0𝐂𝐓", "fibrosis CT"),
        ("\u202efever\u202c", "fever"),
    ],
)
def test_disguises_are_seen_through(text: str, seen: str) -> None:
    assert normalised(text).text == seen


@pytest.mark.parametrize(
    "text",
    [
        "1½ tablets, 10² cells",
        "рак лёгкого",
        "β-blocker, α1, 5 μg",
        "咳嗽，发热；否认：胸痛！",
        "cough",
    ],
)
def test_what_is_meant_stays(text: str) -> None:
    view = normalised(text)
    assert view.text == text
    assert view.starts is None


def test_a_place_in_the_view_is_a_place_in_the_text() -> None:
    text = "He den\u200bies ﬁbrosis"
    view = normalised(text)
    at = view.text.index("denies")
    assert text[slice(*view.original(at, at + 6))] == "den\u200bies"


@given(st.text())
def test_every_character_of_the_view_has_its_place(text: str) -> None:
    view = normalised(text)
    if view.starts is None:
        assert len(view.text) == len(text)
    else:
        assert len(view.starts) == len(view.text)
