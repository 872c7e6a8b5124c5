"""One task asked of one file: stored and logged once, however often it is asked."""

from __future__ import annotations

import pytest

from suwen.app.ask import ask
from suwen.core.errors import BadInput, NotFound
from suwen.core.settings import Settings
from suwen.records import Store

NOTE = "Chief complaint: cough for six weeks.\nNo fever. Takes metformin 500 mg twice daily.\n"


@pytest.fixture
def note(tmp_path):
    path = tmp_path / "visit.txt"
    path.write_text(NOTE)
    return path


@pytest.fixture
def home(tmp_path):
    return Settings(home=tmp_path / "home")


def words(answered, finding):
    """The stretches of a note a finding points at."""
    return [answered.texts[one.record][one.start : one.end] for one in finding.evidence]


def test_what_is_denied_is_found_and_logged_once(home, note):
    found = ask("notes.assertion", note, home)
    said = {words(found, each)[0]: each.code.code for each in found.findings}
    assert said["cough"] == "present"
    assert said["fever"] == "absent"
    again = ask("notes.assertion", note, home)
    assert (again.patient, again.decisions) == (found.patient, found.decisions)
    assert len(found.decisions) == 1, "the findings on one note are one answer"
    assert len(found.findings) == 3
    with Store.open(home) as store:
        assert store.log.verify().intact


def test_a_task_without_anything_to_read_says_nothing(home, note):
    found = ask("imaging.chest_xray", note, home)
    assert (found.findings, found.decisions) == ((), ())


def test_what_is_wrong_is_said_before_anything_is_stored(home, note, tmp_path):
    with pytest.raises(NotFound, match=r"no task named 'notes\.entitys'"):
        ask("notes.entitys", note, home)
    assert not home.home.exists()
    with pytest.raises(NotFound, match="no such"):
        ask("notes.entities", tmp_path / "nowhere", home)
    (tmp_path / "bytes").write_bytes(bytes(range(256)) * 3)
    with pytest.raises(BadInput, match="nothing in the folder was understood"):
        ask("notes.entities", tmp_path / "bytes", home)
