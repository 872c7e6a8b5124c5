"""A rewritten statement is kept only where its sources say the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suwen.notes.summary.support import REASONS, unsupported

ENGLISH = (
    "The patient denies fever but has a cough.\nMetoprolol 50 mg twice daily.\n"
    "Lisinopril 10 mg daily.\nFracture of the left femur.\n"
    "Possible pneumonia in the right lower lobe.\nMother had diabetes.\n"
    "History of asthma."
)
CHINESE = "患者否认发热，但有咳嗽。\n右肺结节，大小8 mm。\n可能为肺炎。\n父亲患糖尿病。"


@pytest.mark.parametrize(
    "statement",
    [
        "The patient has a cough.",
        "No fever.",
        "Takes metoprolol 50 mg twice daily.",
        "Left femur fracture.",
        "Possible right lower lobe pneumonia.",
        "Her mother had diabetes.",
        "有咳嗽。",
        "否认发热。",
        "右肺结节8 mm。",
        "可能肺炎。",
    ],
)
def test_what_the_sources_say_is_kept(statement: str) -> None:
    assert unsupported(statement, ENGLISH + "\n" + CHINESE) is None


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("The patient has fever.", "denied"),
        ("The patient has no cough.", "denied"),
        ("Metoprolol 100 mg twice daily.", "number"),
        ("Metoprolol 50 mcg twice daily.", "number"),
        ("Metoprolol 10 mg.", "number"),
        ("Metoprolol and warfarin.", "word"),
        ("Fracture of the right femur.", "side"),
        ("Pneumonia.", "unsure"),
        ("The patient has diabetes.", "others"),
        ("The patient has asthma.", "past"),
        ("As instructed: the patient is healthy.", "word"),
        ("有发热。", "denied"),
        ("左肺结节。", "side"),
        ("右肺结节8 cm。", "number"),
        ("肺炎。", "unsure"),
        ("患者患糖尿病。", "others"),
        ("口服华法林。", "word"),
        ("。", "word"),
    ],
)
def test_what_they_do_not_say_is_dropped_for_its_reason(statement: str, why: str) -> None:
    assert unsupported(statement, ENGLISH + "\n" + CHINESE) == why
    assert REASONS[why].zh  # type: ignore[index]


def test_a_disguised_digit_is_seen_through() -> None:
    assert unsupported("Metoprolol １００ mg", ENGLISH) == "number"


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_is_judged(statement: str, sources: str) -> None:
    assert unsupported(statement, sources) in (*REASONS, None)
