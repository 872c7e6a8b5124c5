"""Who is behind a pseudonym: sealed on disk, told only where the policy allows, always logged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from suwen.core.errors import BadInput, Denied, NotFound
from suwen.core.nouns import canonical
from suwen.core.settings import Settings
from suwen.records import Person, Store
from suwen.records.blobs import BlobFolder, sealed

JANE = {"numbers": ["4839201"], "names": ["Jane Doe"]}
ADMINISTRATOR = Person("adm", "Ada", "administrator")
SCIENTIST = Person("sci", "Sol", "scientist")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(Settings(home=tmp_path)) as opened:
        opened.pseudonyms(SCIENTIST, "research", "lung").keep({"S-1": JANE}, {"written": 3})
        yield opened


def test_an_administrator_finds_who_is_behind_a_pseudonym_and_the_log_says_so(
    store: Store,
) -> None:
    asking = store.pseudonyms(ADMINISTRATOR, "reidentification", "lung")
    assert asking.reidentify("S-1", "an incidental finding of the lung") == JANE
    entry = list(store.log.entries())[-1]
    assert (entry.act, entry.person, entry.subject) == ("re-identified", "adm", "Pseudonym/S-1")
    assert "incidental" not in str(entry.detail)


@pytest.mark.parametrize(
    ("person", "purpose"),
    [(SCIENTIST, "research"), (SCIENTIST, "reidentification"), (ADMINISTRATOR, "administration")],
)
def test_nobody_else_learns_it_and_the_denial_is_logged(
    store: Store, person: Person, purpose: str
) -> None:
    with pytest.raises(Denied):
        store.pseudonyms(person, purpose, "lung").reidentify("S-1", "curiosity")
    entry = list(store.log.entries())[-1]
    assert (entry.act, entry.person) == ("denied", person.id)
    assert entry.detail["action"] == "reidentify"


def test_nothing_readable_lies_on_the_disk(store: Store) -> None:
    files = [path for path in (store.home / "pseudonyms").rglob("*/*") if path.is_file()]
    assert len(files) == 1
    assert b"Jane" not in files[0].read_bytes()
    assert "S-1" not in str(files[0])
    assert all("Jane" not in str(entry.detail) for entry in store.log.entries())


def test_another_project_has_another_secret_and_knows_no_such_pseudonym(store: Store) -> None:
    lung = store.pseudonyms(SCIENTIST, "research", "lung")
    assert lung.secret() == store.pseudonyms(SCIENTIST, "research", "lung").secret()
    assert lung.secret() != store.pseudonyms(SCIENTIST, "research", "heart").secret()
    with pytest.raises(NotFound):
        store.pseudonyms(ADMINISTRATOR, "reidentification", "heart").reidentify("S-1", "a reason")
    assert list(store.log.entries())[-1].act == "re-identified"


def test_a_reason_is_required(store: Store) -> None:
    with pytest.raises(BadInput):
        store.pseudonyms(ADMINISTRATOR, "reidentification", "lung").reidentify("S-1", " ")


def test_those_that_begin_alike_are_one_file_and_none_is_lost_by_another_run(store: Store) -> None:
    lung = store.pseudonyms(SCIENTIST, "research", "lung")
    lung.keep({"S-AB1": {"names": ["Li Bao"]}, "S-AB2": {"names": ["Bo Roe"]}}, {})
    lung.keep({"S-AB3": {"names": ["Ann Lee"]}}, {})
    asking = store.pseudonyms(ADMINISTRATOR, "reidentification", "lung")
    told = [asking.reidentify(f"S-AB{i}", "a reason that is given")["names"] for i in (1, 2, 3)]
    assert told == [["Li Bao"], ["Bo Roe"], ["Ann Lee"]]
    folder = store.home / "pseudonyms"
    assert len([path for path in folder.rglob("*/*") if path.is_file()]) == 2


def test_a_file_of_one_pseudonym_as_older_versions_wrote_it_is_still_read(store: Store) -> None:
    place = "pseudonym|lung|S-OLD"
    folder = BlobFolder(store.home / "pseudonyms")
    content = sealed(store.secrets.pseudonyms, place, canonical(JANE))
    folder.write(store.secrets.file_name(place), content)
    asking = store.pseudonyms(ADMINISTRATOR, "reidentification", "lung")
    assert asking.reidentify("S-OLD", "a reason that is given") == JANE
