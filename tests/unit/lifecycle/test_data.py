"""Where data sets are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from suwen.core.errors import BadInput, NotFound
from suwen.lifecycle.data import DataFolders


def test_the_first_folder_that_holds_the_data_set_wins(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "imaging").mkdir(parents=True)
    (tmp_path / "two" / "imaging" / "ct").mkdir()
    folders = DataFolders((tmp_path / "one", tmp_path / "two"))
    assert folders.find("imaging/ct") == tmp_path / "two" / "imaging" / "ct"
    assert folders.have("imaging/ct")
    (tmp_path / "one" / "imaging" / "ct").mkdir()
    assert folders.find("imaging/ct") == tmp_path / "one" / "imaging" / "ct"


def test_a_missing_data_set_says_where_it_was_looked_for_and_what_to_do(tmp_path):
    with pytest.raises(NotFound) as error:
        DataFolders((tmp_path,)).find("imaging/ct")
    assert str(tmp_path) in str(error.value)
    assert "SUWEN_DATA" in error.value.todo
    with pytest.raises(NotFound, match="no folder at all"):
        DataFolders(()).find("imaging/ct")


def test_a_test_folder_replaces_all_others(tmp_path):
    own, test = tmp_path / "own", tmp_path / "test"
    for folder in (own, test):
        (folder / "ct").mkdir(parents=True)
    assert DataFolders((own,), test).find("ct") == test / "ct"
    (test / "ct").rmdir()
    assert not DataFolders((own,), test).have("ct")
    with pytest.raises(NotFound, match="--test-data"):
        DataFolders((own,), test).find("ct")


@pytest.mark.parametrize("name", ["/etc", "../secrets", "a/../../b"])
def test_a_name_that_leaves_the_folders_is_refused(tmp_path, name):
    with pytest.raises(BadInput):
        DataFolders((tmp_path,)).find(name)


def test_the_folders_come_from_suwen_data(settled):
    settled(data="/first:/second")
    assert DataFolders.from_settings().folders == (Path("/first"), Path("/second"))
