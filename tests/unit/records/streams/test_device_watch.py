"""What was set aside is counted for the ward and opened by an administrator, who may revoke."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from suwen.core.errors import Denied, NotFound
from suwen.core.settings import Settings
from suwen.records import Person, Store
from suwen.records.streams.device_watch import DeviceWatch
from suwen.records.streams.devices import Devices
from suwen.records.streams.door import Door, Message

DOCTOR = Person("dr-li", "Li Na", "clinician")
OTHER = Person("dr-chen", "Chen Wei", "clinician")
ADMIN = Person("it-sun", "Sun Yu", "administrator")


class Bay:
    """A patient with a device that says more than it should."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.patient = store.session(DOCTOR, "treatment").new_patient([])
        self.token = Devices(store, DOCTOR, "treatment").add("watch-1", self.patient)
        self.door = Door(store)

    def say(self, value: object, ahead_s: float = 0, device: str = "watch-1") -> dict[str, int]:
        at = (datetime.now(UTC) + timedelta(seconds=ahead_s)).isoformat()
        said = {"token": self.token, "code": "8867-4", "unit": "/min", "at": at, "value": value}
        return dict(self.door.receive([Message(device, json.dumps(said).encode())]).refused)

    def watch(self, person: Person = ADMIN) -> DeviceWatch:
        administers = person.role == "administrator"
        return DeviceWatch(self.store, person, "administration" if administers else "treatment")


@pytest.fixture
def bay(tmp_path) -> Iterator[Bay]:
    with Store.open(Settings(home=tmp_path / "home")) as store:
        found = Bay(store)
        found.say(72, ahead_s=9_000)
        found.say(72, ahead_s=9_001)
        found.say(None)
        found.say(72, device="who-is-this")
        yield found


def counts(watch: DeviceWatch) -> dict[tuple[str, str], int]:
    return {(one.device, one.state): one.count for one in watch.counts()}


def test_the_care_team_sees_the_counts_of_its_devices_and_nobody_elses(bay: Bay):
    assert counts(bay.watch(DOCTOR)) == {("watch-1", "future"): 2, ("watch-1", "not-a-number"): 1}
    assert counts(bay.watch(OTHER)) == {}
    with pytest.raises(Denied):
        bay.watch(OTHER).messages("watch-1", "future")
    with pytest.raises(Denied):
        bay.watch(DOCTOR).messages("", "unknown-device")


def test_an_administrator_sees_unknown_devices_too_and_opens_what_they_sent(bay: Bay):
    assert counts(bay.watch())["", "unknown-device"] == 1
    (letter,) = bay.watch().messages("", "unknown-device")
    assert '"value": 72' in letter.said
    assert bay.token not in letter.said
    newest, older = bay.watch().messages("watch-1", "future")
    assert newest.said["tick"] > older.said["tick"]
    acts = [(one.person, one.act) for one in bay.store.log.entries()]
    assert acts.count((ADMIN.id, "set-aside-read")) == 2


def test_what_an_administrator_revokes_is_refused_with_the_next_message(bay: Bay):
    assert bay.say(72) == {}
    bay.watch().revoke("watch-1", "stolen from the ward")
    assert bay.say(73) == {"revoked": 1}
    assert counts(bay.watch())["watch-1", "revoked"] == 1
    with pytest.raises(NotFound):
        bay.watch().revoke("watch-1", "once more")
    (device,) = bay.watch().devices()
    assert device.revoked is not None


def test_whoever_does_not_administer_has_no_hand_on_all_devices(bay: Bay):
    with pytest.raises(Denied):
        bay.watch(DOCTOR).devices()
    with pytest.raises(Denied):
        bay.watch(DOCTOR).revoke("watch-1", "no reason at all")
    assert bay.say(72) == {}
