"""`suwen terms` from the command line: map, look, take back, move to another house."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from suwen.app.main import Application
from suwen.cli import build
from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.core.settings import Settings
from suwen.records import Person, Store


@pytest.fixture
def suwen(tmp_path, settled):
    """Return a function that runs one command in a house of its own."""
    settled(home=tmp_path / "home")

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(
            build(), list(arguments), obj=Application(), catch_exceptions=False
        )
        assert done.exit_code == 0, done.output
        return done.output

    return run


def test_a_term_is_mapped_listed_taken_back_and_undone(suwen):
    assert suwen("terms", "map", "funny turn", "HP:0001279") == (
        "version 1: funny turn (problem) is Syncope [HP:0001279]\n"
    )
    assert "funny turn -> Syncope [HP:0001279]" in suwen("terms", "list")
    suwen("terms", "map", "sugar pill", "metformin", "--kind", "drug")
    assert "2 local terms, version 2" in suwen("terms", "list")
    suwen("terms", "remove", "sugar pill", "--kind", "drug")
    assert suwen("terms", "undo", "3") == "version 4: 3 is undone\n"
    lines = suwen("terms", "history").splitlines()
    assert [line.split()[4] for line in lines] == ["undone", "removed", "mapped", "mapped"]
    with pytest.raises(Conflict):
        suwen("terms", "undo", "3")
    with pytest.raises(NotFound):
        suwen("terms", "remove", "nothing")
    with pytest.raises(BadInput):
        suwen("terms", "map", "x y z", "no such code at all")


def test_terms_move_to_another_house(suwen, tmp_path, settled):
    suwen("terms", "map", "老慢支", "J42", "--kind", "problem")
    file = tmp_path / "terms.json"
    suwen("terms", "export", str(file))
    assert json.loads(file.read_text())["resourceType"] == "ConceptMap"
    settled(home=tmp_path / "other")
    assert suwen("terms", "import", str(file)).startswith("version 1: 1 terms taken over")
    assert "老慢支" in suwen("terms", "list")
    file.write_text("{}")
    with pytest.raises(BadInput):
        suwen("terms", "import", str(file))


def test_an_empty_house_has_an_empty_queue(suwen):
    assert suwen("terms", "queue") == "0 terms wait for a code\n"


def test_a_person_is_let_into_a_care_team_and_out_again(suwen, tmp_path):
    with Store.open(Settings(home=tmp_path / "home")) as store:
        for name in ("dr.a", "dr.b"):
            store.add_person(Person(name, name, "clinician"), "x")
        patient = store.session(store.person("dr.a"), "treatment").new_patient([("urn:x", "1")])

    def seen() -> int:
        with Store.open(Settings(home=tmp_path / "home")) as store:
            return len(store.session(store.person("dr.b"), "treatment").patients())

    assert seen() == 0
    suwen("person", "share", "dr.b", patient)
    assert seen() == 1
    suwen("person", "share", "dr.b", patient, "--leave")
    assert seen() == 0
    with pytest.raises(NotFound):
        suwen("person", "share", "nobody", patient)
