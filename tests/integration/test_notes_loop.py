"""A note is read by the shipped packs, a person says what is wrong, and what follows counts it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from suwen.app.diagnose import answer
from suwen.core.codes import UNMAPPED, Code, Text
from suwen.core.settings import Settings
from suwen.lifecycle.logged import ACT
from suwen.lifecycle.run import replay
from suwen.notes.coding import synonyms
from suwen.notes.coding.synonyms import Synonym
from suwen.notes.facts.told import CODED_AS
from suwen.notes.questions import FACTS
from suwen.notes.vocabulary.names import HPO
from suwen.records import Person, Store

DOCTOR = Person("dr-li", "Li Na", "clinician")
OTHER = Person("dr-chen", "Chen Wei", "clinician")
SYNCOPE = Code(system=HPO, code="HP:0001279", name=Text(en="Syncope", zh="晕厥"))
NOTE = (
    "History: 67-year-old man with hypertension and diabetes. He denies chest pain or fever.\n"
    "He had zorbel syndrome last week, then floppy gut syndrome, now resolved.\n"
    "Medications: metformin 500 mg twice daily, lisinopril 10 mg daily.\n"
)


@pytest.fixture
def store(tmp_path, settled):
    settled(home=tmp_path / "home")
    with Store.open(Settings(home=tmp_path / "home")) as opened:
        for person in (DOCTOR, OTHER):
            opened.add_person(person, "x")
        yield opened


@pytest.fixture
def access(store):
    return store.session(DOCTOR, "treatment")


@pytest.fixture
def patient(access):
    made = access.new_patient([("urn:mrn", "1")])
    add_note(access, made, NOTE)
    return made


def add_note(access, patient, text):
    digest = access.put_blob(patient, text.encode(), "text/plain")
    attachment = {"contentType": "text/plain", "url": f"blob/{digest}"}
    access.put(
        [
            {
                "resourceType": "DocumentReference",
                "status": "current",
                "subject": {"reference": f"Patient/{patient}"},
                "content": [{"attachment": attachment}],
            }
        ],
        patient,
    )


def decisions(access, patient, task=""):
    return [
        one
        for one in access.decisions(patient)
        if one.act == ACT and task in ("", one.detail["task"])
    ]


def unmapped(facts):
    """Return the facts that no vocabulary has."""
    return [one for one in facts if one.code.system == UNMAPPED]


def test_a_note_writes_four_decisions_and_a_second_one_four_more(access, patient):
    assert len(answer(access, patient, FACTS)) > 6
    assert len(decisions(access, patient)) == 4
    answer(access, patient, FACTS)
    assert len(decisions(access, patient)) == 4, "nothing new, nothing logged"
    add_note(access, patient, NOTE.replace("last week", "yesterday"))
    answer(access, patient, FACTS)
    made = decisions(access, patient)
    assert len(made) == 8, "nothing is said again of the first note, but what all notes tell"
    for one in made:
        result = replay(one, access)
        assert result.same, result.changes


def test_a_local_term_changes_the_next_coding_at_once_and_old_answers_are_given_again(
    store, access, patient
):
    turn, *others = unmapped(answer(access, patient, FACTS))
    words, kind = turn.code.name.en, CODED_AS[turn.site.code]
    term = Synonym(words.upper(), kind, SYNCOPE, OTHER.id, datetime.now(UTC))
    other = store.session(OTHER, "treatment")
    synonyms.keep(other, synonyms.stored(other).mapped(term))
    facts = answer(access, patient, FACTS)
    assert unmapped(facts) == others
    (syncope,) = [one for one in facts if one.code == SYNCOPE]
    assert syncope.evidence == turn.evidence
    before, after = decisions(access, patient, "notes.coding")
    assert "house" not in before.detail
    (record,) = after.detail["house"]
    assert record == synonyms.stored(access).record
    without = synonyms.stored(other).removed(words, kind, OTHER.id, datetime.now(UTC))
    synonyms.keep(other, without)
    assert unmapped(answer(access, patient, FACTS)) == [turn, *others], "taken away as fast"
    for one in decisions(access, patient):
        result = replay(one, access)
        assert result.same, (one.detail["task"], result.changes)
    said = {one.code for one in replay(after, access).findings}
    assert SYNCOPE in said, "as it was coded on that day"


def test_a_term_that_names_nothing_in_a_note_changes_no_answer(access, patient):
    answer(access, patient, FACTS)
    term = Synonym("another spell", "problem", SYNCOPE, DOCTOR.id, datetime.now(UTC))
    synonyms.keep(access, synonyms.stored(access).mapped(term))
    answer(access, patient, FACTS)
    assert len(decisions(access, patient)) == 4
