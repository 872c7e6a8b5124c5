"""What `suwen doctor` tells whoever runs a server."""

from __future__ import annotations

import pytest

from suwen.cli import doctor
from suwen.core.settings import Settings
from suwen.records import Person, Store


@pytest.fixture
def told(monkeypatch, settled, tmp_path):
    """A function that returns the checks by name; packs have tests of their own."""
    monkeypatch.setattr(doctor, "_packs", lambda: iter(()))
    settled(home=tmp_path / "home", data=tmp_path)

    def checks() -> dict[str, doctor.Check]:
        return {check.name: check for check in doctor.checks()}

    return checks


def test_a_fresh_installation_has_no_problem(told):
    checks = told()
    assert not [check for check in checks.values() if check.good is False]
    assert checks["records"].good is None
    assert checks["home"].todo == "it is made at first use"


def test_a_store_in_use_is_opened_counted_and_its_log_verified(told, tmp_path):
    with Store.open(Settings(home=tmp_path / "home")) as store:
        store.add_person(Person("li.na", "Li Na", "clinician"), "")
    checks = told()
    assert checks["database"].says == "0 patients, schema up to date"
    assert (checks["decision log"].good, checks["decision log"].says) == (True, "1 entries")
    (tmp_path / "home").chmod(0o755)
    assert told()["home"].good is False


def test_a_lost_master_key_is_a_problem_with_its_remedy(told, tmp_path):
    Store.open(Settings(home=tmp_path / "home")).close()
    (tmp_path / "home" / "keys" / "master.key").unlink()
    lost = told()["records"]
    assert lost.good is False
    assert "backup" in lost.todo


def test_a_misspelt_setting_is_named_with_the_one_that_was_meant(told, monkeypatch):
    monkeypatch.setenv("SUWEN_LANGAUGE", "zh")
    wrong = told()["settings"]
    assert (wrong.good, wrong.says) == (False, "SUWEN_LANGAUGE is no setting")
    assert "SUWEN_LANGUAGE" in wrong.todo


def test_a_folder_of_data_that_is_not_there_is_a_problem(told, settled, tmp_path):
    settled(data=tmp_path / "nowhere")
    assert told()["data"].good is False
