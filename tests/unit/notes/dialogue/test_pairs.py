"""The corpora of visits: the talk, the note a clinician wrote, and the section of each sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from suwen.core.errors import NotFound
from suwen.lifecycle.data import DataFolders
from suwen.notes.dialogue.pairs import visits

MTS = (
    "ID,section_header,section_text,dialogue\n"
    '0,MEDICATIONS,"Lisinopril 10 mg daily. No others.","Doctor: Pills?\nPatient: Lisinopril."\n'
    '1,ALLERGY,Penicillin.,"Doctor: Allergies?\nPatient: Penicillin."\n'
)
ACI = (
    "dataset,encounter_id,dialogue,note\n"
    'aci,D2N001,"[doctor] hi\n[patient] my knee hurts",'
    '"CHIEF COMPLAINT\n\nKnee pain.\n\nASSESSMENT AND PLAN\n\nSprain. Rest the knee."\n'
)


@pytest.fixture
def folders(tmp_path: Path) -> DataFolders:
    for name, text in (
        ("mts_dialog/MTS-Dialog-TrainingSet.csv", MTS),
        ("aci_bench/valid.csv", ACI),
    ):
        path = tmp_path / "text" / name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8-sig")
    return DataFolders((tmp_path,))


def test_a_talk_about_one_section_has_its_heading_on_every_sentence(folders):
    drugs, allergy = visits(folders, "mts_dialog")
    assert (drugs.name, drugs.talk) == ("0", "Doctor: Pills?\nPatient: Lisinopril.")
    assert drugs.sentences == (
        ("medications", "Lisinopril 10 mg daily."),
        ("medications", "No others."),
    )
    assert allergy.sentences == (("allergies", "Penicillin."),)


def test_of_a_whole_visit_each_sentence_has_the_section_it_stands_in(folders):
    (visit,) = visits(folders, "aci_bench", "valid")
    assert visit.name == "D2N001"
    kinds = {text: kind for kind, text in visit.sentences}
    assert kinds["Knee pain."] == "chief_complaint"
    assert kinds["Rest the knee."] == "assessment_and_plan"


def test_a_corpus_that_is_nowhere_is_not_found(folders):
    with pytest.raises(NotFound):
        visits(folders, "aci_bench", "train")
