"""Real Mosquitto: what was acknowledged is stored, once, whatever happens to the gateway."""

from __future__ import annotations

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from benchmarks import mosquitto
from pydantic import SecretStr

from suwen.app import demo_ward
from suwen.app.gateway import beside, run_gateway
from suwen.core.errors import BadInput, Conflict, Denied, StorageUnavailable
from suwen.core.settings import Settings
from suwen.gateway.mqtt import Broker, Gateway, Listening
from suwen.records import Person, Store
from suwen.records.streams.devices import Devices
from suwen.records.streams.door import Door
from suwen.records.streams.seen import Streams

DOCTOR = Person("dr-li", "Li Na", "clinician")
NOW = datetime.now(UTC).replace(microsecond=0)
peer = pytest.mark.skipif(
    not shutil.which("mosquitto") and not Path("/usr/sbin/mosquitto").exists(),
    reason="mosquitto is not installed (Debian: apt install mosquitto)",
)
pytestmark = pytest.mark.peer


class Ward:
    """A store with one watch, a broker, and a gateway in a thread."""

    def __init__(self, folder: Path, store: Store, port: int) -> None:
        self.folder, self.store, self.port = folder, store, port
        self.patient = store.session(DOCTOR, "treatment").new_patient([])
        self.token = Devices(store, DOCTOR, "treatment").add("watch-1", self.patient)
        self.door = Door(store)
        self.broker = Broker("127.0.0.1", port)
        self.stop = threading.Event()

    def begin(self, client: str = "suwen-test") -> Gateway:
        ready = threading.Event()
        gateway = Gateway(self.door, self.broker, Listening(client, pause=0.05), ready.set)
        self.thread = threading.Thread(target=gateway.run, args=(self.stop,), daemon=True)
        self.thread.start()
        assert ready.wait(10)
        return gateway

    def end(self) -> None:
        self.stop.set()
        self.thread.join(10)
        self.stop.clear()

    def publish(self, *said: tuple[str, object]) -> None:
        file = self.folder / "messages"
        made = [
            (f"suwen/v1/{device}/readings", each if isinstance(each, bytes) else packed(each))
            for device, each in said
        ]
        mosquitto.lines(file, made)
        publisher = mosquitto.publisher(self.port, file)
        publisher.communicate(timeout=20)
        assert publisher.returncode == 0

    def pulse(self, value: float, ago: int) -> tuple[str, object]:
        at = (NOW - timedelta(seconds=ago)).isoformat()
        said = {"token": self.token, "code": "8867-4", "unit": "/min", "at": at, "value": value}
        return "watch-1", said

    def stored(self) -> list[float]:
        streams = Streams(self.store, DOCTOR, "treatment")
        span = NOW - timedelta(days=1), NOW + timedelta(days=1)
        found = streams.read(self.patient, "8867-4", *span)
        return [value for stretch in found for value in stretch.values.tolist()]


def packed(said: object) -> bytes:
    return json.dumps(said).encode()


def until(true, seconds: float = 10.0) -> None:
    waiting = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if true():
            return
        waiting.wait(0.02)
    raise AssertionError("it did not become true in time")


@pytest.fixture
def ward(tmp_path):
    with (
        Store.open(Settings(home=tmp_path / "home")) as store,
        mosquitto.broker(tmp_path / "broker") as port,
    ):
        yield Ward(tmp_path, store, port)


@peer
def test_killed_at_random_moments_nothing_acknowledged_is_lost_and_nothing_stored_twice():
    from benchmarks.quality.mqtt_kills import ours

    found = ours(messages=2000, kills=3, pace=1000.0)
    assert (found.missing, found.twice) == (0, 0)
    assert found.log_intact


@peer
def test_rubbish_between_readings_blocks_nothing_and_what_waits_is_fetched_later(ward):
    gateway = ward.begin()
    ward.publish(
        ward.pulse(70, 9),
        ("watch-1", b"no json"),
        ("nobodys", {"token": "x", "value": 1}),
        ("watch-1", {"token": "stolen", "code": "8867-4", "unit": "/min", "ms": 1, "value": 1}),
        ward.pulse(float("nan"), 8),
        ward.pulse(71, 7),
    )
    until(lambda: gateway.tally.messages == 6)
    ward.end()
    assert ward.stored() == [70, 71]
    assert gateway.tally.refused == {"wrong-token": 2, "unknown-device": 1, "not-a-number": 1}
    ward.publish(ward.pulse(72, 5))
    again = ward.begin()
    until(lambda: again.tally.messages == 1)
    ward.end()
    assert ward.stored() == [70, 71, 72]


@peer
def test_a_message_is_heard_at_any_quality_of_service_and_with_properties(ward):
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "watch", protocol=mqtt.MQTTv5)
    properties = mqtt.Properties(mqtt.PacketTypes.PUBLISH)
    properties.UserProperty = ("firmware", "2.1")
    properties.MessageExpiryInterval = 600
    gateway = ward.begin()
    client.connect("127.0.0.1", ward.port)
    client.loop_start()
    for quality, with_them in ((0, None), (1, None), (1, properties), (2, properties)):
        _, said = ward.pulse(70 + gateway.tally.stored, 9 - gateway.tally.stored)
        before = gateway.tally.stored
        client.publish("suwen/v1/watch-1/readings", packed(said), quality, False, with_them)
        until(lambda before=before: gateway.tally.stored > before)
    client.disconnect()
    client.loop_stop()
    ward.end()
    assert ward.stored() == [70, 71, 72, 73]


@peer
def test_while_the_store_cannot_be_written_nothing_is_acknowledged(ward, monkeypatch):
    real, tries = ward.door.receive, []

    def full(messages):
        tries.append(len(messages))
        if len(tries) < 3:
            raise StorageUnavailable("the disk is full", "room", "free space")
        return real(messages)

    monkeypatch.setattr(ward.door, "receive", full)
    gateway = ward.begin()
    ward.publish(ward.pulse(70, 9), ward.pulse(71, 8))
    until(lambda: gateway.tally.stored == 2)
    ward.end()
    assert len(tries) >= 3
    assert ward.stored() == [70, 71]


@peer
def test_a_second_gateway_of_a_store_does_not_begin(ward):
    chosen = Settings(home=ward.store.home)
    url, ready = f"mqtt://127.0.0.1:{ward.port}", threading.Event()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(run_gateway, url, ready.set, chosen, ward.stop)
        assert ready.wait(10)
        with pytest.raises(Conflict, match="is running"):
            run_gateway(url, chosen=chosen, stop=threading.Event())
        ward.publish(ward.pulse(70, 9), ward.pulse(None, 8))
        until(lambda: ward.stored() == [70])
        ward.stop.set()
        assert first.result(10)[1:] == (
            "1 readings stored, 0 had been stored before",
            "set aside: 1 not-a-number",
        )


@peer
def test_a_server_that_knows_a_broker_hears_devices_itself(ward):
    url = SecretStr(f"mqtt://127.0.0.1:{ward.port}")
    with beside(ward.store, Settings(home=ward.store.home, mqtt_url=url), ward.door):
        until(lambda: ward.publish(ward.pulse(70, 9)) or ward.stored())
    assert ward.stored() == [70]


@peer
def test_a_broker_that_does_not_know_us_is_said_so(ward, tmp_path):
    folder = tmp_path / "closed"
    with mosquitto.broker(folder, anonymous=False) as port:
        gateway = Gateway(
            ward.door, Broker("127.0.0.1", port, user="a", password="b"), Listening("x")
        )
        with pytest.raises(Denied, match="does not let the gateway in"):
            gateway.run(threading.Event())


@pytest.mark.parametrize("url", ["", "http://host", "mqtt://", "mqtt://host:port", "mqtt://h/path"])
def test_an_address_that_is_none_of_a_broker_is_refused_without_its_password(url):
    with pytest.raises(BadInput, match="broker"):
        Broker.of(url)
    with pytest.raises(BadInput) as error:
        Broker.of("ftp://suwen:geheim@host")
    assert "geheim" not in str(error.value)


def test_an_address_says_where_the_broker_is_and_who_signs_in():
    assert Broker.of("mqtts://ward:a%40b@broker.local") == Broker(
        "broker.local", 8883, True, "ward", "a@b"
    )


def test_the_monitors_of_the_demo_are_heard_through_its_own_broker(tmp_path, monkeypatch):
    pytest.importorskip("amqtt", reason="the extra [demo] is not installed")
    monkeypatch.setattr("suwen.gateway.mqtt.ACCEPT_S", 0.5)
    monkeypatch.setattr("suwen.app.demo_ward.EVERY_S", 0.1)
    chosen = Settings(home=tmp_path / "home")
    with Store.open(chosen) as store:
        access = store.session(DOCTOR, "treatment")
        patients = [access.new_patient([]) for _ in range(3)]
        found = demo_ward.monitors(store, DOCTOR, patients)
        streams, began = Streams(store, DOCTOR, "treatment"), datetime.now(UTC)
        with demo_ward.live(found, chosen.mqtt_topic) as url:
            heard = chosen.model_copy(update={"mqtt_url": SecretStr(url)})
            with beside(store, heard, Door(store)):
                until(lambda: streams.latest(patients[0])[0].at > began)
        pulse, *_ = streams.read(patients[0], "8867-4", NOW - timedelta(days=1), began)
        assert len(pulse) == 360
        assert 60 < pulse.values.min() < pulse.values.max() < 100
        again = demo_ward.monitors(store, DOCTOR, patients)
        assert [each.device for each in again] == [each.device for each in found]
        assert (again[1].worsens, again[2].falls_silent) == (True, True)
        worst = again[1].value(demo_ward.SIGNS[0], began.timestamp(), demo_ward.WORSE_OVER_S)
        assert worst > 120
