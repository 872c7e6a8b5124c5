"""Which pack is in use."""

from __future__ import annotations

import json
import shutil

import pytest

from suwen.core import registry
from suwen.core.errors import BadInput, Conflict, IntegrityError, NotFound, StorageUnavailable
from suwen.lifecycle import packs
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.sealed import keys, manifest


@pytest.fixture
def home(toy_home, trained, tmp_path, settled):
    """A fresh SUWEN_HOME with the toy's key, and no pack in it."""
    shutil.copytree(toy_home / "keys", tmp_path / "home" / "keys")
    settled(home=tmp_path / "home")
    return tmp_path / "home"


def newer(folder, home, version):
    """Seal a copy of a pack under another version."""
    path = folder / "pack.toml"
    lines = [
        f'"version" = "{version}"' if line.startswith('"version"') else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines) + "\n")
    manifest.seal(folder, keys.signing_key(home))


def test_without_any_pack_the_task_says_how_to_get_one(home):
    with pytest.raises(NotFound, match=r"suwen train toy\.squares"):
        packs.current("toy.squares")


def test_a_trained_pack_is_in_use_only_after_a_person_installed_it(home, trained):
    folder = packs.install(trained.pack.folder)
    assert folder.parent == home / "packs" / "toy.squares"
    assert packs.current("toy.squares").identity == trained.pack.identity
    assert packs.find(trained.pack.identity).folder == folder
    with pytest.raises(Conflict):
        packs.install(trained.pack.folder)


@pytest.fixture
def known(toy, monkeypatch):
    """Makes the toy a task of this installation."""
    monkeypatch.setitem(registry._tasks, "toy.squares", toy.Squares())


@pytest.fixture
def draft(home, known, trained, tmp_path):
    """A pack that nobody has signed yet."""
    folder = shutil.copytree(trained.pack.folder, tmp_path / "draft")
    (folder / manifest.SIGNATURE).unlink()
    return folder


def test_a_draft_is_signed_by_a_person_and_then_installed(draft):
    with pytest.raises(IntegrityError, match=r"SIGNATURE\.json") as error:
        packs.install(draft)
    assert "suwen packs sign" in error.value.todo
    assert packs.sign(draft).sha256 == Pack.load(packs.install(draft)).sha256


def test_a_draft_whose_golden_cases_differ_is_not_signed(draft):
    (draft / "member-0" / "net.onnx").write_bytes((draft / "member-1" / "net.onnx").read_bytes())
    with pytest.raises(BadInput, match="golden case"):
        packs.sign(draft)
    assert not (draft / manifest.SIGNATURE).exists()


def test_what_was_changed_after_it_was_signed_is_not_signed_anew(home, known, trained, tmp_path):
    folder = shutil.copytree(trained.pack.folder, tmp_path / "changed")
    packs.sign(folder)
    (folder / "card.md").write_text("Sensitivity 100 %.")
    with pytest.raises(IntegrityError, match=r"card\.md"):
        packs.sign(folder)


def test_a_full_disk_leaves_no_half_installed_pack(home, trained, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    before = list(packs.installed())
    monkeypatch.setattr(packs.shutil, "copytree", full)
    with pytest.raises(StorageUnavailable, match="could not be written"):
        packs.install(trained.pack.folder)
    assert list(packs.installed()) == before
    assert list((home / "packs" / "toy.squares").iterdir()) == []


def test_the_newest_version_is_in_use_and_the_older_one_still_replays(home, trained):
    old = packs.install(trained.pack.folder)
    other = shutil.copytree(old, old.with_name("other"))
    newer(other, home, "9999.01.01")
    assert packs.current("toy.squares").folder == other
    assert packs.find(trained.pack.identity).folder == old


def test_a_folder_of_suwen_packs_goes_before_the_home(home, trained, tmp_path, settled):
    packs.install(trained.pack.folder)
    own = shutil.copytree(trained.pack.folder, tmp_path / "own" / "squares")
    settled(home=home, packs=tmp_path / "own")
    assert packs.current("toy.squares").folder == own


def test_a_pack_damaged_after_it_was_loaded_once_is_refused(home, trained):
    folder = packs.install(trained.pack.folder)
    packs.current("toy.squares")
    (folder / "MANIFEST.json").write_text("{}")
    with pytest.raises(IntegrityError):
        packs.current("toy.squares")


def test_a_pack_that_was_removed_is_named_without_guessing(home, trained):
    with pytest.raises(NotFound, match="is not here"):
        packs.find(trained.pack.identity)


def test_an_unreadable_pack_is_listed_but_answers_nothing(home):
    folder = home / "packs" / "toy.squares" / "1"
    folder.mkdir(parents=True)
    (folder / "pack.toml").write_text("this is not TOML")
    assert [(task, version) for path, task, version in packs.installed() if path == folder] == [
        ("", "")
    ]
    with pytest.raises(NotFound):
        packs.current("toy.squares")


class Squares:
    """What `packs` reads of a task: the data set whose pack answers Cases stands first."""

    name = "toy.squares"
    datasets = ("squares", "thumbnails")


def trained_on(folder, home, dataset, version):
    """Seal a copy of a pack as if it had been trained on another data set."""
    path = folder / "pack.toml"
    text = path.read_text()
    assert '"dataset" = "squares"' in text
    path.write_text(text.replace('"dataset" = "squares"', f'"dataset" = "{dataset}"'))
    newer(folder, home, version)


def test_a_pack_of_another_data_set_is_measured_on_it_and_never_answers_cases(
    home, trained, monkeypatch
):
    monkeypatch.setitem(registry._tasks, "toy.squares", Squares())
    first = packs.install(trained.pack.folder)
    other = shutil.copytree(first, first.with_name("thumbnails"))
    trained_on(other, home, "thumbnails", "9999.01.01")
    assert packs.current("toy.squares").folder == first
    assert packs.current("toy.squares", "squares").folder == first
    assert packs.current("toy.squares", "thumbnails").folder == other
    assert packs.current("toy.squares", "unheard of").folder == first
    assert packs.in_use(first)
    assert packs.in_use(other)


def test_without_a_pack_of_the_first_data_set_nothing_answers_cases(home, trained, monkeypatch):
    monkeypatch.setitem(registry._tasks, "toy.squares", Squares())
    only = packs.install(trained.pack.folder)
    trained_on(only, home, "thumbnails", "9999.01.01")
    with pytest.raises(NotFound, match="no pack for toy"):
        packs.current("toy.squares")
    assert packs.current("toy.squares", "thumbnails").folder == only


def test_a_pack_whose_data_may_not_be_handed_on_does_not_answer_from_among_those_that_ship(
    home, trained, tmp_path, monkeypatch
):
    folder = shutil.copytree(trained.pack.folder, tmp_path / "room" / "packs" / "squares")
    card = json.loads((folder / "card.json").read_text())
    card["data"]["shippable"] = False
    (folder / "card.json").write_text(json.dumps(card))
    newer(folder, home, "2099.01.01.000000")
    monkeypatch.setattr(packs, "shipped", lambda: [tmp_path / "room" / "packs"])
    with pytest.raises(IntegrityError, match="trained on data that may not"):
        packs.current("toy.squares")
    installed = packs.install(folder)
    assert packs.current("toy.squares").folder == installed, "for use here it may be installed"


def test_the_packs_that_ship_stay_loaded_all_of_them_from_one_patient_to_the_next():
    shipped = [folder for root in packs.shipped() for folder in packs.folders(root)]
    assert 20 < len(shipped) < packs._loaded.cache_parameters()["maxsize"]
    assert len(shipped) < packs._read.cache_parameters()["maxsize"]
