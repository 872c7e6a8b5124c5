"""Files that were sent are read out of the inbox, and destroyed once they are stored or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from suwen.app.diagnose import Diagnosis
from suwen.core.errors import BadInput
from suwen.core.settings import Settings
from suwen.records import Person, Store
from suwen.records.inbox import FOLDER, Inbox
from suwen.records.uploads import Limits

DOCTOR = Person("li.na", "Li Na", "clinician")
TABLE = b"time,heart rate (/min)\n2026-03-01T07:00:00Z,72\n2026-03-01T08:00:00Z,75\n"


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(Settings(home=tmp_path)) as made:
        made.add_person(DOCTOR, "x")
        yield made


def sent(store: Store, content: bytes) -> dict[str, Any]:
    with Inbox(store).receiving(Limits(2**20, 2**20)) as receiving:
        receiving.begin("00001.csv")
        receiving.write(content)
        receiving.end()
    created = "2026-03-01T09:00:00+00:00"
    person = asdict(DOCTOR)
    return {"kind": "intake", "person": person, "inbox": receiving.id, "created": created}


def left(store: Store) -> list[str]:
    return [one.name for one in (store.home / FOLDER).iterdir()]


Done = dict[str, dict[str, Any]]


def steps(done: Done, killed: str) -> Callable[..., dict[str, Any]]:
    """Return what runs steps once each, and ends the process at one of them."""

    def step(name: str, work: Callable[[Any], dict[str, Any]], state: Any) -> dict[str, Any]:
        if name not in done:
            if name == killed:
                raise Killed
            done[name] = work(state)
        return done[name]

    return step


def test_a_kill_before_files_are_stored_keeps_them_and_one_after_it_destroys_them(store: Store):
    payload, done = sent(store, TABLE), Done()
    with pytest.raises(Killed):
        Diagnosis(store, search=False)(payload, steps(done, "intake"))
    assert left(store) == [payload["inbox"]], "they are read again"
    with pytest.raises(Killed):
        Diagnosis(store, search=False)(payload, steps(done, "open"))
    assert left(store) == []
    patient = done["intake"]["patient"]
    assert len(store.session(DOCTOR, "treatment").search("Observation", patient)) == 2
    with pytest.raises(Killed):
        Diagnosis(store, search=False)(payload, steps(done, "open"))
    assert left(store) == [], "a resumed job asks for them no more"


def test_files_that_nobody_understands_are_destroyed_with_the_refusal(store: Store):
    with pytest.raises(BadInput):
        Diagnosis(store, search=False)(sent(store, b"\x00\x01\x02"), steps(Done(), ""))
    assert left(store) == []
