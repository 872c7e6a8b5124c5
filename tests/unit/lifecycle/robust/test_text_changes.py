"""Edits of a text, and where they move what is marked in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from suwen.core.errors import BadInput
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.robust.text_changes import MISREAD, TYPED, Edit, Edits, edited


@dataclass(frozen=True)
class Words:
    text: str

    def reworded(self, text, edits):
        return replace(self, text=text)


def test_edits_move_places_before_in_and_behind_them():
    text = "a HTN b DM c"
    edits = Edits((Edit(2, 5, "hypertension"), Edit(8, 10, "diabetes")))
    after = edits.applied(text)
    assert after == "a hypertension b diabetes c"
    for start, end in ((0, 1), (2, 5), (6, 7), (8, 10), (11, 12)):
        words = after[edits.start(start) : edits.end(end)]
        assert words == {"HTN": "hypertension", "DM": "diabetes"}.get(
            text[start:end], text[start:end]
        )
    assert after[edits.start(3) : edits.end(9)] == "hypertension b diabetes", "a part takes it all"


def test_neighbours_that_touch_keep_their_own():
    edits = Edits((Edit(0, 2, "xyz"), Edit(2, 3, "")))
    assert edits.applied("abcd") == "xyzd"
    assert (edits.start(2), edits.end(2), edits.start(3)) == (3, 3, 3)


def test_edits_that_overlap_are_refused():
    with pytest.raises(BadInput, match="overlap"):
        Edits((Edit(0, 3, "x"), Edit(2, 4, "y")))


def test_a_share_of_the_places_is_changed_alike_for_one_seed():
    change = edited("x", (50,), lambda text: [Edit(i, i + 1, "xx") for i in range(len(text))])
    sample = Sample("k", Words("a" * 200))
    first, again = change.apply(sample, 50, 7), change.apply(sample, 50, 7)
    assert first.data.text == again.data.text
    assert 60 < first.data.text.count("xx") < 140
    assert change.apply(sample, 0, 7) is sample


def test_changes_of_characters_keep_the_length():
    sample = Sample("k", Words("Denies fever, cough or chest pain since Monday."))
    for change in (TYPED, MISREAD):
        after = change.apply(sample, 30, 1).data.text
        assert after != sample.data.text
        assert len(after) == len(sample.data.text)
