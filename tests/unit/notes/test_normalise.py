"""What is hidden or disguised in a text is seen by the rules, at its true place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suwen.notes.normalise import normalised
from suwen.notes.text import Span


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
    assert view.origin is None


def test_a_place_in_the_view_is_a_place_in_the_text_and_back() -> None:
    text = "He den\u200bies ﬁbrosis"
    view = normalised(text)
    at = view.text.index("denies")
    place = view.real(Span(at, at + 6))
    assert place.of(text) == "den\u200bies"
    assert view.seen(place) == Span(at, at + 6)


@given(st.text())
def test_every_character_of_the_view_has_its_place(text: str) -> None:
    view = normalised(text)
    if view.origin is not None:
        assert len(view.origin) == len(view.text)
        assert all(a <= b for a, b in zip(view.origin, view.origin[1:], strict=False))
