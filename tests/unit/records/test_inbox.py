"""Files of nobody known yet: sealed from the first byte, opened in pieces, gone with their key."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from suwen.core.errors import BadInput, IntegrityError, NotFound
from suwen.core.settings import Settings
from suwen.records import Person, Store
from suwen.records.inbox import FOLDER, KEY, Inbox
from suwen.records.sealed_files import PIECE
from suwen.records.uploads import KEPT, Limits

LIMITS = Limits(8 * 1024 * 1024, 16 * 1024 * 1024)
SECRET = b"Zhang San 1968 "


def on_disk(home: Path) -> list[bytes]:
    return [path.read_bytes() for path in (home / FOLDER).rglob("*") if path.is_file()]


def sent(inbox: Inbox, *contents: bytes) -> str:
    with inbox.receiving(LIMITS) as receiving:
        for number, content in enumerate(contents, 1):
            receiving.begin(f"{number:05d}.txt")
            receiving.write(content)
            receiving.end()
    return receiving.id


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(Settings(home=tmp_path / "home")) as made:
        yield made


@pytest.fixture
def inbox(store: Store) -> Inbox:
    return Inbox(store)


def test_nothing_is_on_disk_in_the_clear_while_files_come_in(store: Store, inbox: Inbox) -> None:
    content = SECRET * (PIECE // 5)
    with inbox.receiving(LIMITS) as receiving:
        receiving.begin("Zhang San 1968 .txt")
        for start in range(0, len(content), 100_000):
            receiving.write(content[start : start + 100_000])
            assert not any(b"Zhang" in one for one in on_disk(store.home))
        receiving.end()
    assert not any(b"Zhang" in one for one in on_disk(store.home)), "nor its name"
    (one,) = inbox.files(receiving.id)
    with one.open() as file:
        file.seek(PIECE)
        assert file.read(30) == content[PIECE : PIECE + 30], "opened where it is needed"
        file.seek(0)
        assert file.read() == content


def test_a_kill_in_the_middle_leaves_nothing_that_can_be_read(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from suwen.core.settings import Settings
from suwen.records import Store
from suwen.records.inbox import Inbox
from suwen.records.uploads import Limits
store = Store.open(Settings(home=Path({str(tmp_path)!r})))
with Inbox(store).receiving(Limits(2**24, 2**24)) as sent:
    sent.begin("a.txt")
    sent.write({SECRET!r} * 100_000)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, env=dict(os.environ))
    assert done.returncode == -9
    kept = on_disk(tmp_path)
    assert len(kept) == 2
    assert not any(b"Zhang" in one for one in kept)
    with Store.open(Settings(home=tmp_path)) as store:
        (name,) = (one.name for one in (tmp_path / FOLDER).iterdir())
        with pytest.raises(IntegrityError):
            Inbox(store).files(name)
        Inbox(store).drop(name)
    assert on_disk(tmp_path) == []


def test_dropping_destroys_the_key_before_the_files_go(
    store: Store, inbox: Inbox, monkeypatch
) -> None:
    name, seen = sent(inbox, SECRET), []

    def removed(self: Path, **_: object) -> None:
        seen.append(self.read_bytes())

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", removed)
        inbox.drop(name)
    assert set(seen[0]) == {0}, "the wrapped key is overwritten where it stands"
    assert on_disk(store.home) == []
    with pytest.raises(NotFound):
        inbox.files(name)
    inbox.drop(name)
    inbox.drop("../keys")
    assert (store.home / "keys").is_dir()


def test_what_another_key_sealed_or_somebody_changed_does_not_open(
    store: Store, inbox: Inbox
) -> None:
    first, second = sent(inbox, SECRET), sent(inbox, SECRET)
    folder = store.home / FOLDER
    (folder / first / KEY).write_bytes((folder / second / KEY).read_bytes())
    with pytest.raises(IntegrityError):
        inbox.files(first)
    (folder / second / "00001").write_bytes((folder / first / "00001").read_bytes())
    (one,) = inbox.files(second)
    with pytest.raises(IntegrityError), one.open() as file:
        file.read()


def test_a_change_of_the_master_key_keeps_what_waits(store: Store, inbox: Inbox) -> None:
    name = sent(inbox, SECRET)
    administrator = Person("admin", "Ada Root", "administrator")
    store.add_person(administrator, "x")
    store.administer(administrator).rotate_master_key()
    with inbox.files(name)[0].open() as file:
        assert file.read() == SECRET


def test_empty_files_are_left_out_and_nothing_is_no_sending(store: Store, inbox: Inbox) -> None:
    assert [one.name for one in inbox.files(sent(inbox, b"", b"x"))] == ["00002.txt"]
    before = on_disk(store.home)
    with pytest.raises(BadInput):
        sent(inbox, b"")
    assert on_disk(store.home) == before


def test_what_nobody_reads_is_removed_in_time(store: Store, inbox: Inbox) -> None:
    old, new = sent(inbox, SECRET), sent(inbox, SECRET)
    past = time.time() - KEPT.total_seconds() - 60
    os.utime(store.home / FOLDER / old, (past, past))
    assert inbox.sweep() == 1
    assert [one.name for one in (store.home / FOLDER).iterdir()] == [new]
