"""Which lines of a talk belong in a note, and under which section."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.core.errors import BadInput, NotFound
from suwen.lifecycle.data import DataFolders
from suwen.notes.dialogue.draft import draft
from suwen.notes.dialogue.pairs import CORPORA, Visit, visits
from suwen.notes.dialogue.placing import WEIGHTS, Unit, features_of, installed, loaded, placed
from suwen.notes.dialogue.placing_fit import fit, telling_of
from suwen.notes.dialogue.talk import turns_of
from suwen.notes.summary.traced import fault


def visit(number: int) -> Visit:
    talk = (
        f"Doctor: What brings you in?\nPatient: I have a terrible cough with sputum {number}.\n"
        f"Doctor: What medicines do you take?\nPatient: I take metoprolol every morning {number}.\n"
        "Doctor: Did you watch the football?\nPatient: It was a wonderful football match.\n"
    )
    return Visit(
        str(number),
        talk,
        "",
        (
            (
                "history_of_present_illness",
                f"The patient has a terrible cough with sputum {number}.",
            ),
            ("medications", f"The patient takes metoprolol every morning {number}."),
        ),
    )


def test_a_model_fitted_on_a_few_visits_knows_what_their_notes_have() -> None:
    model = fit([visit(n) for n in range(8)])
    assert set(model.sections) == {"history_of_present_illness", "medications"}
    units = [
        Unit("I have a terrible cough with sputum.", "", "patient", "stated"),
        Unit("I take metoprolol every morning.", "", "patient", "stated"),
        Unit("It was a wonderful football match.", "", "patient", "stated"),
    ]
    found = [model.scores(one) for one in features_of(units, False)]
    assert [model.sections[int(np.argmax(chances))] for _, chances in found[:2]] == [
        "history_of_present_illness",
        "medications",
    ]
    assert found[2][0] < min(found[0][0], found[1][0])
    again = loaded(model.saved())
    assert [again.scores(one)[0] for one in features_of(units, False)] == pytest.approx(
        [told for told, _ in found], abs=0.01
    )


def test_talks_without_two_sections_fit_nothing() -> None:
    with pytest.raises(BadInput, match="two sections"):
        fit([Visit("1", "Doctor: Hi\nPatient: I have a cough.", "", (("plan", "cough"),))])


def test_a_line_is_labelled_by_the_sentence_it_shares_most_with() -> None:
    note = [
        ("plan", frozenset({"start", "metoprolol"})),
        ("results", frozenset({"echocardiogram", "ejection", "fraction"})),
    ]
    telling, section = telling_of("The echocardiogram shows an ejection fraction.", note)
    assert section == "results"
    assert telling > 0.5
    assert telling_of("It was a football match.", note) == (0.0, "")


@pytest.mark.parametrize(
    ("one", "section"),
    [
        (Unit("my mom had cancer", "any in the family", "patient", "stated"), "family_history"),
        (Unit("i got my flu shot", "", "patient", "stated"), "immunizations"),
        (
            Unit("on your heart exam i hear a murmur", "", "clinician", "found"),
            "physical_examination",
        ),
        (Unit("i want to start you on lisinopril", "", "clinician", "ordered"), "plan"),
        (Unit("我父亲有肺癌", "家里人有得过肿瘤的吗", "patient", "stated"), "family_history"),
        (Unit("右下肺可以听到湿啰音", "", "clinician", "stated"), "physical_examination"),
        (Unit("一周后复查胸片", "", "clinician", "ordered"), "plan"),
        (Unit("今天天气不错", "", "clinician", "stated"), ""),
    ],
)
def test_lines_of_a_visit_are_placed_as_a_clinician_would(one: Unit, section: str) -> None:
    filler = Unit("i have been well since", "", "patient", "stated")
    talk = one.said * 500 if not one.said.isascii() else "word " * 500
    assert placed(talk, [filler, filler, filler, one, filler], -9)[3] == section


def test_orders_are_never_history_and_history_is_never_a_plan() -> None:
    talk = "word " * 500
    units = [
        Unit("we will check your cholesterol", "", "clinician", "ordered"),
        Unit("my plan is to take the increased dose of the medicine", "", "patient", "stated"),
    ]
    sections = placed(talk, units * 5, -9)
    assert set(sections[0::2]) <= {"plan", "assessment"}
    assert not {"plan", "assessment"} & set(sections[1::2])


def test_the_shipped_model_is_small() -> None:
    assert WEIGHTS.stat().st_size < 500_000
    assert np.isfinite(installed().scores([])[0])


@pytest.mark.real_data
def test_drafts_of_real_visits_say_nothing_that_was_not_said() -> None:
    try:
        known = [
            one for name in CORPORA for one in visits(DataFolders.from_settings(), name, "valid")
        ]
    except NotFound as error:
        pytest.skip(str(error))
    faults = [
        fault(line, one.talk, turns)
        for one in known
        for turns in [turns_of(one.talk)]
        for line in draft(one.talk)
    ]
    assert "place" not in faults
    assert len([one for one in faults if one]) <= 2, "of more than a thousand lines"
