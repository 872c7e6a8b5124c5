"""What devices send is stored, or set aside with a state that says why; nothing blocks the rest."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from suwen.core.errors import BadInput, Conflict, Denied, NotFound
from suwen.core.settings import Settings
from suwen.health.readings.acceleration import derived
from suwen.records import Person, Store
from suwen.records.streams import set_aside
from suwen.records.streams.devices import Devices
from suwen.records.streams.door import Door, Message
from suwen.records.streams.sample_writing import Kept
from suwen.records.streams.seen import Streams
from suwen.records.tables import stream_tally

NOW = datetime.now(UTC).replace(microsecond=0)
PULSE = {"code": "8867-4", "unit": "/min"}
SPAN = NOW - timedelta(days=30), NOW + timedelta(days=1)


@pytest.fixture
def bay(clinic):
    clinic.patient = clinic.doctor.new_patient([])
    clinic.devices = Devices(clinic.store, clinic.doctor_person, "treatment")
    clinic.token = clinic.devices.add("watch-1", clinic.patient)
    clinic.door = Door(clinic.store)
    return clinic


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A bay that many tests share, on SQLite; each adds a device of its own."""
    with Store.open(Settings(home=tmp_path_factory.mktemp("desk") / "home")) as store:
        person = Person("dr-li", "Li Na", "clinician")
        yield SimpleNamespace(
            store=store,
            doctor_person=person,
            patient=store.session(person, "treatment").new_patient([]),
            devices=Devices(store, person, "treatment"),
            door=Door(store),
        )


@pytest.fixture
def own(desk, request):
    """A device of this test's own: its id; the desk holds its token."""
    name = f"watch-{abs(hash(request.node.name))}"
    desk.token = desk.devices.add(name, desk.patient)
    return name


def pulse(value, ago: float = 0, **more):
    return PULSE | {"at": (NOW - timedelta(seconds=ago)).isoformat(), "value": value} | more


def message(bay, *readings, device="watch-1", token=None) -> Message:
    said = {"token": bay.token if token is None else token, "readings": list(readings)}
    return Message(device, json.dumps(said).encode())


def stored(bay, device="watch-1") -> list[float]:
    streams = Streams(bay.store, bay.doctor_person, "treatment")
    found = streams.read(bay.patient, "8867-4", *SPAN)
    mine = [stretch for stretch in found if stretch.channel.device == device]
    return [value for stretch in mine for value in stretch.values.tolist()]


def letters(bay, device="watch-1") -> list[set_aside.Kept]:
    with bay.store.database.transaction(reading=True) as connection:
        key = bay.store.vault.patient_key(connection, bay.patient)
        return set_aside.kept(connection, key, device)


def test_readings_of_a_registered_device_are_stored_once_however_often_they_come(bay):
    batch = [message(bay, pulse(72, 2)), message(bay, pulse(73, 1), pulse(74))]
    assert bay.door.receive(batch).kept == Kept(stored=3)
    assert bay.door.receive(batch).kept == Kept(absorbed=3)
    assert stored(bay) == [72, 73, 74]


def test_one_message_may_hold_one_reading_many_or_a_waveform(bay):
    ms = int(NOW.timestamp() * 1000)
    said = [
        {"token": bay.token} | pulse(60, 9),
        {"token": bay.token} | PULSE | {"ms": [ms - 5000, ms - 4000], "values": [61, 62]},
        {"token": bay.token} | PULSE | {"ms": ms - 3000, "hz": 2, "values": [63, 64, 65]},
    ]
    found = bay.door.receive([Message("watch-1", json.dumps(each).encode()) for each in said])
    assert found.kept == Kept(stored=6)
    assert stored(bay) == [60, 61, 62, 63, 64, 65]


@pytest.mark.parametrize(
    ("state", "reading"),
    [
        ("future", pulse(72, -86_400)),
        ("past", pulse(72, 86_400 * 400)),
        ("past", PULSE | {"ms": 0, "value": 72}),
        ("not-a-number", pulse(float("nan"))),
        ("not-a-number", pulse(float("inf"))),
        ("not-a-number", pulse(None)),
        ("not-a-number", PULSE | {"ms": int(NOW.timestamp() * 1000), "hz": 1, "values": [None]}),
        ("malformed", pulse(True)),
        ("malformed", pulse(72, code="x" * 65)),
        ("malformed", pulse(72, unit="")),
        ("malformed", PULSE | {"at": "2026-03-01T10:00:00", "value": 72}),
        ("malformed", PULSE | {"at": "yesterday", "value": 72}),
        ("malformed", PULSE | {"value": 72}),
        ("malformed", PULSE | {"ms": 10**30, "value": 72}),
        ("malformed", PULSE | {"ms": [1, 2], "values": [1]}),
        ("malformed", PULSE | {"ms": 1, "hz": 0, "values": [1]}),
        ("malformed", "72"),
    ],
)
def test_a_bad_reading_is_set_aside_and_the_good_one_behind_it_is_stored(desk, own, state, reading):
    found = desk.door.receive([message(desk, reading, pulse(80, 1), device=own)])
    assert found.refused == {state: 1}
    assert stored(desk, own) == [80]
    (letter,) = letters(desk, own)
    assert letter.state == state
    listed = {device.id: device.refused for device in desk.devices.list(desk.patient)}
    assert listed[own] == {state: 1}


@pytest.mark.parametrize(
    "payload", [b"", b"\xff\xfe", b"[1, 2]", b"{" * 50_000, b'{"a": ' * 50_000, b"null"]
)
def test_bytes_that_are_no_message_are_refused_whoever_claims_to_send_them(desk, own, payload):
    assert desk.door.receive([Message(own, payload)]).refused == {"wrong-token": 1}
    assert desk.door.receive([Message(own, payload, desk.token)]).refused == {"malformed": 1}
    assert stored(desk, own) == []


def test_an_unknown_device_or_a_wrong_token_stores_nothing_and_its_token_is_not_kept(bay):
    other = bay.devices.add("cuff-2", bay.patient)
    found = bay.door.receive(
        [
            message(bay, pulse(1), device="nobodys"),
            message(bay, pulse(2), token=other),
            message(bay, pulse(3), token=""),
            message(bay, pulse(4, 1)),
        ]
    )
    assert found.refused == {"unknown-device": 1, "wrong-token": 2}
    assert stored(bay) == [4]
    assert all(other not in str(letter.said) for letter in letters(bay))


def test_a_revoked_device_is_refused_at_once_and_its_id_is_not_used_again(bay):
    bay.door.receive([message(bay, pulse(72, 2))])
    bay.devices.revoke("watch-1", "stolen from the locker")
    assert bay.door.receive([message(bay, pulse(200))]).refused == {"revoked": 1}
    assert stored(bay) == [72]
    with pytest.raises(Conflict, match="there already"):
        bay.devices.add("watch-1", bay.patient)
    with pytest.raises(NotFound, match="revoked"):
        bay.devices.renew("watch-1")
    with pytest.raises(NotFound, match="already"):
        bay.devices.revoke("watch-1", "once more")
    (device,) = bay.devices.list(bay.patient)
    assert device.revoked is not None
    assert device.refused == {"revoked": 1}


def test_a_new_token_ends_the_old_one(bay):
    token = bay.devices.renew("watch-1")
    assert bay.door.receive([message(bay, pulse(1))]).refused == {"wrong-token": 1}
    assert bay.door.receive([message(bay, pulse(2), token=token)]).kept == Kept(stored=1)


def test_another_value_for_a_time_is_set_aside_and_the_first_one_stays(bay):
    bay.door.receive([message(bay, pulse(72, 1), pulse(73))])
    found = bay.door.receive([message(bay, pulse(180, 1))])
    assert found.kept == Kept(conflicting=1)
    assert found.refused == {"conflicting": 1}
    assert stored(bay) == [72, 73]
    assert letters(bay)[0].said["values"] == [180]


def test_who_floods_the_door_with_rubbish_fills_no_disk(bay, monkeypatch):
    monkeypatch.setattr(set_aside, "MOST", 5)
    for _ in range(3):
        bay.door.receive([message(bay, *[pulse(None)] * 4)])
    assert len(letters(bay)) == 5
    assert bay.devices.list()[0].refused == {"not-a-number": 12}


def test_a_device_whose_patients_key_is_gone_is_refused(bay):
    bay.admin.destroy_patient(bay.patient, "asked for by the patient")
    assert bay.door.receive([message(bay, pulse(72))]).refused == {"key-destroyed": 1}


def test_the_log_says_once_a_day_that_a_device_sent(bay):
    for n in (3, 2, 1):
        bay.door.receive([message(bay, pulse(70 + n, n))])
    Door(bay.store).receive([message(bay, pulse(90))])
    entries = [e for e in bay.store.log.entries() if e.act == "device-sent"]
    assert [(e.person, e.patient) for e in entries] == [("device/watch-1", bay.patient)]
    assert bay.store.log.verify().intact


def test_who_listens_hears_what_is_new_and_only_that(bay):
    heard = []
    bay.door.listen(lambda patient, stretches: 1 / 0)
    bay.door.listen(lambda patient, stretches: heard.append((patient, stretches)))
    batch = [message(bay, pulse(72, 1), pulse(73)), message(bay, pulse(72, 1))]
    bay.door.receive(batch)
    bay.door.receive(batch)
    ((patient, (stretch,)),) = heard
    assert (patient, stretch.values.tolist()) == (bay.patient, [72, 73])
    assert stretch.channel == ("8867-4", "/min", "watch-1")


def test_a_watchdog_sees_when_a_channel_spoke_without_its_content(bay):
    bay.door.receive([message(bay, pulse(72, 100))])
    (silent,) = bay.door.times()
    assert silent.at == NOW - timedelta(seconds=100)
    assert silent.received >= NOW
    assert bay.door.times([bay.patient]) == [silent]
    assert bay.door.times([]) == []


def test_two_doors_at_once_store_each_reading_once_and_count_all_that_is_refused(bay):
    def send(door: Door) -> Kept:
        kept = Kept()
        for n in range(12):
            sent = [message(bay, pulse(n, n)), message(bay, pulse(1), device=f"nobodys-{n}")]
            kept += door.receive(sent).kept
        return kept

    with Store.open(bay.settings) as other, ThreadPoolExecutor(2) as pool:
        kept = list(pool.map(send, (bay.door, Door(other))))
    assert kept[0] + kept[1] == Kept(stored=12, absorbed=12)
    assert sorted(stored(bay)) == list(range(12))
    with bay.store.database.transaction(reading=True) as connection:
        ((device, _, state, number),) = connection.execute(select(stream_tally)).all()
    assert (device, state, number) == ("", "unknown-device", 24)


def test_a_device_is_bound_by_who_may_write_the_record(bay):
    stranger = Devices(bay.store, bay.other_person, "treatment")
    for tried in (
        lambda: stranger.add("mine", bay.patient),
        lambda: stranger.revoke("watch-1", "not mine"),
        lambda: stranger.renew("watch-1"),
        lambda: stranger.list(bay.patient),
    ):
        with pytest.raises(Denied):
            tried()
    assert stranger.list() == []
    with pytest.raises(BadInput):
        bay.devices.add("a b", bay.patient)
    with pytest.raises(NotFound):
        bay.devices.revoke("nobodys", "gone for good")


def test_three_axes_come_in_rows_and_what_they_tell_is_stored_once_with_them(desk, own):
    rows = [[0.0, 0.0, 1.0 + 0.4 * (k % 2)] for k in range(100)]
    reading = {
        "code": "omh:acceleration", "unit": "[g]", "at": (NOW - timedelta(seconds=60)).isoformat(),
        "hz": 50, "axes": ["x", "y", "z"], "values": [*rows, [0.0, None, 1.0]],
    }  # fmt: skip
    door = Door(desk.store, derive=derived)
    first, again = (door.receive([message(desk, reading, device=own)]) for _ in range(2))
    assert first.kept == Kept(stored=301)
    assert again.kept == Kept(absorbed=301)
    assert first.refused == {"not-a-number": 1}
    streams = Streams(desk.store, desk.doctor_person, "treatment")
    (z,) = streams.read(desk.patient, "omh:acceleration.z", *SPAN)
    (told,) = streams.read(desk.patient, "omh:acceleration.mad", *SPAN)
    assert z.values.tolist() == [row[2] for row in rows]
    assert (told.channel.unit, told.values.tolist()) == ("m[g]", [200.0])


@pytest.mark.parametrize(
    ("axes", "values"),
    [
        (["x", "y"], [[1, 2, 3]]),
        (["x", "x"], [[1, 2]]),
        ([], [[]]),
        ("xyz", [[1, 2, 3]]),
        (["x y", "z"], [[1, 2]]),
        (["x", "y"], [1, 2]),
        (["x"] * 17, [[1] * 17]),
    ],
)
def test_rows_that_are_none_are_set_aside(desk, own, axes, values):
    reading = {"code": "omh:acceleration", "unit": "[g]", "ms": [1], "axes": axes, "values": values}
    outcome = desk.door.receive([message(desk, reading, device=own)])
    assert (outcome.kept, outcome.refused) == (Kept(), {"malformed": 1})
