"""Settings come from SUWEN_* variables, and each has its help."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from suwen.core.settings import Settings


def test_data_folders_are_a_list(monkeypatch):
    monkeypatch.setenv("SUWEN_DATA", "/one:/two")
    assert Settings().data == (Path("/one"), Path("/two"))


def test_an_empty_list_of_folders_is_empty(monkeypatch):
    monkeypatch.setenv("SUWEN_DATA", "")
    assert Settings().data == ()


def test_the_database_lies_in_the_home_unless_a_url_is_given(monkeypatch):
    monkeypatch.setenv("SUWEN_HOME", "/somewhere")
    assert Settings().store_url == "sqlite:////somewhere/suwen.sqlite"
    monkeypatch.setenv("SUWEN_DATABASE_URL", "postgresql+psycopg:///suwen")
    assert Settings().store_url == "postgresql+psycopg:///suwen"


def test_an_impossible_port_is_refused(monkeypatch):
    monkeypatch.setenv("SUWEN_PORT", "70000")
    with pytest.raises(ValidationError):
        Settings()


def test_every_setting_has_its_help():
    assert all(field.description for field in Settings.model_fields.values())
