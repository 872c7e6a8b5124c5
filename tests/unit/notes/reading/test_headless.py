"""Which section a text belongs to when no heading says so."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from suwen.core.errors import BadInput, NotFound
from suwen.lifecycle.data import DataFolders
from suwen.notes.reading.headless import KINDS, KNOWLEDGE, fit, loaded, shipped
from suwen.notes.reading.sections import headings


def test_a_model_fitted_on_a_tiny_set_knows_it_by_heart() -> None:
    texts = [
        "father had diabetes",
        "mother had diabetes",
        "takes aspirin daily",
        "takes statin daily",
    ]
    model = fit(texts, ["FAM", "FAM", "MEDS", "MEDS"])
    assert [model.best(text) for text in texts] == ["FAM", "FAM", "MEDS", "MEDS"]
    again = loaded(model.saved())
    assert [again.best(text) for text in texts] == ["FAM", "FAM", "MEDS", "MEDS"]


def test_texts_without_their_classes_are_refused() -> None:
    with pytest.raises(BadInput):
        fit(["cough"], ["CC", "HPI"])
    with pytest.raises(BadInput):
        fit(["cough", "fever"], ["CC", "CC"])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Penicillin causes a rash.", "allergies"),
        ("Appendectomy and cholecystectomy.", "past_surgical_history"),
        (
            "Denies fever, chills, nausea, vomiting, chest pain, or shortness of breath.",
            "review_of_systems",
        ),
        (
            "He is married with two children and does not smoke. Father had diabetes.",
            "social_history",
        ),
    ],
)
def test_the_shipped_model_tells_usual_sections(text: str, kind: str) -> None:
    assert KINDS[shipped("text").best(text)] == kind


def test_the_shipped_models_are_small_and_their_kinds_are_known() -> None:
    for name in ("text", "talk"):
        assert (KNOWLEDGE / f"section_words_{name}.npz").stat().st_size < 500_000
    assert set(shipped("talk").classes) == set(KINDS)
    assert set(KINDS.values()) <= set(headings().names)
    assert np.isfinite(shipped("text").scores("")).all()


@pytest.mark.real_data
def test_the_accuracy_written_down_is_the_one_measured() -> None:
    try:
        path = DataFolders.from_settings().find("text/mts_dialog/MTS-Dialog-ValidationSet.csv")
    except NotFound as error:
        pytest.skip(str(error))
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for name, column, accuracy in (("text", "section_text", 0.69), ("talk", "dialogue", 0.71)):
        model = shipped(name)  # type: ignore[arg-type]
        right = [model.best(row[column]) == row["section_header"] for row in rows]
        assert np.mean(right) == pytest.approx(accuracy, abs=0.005)
