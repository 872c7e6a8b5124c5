"""Settings come from SUWEN_* variables, and each has its help."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from suwen.core.errors import BadInput
from suwen.core.settings import Settings, settings, unknown_variables


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


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SUWEN_PORT", "eighty", "SUWEN_PORT cannot be used: input should be a valid integer"),
        ("SUWEN_LANGUAGE", "fr", "SUWEN_LANGUAGE cannot be used: input should be 'en' or 'zh'"),
        ("SUWEN_SEARCH", "perhaps", "SUWEN_SEARCH cannot be used"),
    ],
)
def test_a_value_that_a_setting_does_not_take_is_one_clear_error(settled, name, value, said):
    settled(**{name.removeprefix("SUWEN_").lower(): value})
    with pytest.raises(BadInput) as error:
        settings()
    assert str(error.value).startswith(said)
    assert value not in str(error.value), "what is refused may be a secret"


def test_a_misspelt_variable_is_found_with_what_was_meant():
    given = {"SUWEN_PROT": "80", "SUWEN_DATA": "/data", "HOME": "/root", "SUWEN_XYZZY": ""}
    assert unknown_variables(given) == {"SUWEN_PROT": "SUWEN_PORT", "SUWEN_XYZZY": ""}


def test_every_setting_has_its_help():
    assert all(field.description for field in Settings.model_fields.values())
