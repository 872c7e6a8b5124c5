"""From a reading to a page: alerts are written, told, and go on after a restart."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from suwen.app import demo_alerts
from suwen.app.alarm import HEARTBEAT, Alarm
from suwen.app.paging import Pager
from suwen.core.errors import BadInput, Busy, StorageUnavailable
from suwen.core.settings import Settings
from suwen.core.streams import MICROSECONDS, Channel, Stretch, ticks
from suwen.gateway.notifier import FILE, Notifier
from suwen.health.alerts.rules import changed, shipped, stretch
from suwen.health.alerts.trial import Desk, replayed, tried
from suwen.records import Person, Store
from suwen.records.alerts.rulebook import AlertRules, Scope
from suwen.records.alerts.seen import Alerts
from suwen.records.alerts.wards import Rung, Ward, Wards
from suwen.records.streams.devices import Devices
from suwen.records.streams.seen import Streams

DOCTOR = Person("dr-li", "Li Na", "clinician")
NURSE = Person("nurse-wu", "Wu Min", "nurse", language="zh")
PROBE = Channel("59408-5", "%", "probe-1")
EVENT = Channel("199684", "1", "monitor-1")
PLETH = Channel("150452", "1", "monitor-1")
RULE = changed(shipped()["spo2-low"], {"sustained_s": 20, "calm_s": 20})
START = datetime.now(UTC).replace(microsecond=0)


class Post(BaseHTTPRequestHandler):
    got: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        Post.got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def pager() -> Iterator[str]:
    """A local address that takes pages."""
    server = HTTPServer(("127.0.0.1", 0), Post)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    Post.got.clear()
    yield f"json://127.0.0.1:{server.server_port}/page"
    server.shutdown()
    thread.join()
    server.server_close()


class Bay:
    """One patient in a ward with one rule, and a clock that is moved by hand."""

    def __init__(self, home: Path, notifier: Notifier | None = None) -> None:
        self.store = Store.open(Settings(home=home))
        for person in (DOCTOR, NURSE):
            self.store.add_person(person, "x")
        self.patient = self.store.session(DOCTOR, "treatment").new_patient([("urn:mrn", "1")])
        enrolled = Devices(self.store, DOCTOR, "treatment")
        for device in (PROBE.device, EVENT.device):
            enrolled.add(device, self.patient)
        self.wards = Wards(self.store, DOCTOR, "treatment")
        self.wards.define(Ward("icu", ladder=(Rung(0, (NURSE.id,)), Rung(120, (DOCTOR.id,)))))
        self.wards.place(self.patient, "icu", "12 A")
        self.rules = AlertRules(self.store, DOCTOR, "treatment")
        content, scope = RULE.model_dump(mode="json"), Scope(ward="icu")
        self.rules.keep_trial(scope, content, RULE.fingerprint, {})
        self.rule = self.rules.enable(scope, content, RULE.fingerprint)
        self.notifier = notifier or Notifier()
        self.after = 0.0
        self.alarm = self.engine()

    def engine(self) -> Alarm:
        made = Alarm(self.store, self.notifier, lambda: START + timedelta(seconds=self.after))
        made.reload()
        made.resume()
        return made

    def breathe(self, values: list[float]) -> list[str]:
        """Send a reading every 10 s; return the ids of new alerts."""
        made = []
        for value in values:
            self.after += 10
            self.alarm.take(self.patient, [one(self.after, value)])
            made += self.alarm.round()
        return made

    def passed(self) -> dict[str, int]:
        """Return how many readings of the ward no rule could use, by reason."""
        self.alarm._beaten = -float("inf")
        self.alarm.round()
        return Alerts(self.store, DOCTOR, "treatment").passed("icu", START)

    def standing(self) -> list[tuple[str, str]]:
        now = START + timedelta(seconds=self.after)
        alerts = Alerts(self.store, DOCTOR, "treatment").open([self.patient])
        return [(alert.rule, alert.state(now)) for alert in alerts]


def one(second: float, value: float, channel: Channel = PROBE) -> Stretch:
    return stretch(channel, [(ticks(START) + int(second * MICROSECONDS), value)])


@pytest.fixture
def bay(tmp_path: Path) -> Iterator[Bay]:
    made = Bay(tmp_path / "home")
    yield made
    made.store.close()


def test_readings_become_an_alert_and_its_end(bay: Bay) -> None:
    assert len(bay.breathe([96, 88, 87, 86, 85])) == 1
    assert bay.standing() == [("spo2-low", "raised")]
    alert = Alerts(bay.store, DOCTOR, "treatment").open([bay.patient])[0]
    assert (alert.content["value"], alert.fingerprint) == (86, RULE.fingerprint)
    assert [value for _, value in alert.content["readings"]] == [96, 88, 87, 86]
    assert bay.breathe([97, 97, 97]) == []
    assert bay.standing() == [("spo2-low", "raised")], "red: over, but nobody has seen it"
    assert Alerts(bay.store, DOCTOR, "treatment").open([bay.patient])[0].cleared is not None


def test_a_red_alert_pages_with_bed_readings_and_shared_location(tmp_path, pager: str) -> None:
    bay = Bay(tmp_path / "home", Notifier({NURSE.id: [pager]}))
    bay.wards.share_location(bay.patient, {"text": "garden, by the pond"})
    bay.breathe([96, 88, 87, 86])
    assert bay.alarm.page() == 1
    (sent,) = Post.got
    assert sent["title"] == "红色: 血氧饱和度低 - icu 12 A"
    assert "86 %" in sent["message"]
    assert "88 (" in sent["message"]
    assert "garden, by the pond" in sent["message"]
    assert sent["type"] == "failure"
    assert bay.alarm.page() == 0
    assert {"state": "sent", "step": 1, "to": NURSE.id} in [
        dict(entry.detail) for entry in bay.store.log.entries()
    ]
    bay.store.close()


def test_a_test_reaches_a_person_in_the_own_language_and_not_twice_at_once(
    bay: Bay, pager: str
) -> None:
    pages = Pager(bay.store, Notifier({NURSE.id: [pager]}))
    assert pages.test(NURSE.id, "Li Na", "ICU") == "sent"
    (sent,) = Post.got
    assert (sent["title"], sent["type"]) == ("测试：并非报警", "info")
    assert "Li Na" in sent["message"]
    with pytest.raises(Busy):
        pages.test(NURSE.id, "Li Na", "ICU")
    assert pages.test(DOCTOR.id, "Li Na", "ICU") == "failed", "no address"


def test_who_has_no_address_is_passed_over_for_the_next(bay: Bay) -> None:
    bay.breathe([96, 88, 87, 86])
    for _ in range(6):
        bay.alarm.page()
        bay.after += 60
    assert bay.alarm.book.pages.escalate(START + timedelta(seconds=bay.after)) == 1


def test_a_restart_neither_forgets_an_alert_nor_raises_it_again(bay: Bay) -> None:
    assert len(bay.breathe([96, 88, 87, 86])) == 1
    bay.alarm = bay.engine()
    assert bay.breathe([85, 85, 85, 85]) == []
    bay.breathe([97, 97, 97])
    assert Alerts(bay.store, DOCTOR, "treatment").open([bay.patient])[0].cleared is not None


def test_a_patient_who_is_well_after_a_restart_ends_the_alert(bay: Bay) -> None:
    (name,) = bay.breathe([96, 88, 87, 86])
    bay.alarm = bay.engine()
    bay.breathe([97, 97, 97])
    assert Alerts(bay.store, DOCTOR, "treatment").find(name).cleared is not None


def test_an_alert_whose_rule_went_while_nobody_watched_is_over_at_the_start(bay: Bay) -> None:
    (name,) = bay.breathe([96, 88, 87, 86])
    bay.rules.disable(bay.rule, "limits do not suit this ward")
    bay.alarm = bay.engine()
    assert Alerts(bay.store, DOCTOR, "treatment").find(name).cleared is not None


def test_data_that_stop_are_an_alert_and_its_first_reading_ends_it(bay: Bay) -> None:
    bay.breathe([96] * 10)
    bay.after += 70
    assert len(bay.alarm.round()) == 1
    assert bay.standing() == [("no-data-probe-1", "raised")]
    bay.alarm = bay.engine()
    bay.after += 600
    assert bay.alarm.round() == [], "after a restart it stands still"
    bay.breathe([96])
    assert bay.standing() == []


def test_a_monitor_that_is_unplugged_is_one_alert_that_tells_all_its_channels(bay: Bay) -> None:
    rate = Channel("8867-4", "/min", "probe-1")
    for _ in range(10):
        bay.after += 10
        bay.alarm.take(bay.patient, [one(bay.after, 96), one(bay.after, 72, rate)])
        bay.alarm.round()
    bay.after += 70
    (name,) = bay.alarm.round()
    alerts = Alerts(bay.store, DOCTOR, "treatment")
    silent = [code for code, _, _ in alerts.find(name).content["channels"]]
    assert silent == ["59408-5", "8867-4"]
    bay.alarm.take(bay.patient, [one(bay.after, 96)])
    bay.alarm.round()
    now = alerts.find(name)
    assert [code for code, _, _ in now.content["channels"]] == ["8867-4"]
    assert now.cleared is None, "one of the two is silent still"
    bay.alarm.take(bay.patient, [one(bay.after, 72, rate)])
    bay.alarm.round()
    assert alerts.find(name).cleared is not None


def test_what_was_ended_on_purpose_is_not_missed_after_a_restart(bay: Bay) -> None:
    Streams(bay.store, DOCTOR, "treatment").put(bay.patient, [one(1, 96)])
    bay.after = 3600
    bay.alarm = bay.engine()
    (name,) = bay.alarm.round()
    Alerts(bay.store, DOCTOR, "treatment").acknowledge(name, "ended")
    bay.after = 7200
    bay.alarm = bay.engine()
    assert bay.alarm.round() == []
    bay.alarm.take(bay.patient, [one(7200, 96)])
    bay.alarm.round()
    bay.after += 3600
    assert len(bay.alarm.round()) == 1, "its next reading begins anew"


def test_a_rule_that_is_disabled_ends_its_alert(bay: Bay) -> None:
    bay.breathe([96, 88, 87, 86])
    bay.rules.disable(bay.rule, "limits do not suit this ward")
    bay.alarm.reload()
    bay.alarm.round()
    alert = Alerts(bay.store, DOCTOR, "treatment").open([bay.patient])[0]
    assert alert.cleared is not None
    bay.alarm = bay.engine()
    assert bay.breathe([85, 85, 85, 85]) == []


def test_a_reading_from_the_future_stops_no_rule(bay: Bay) -> None:
    bay.alarm.take(bay.patient, [one(10**6, 96)])
    assert len(bay.breathe([96, 88, 87, 86])) == 1
    assert bay.passed() == {"ahead": 1}


def test_a_reading_in_an_unknown_unit_is_counted(bay: Bay) -> None:
    bay.alarm.take(bay.patient, [one(1, 0.8, Channel("59408-5", "mm[Hg]", "odd"))])
    bay.alarm.round()
    assert bay.passed() == {"unit": 1}


def test_what_could_not_be_written_is_written_in_the_next_round(bay: Bay, monkeypatch) -> None:
    bay.breathe([96, 88, 87])
    beaten = bay.alarm.book.last_beat(HEARTBEAT)

    def full(*_: Any) -> None:
        raise StorageUnavailable("the disk is full", "", "")

    with monkeypatch.context() as patched:
        patched.setattr(bay.alarm.book, "note", full)
        bay.alarm._beaten = -float("inf")
        with pytest.raises(StorageUnavailable):
            bay.breathe([86])
        assert bay.alarm.book.last_beat(HEARTBEAT) == beaten, "no pulse while nothing is written"
    assert len(bay.alarm.round()) == 1


def test_the_engine_runs_in_its_threads_and_beats(bay: Bay) -> None:
    bay.alarm.start()
    for value in (96, 88, 87, 86):
        bay.after += 10
        bay.alarm.take(bay.patient, [one(bay.after, value)])
    bay.alarm.close()
    assert bay.standing() == [("spo2-low", "raised")]
    assert bay.alarm.book.last_beat(HEARTBEAT) is not None


def test_a_ward_over_its_budget_is_reported_and_nothing_is_silenced(bay: Bay) -> None:
    bay.wards.define(Ward("icu", budget=0.5))
    bay.breathe([96, 88, 87, 86])
    bay.alarm.reload()
    assert "alert-budget-exceeded" in [entry.act for entry in bay.store.log.entries()]
    assert len(bay.standing()) == 1


def test_addresses_are_kept_from_other_users(tmp_path: Path) -> None:
    assert not Notifier.of(tmp_path).reaches("dr-li")
    path = tmp_path / FILE
    path.write_text('[contact]\n"dr-li" = ["json://localhost"]\n')
    path.chmod(0o644)
    with pytest.raises(BadInput):
        Notifier.of(tmp_path)
    path.chmod(0o600)
    notifier = Notifier.of(tmp_path)
    assert notifier.services("dr-li") == ["json"]
    path.write_text('[contact]\n"dr-li" = ["ntfys://topic@host", "json://localhost"]\n')
    assert notifier.services("dr-li") == ["json", "ntfys"], "read again without a new start"
    path.write_text("[contact\n")
    assert notifier.reaches("dr-li"), "a file that cannot be used takes nobody's address away"
    path.write_text("[contact]\ndr-li = 3\n")
    with pytest.raises(BadInput):
        Notifier.of(tmp_path)
    assert Notifier({"dr-li": ["nothing"]}).send("dr-li", "a", "b", "high") == "failed"


def test_what_another_process_stored_is_watched_as_well(bay: Bay) -> None:
    streams = Streams(bay.store, DOCTOR, "treatment")
    streams.put(bay.patient, [one(1, 96)])
    bay.alarm = bay.engine()
    for second, value in ((11, 88), (21, 87), (31, 86)):
        bay.after = second
        streams.put(bay.patient, [one(second, value)])
        bay.alarm._tapped = -float("inf")
        made = bay.alarm.round()
    assert len(made) == 1
    bay.alarm._tapped = -float("inf")
    assert bay.alarm._tap.fresh(bay.alarm.watch.history) == []


def test_a_channel_that_fell_silent_while_nobody_watched_is_noticed_at_the_start(bay: Bay) -> None:
    Streams(bay.store, DOCTOR, "treatment").put(bay.patient, [one(1, 96)])
    bay.after = 3600
    bay.alarm = bay.engine()
    assert len(bay.alarm.round()) == 1


def test_what_was_stored_while_the_engine_was_down_is_caught_up_with(bay: Bay) -> None:
    bay.alarm.take(bay.patient, [one(0, 96)])
    bay.alarm.round()
    streams = Streams(bay.store, DOCTOR, "treatment")
    streams.put(bay.patient, [one(second, 85) for second in (10, 20, 30, 40)])
    bay.after = 60
    bay.alarm = bay.engine()
    assert len(bay.alarm.round()) == 1


def test_an_alert_replays_from_the_stored_readings_also_when_its_rule_is_disabled(bay) -> None:
    desk = Desk.of(bay.store, DOCTOR, "treatment")
    streams = Streams(bay.store, DOCTOR, "treatment")
    for second, value in ((10, 96), (20, 88), (30, 87), (40, 86)):
        bay.after = second
        streams.put(bay.patient, [one(second, value)])
        bay.alarm.take(bay.patient, [one(second, value)])
        made = bay.alarm.round()
    alert = desk.alerts.find(made[0])
    bay.rules.disable(bay.rule, "limits do not suit this ward")
    again = replayed(desk, alert)
    assert again is not None
    assert (again.at, again.value) == (ticks(alert.at), 86)


def test_the_watch_goes_on_whatever_one_round_meets(bay: Bay, monkeypatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(bay.alarm.watch, "take", broken)
        bay.alarm.take(bay.patient, [one(1, 96)])
        assert not bay.alarm._tried(bay.alarm.round)
    assert len(bay.breathe([96, 88, 87, 86])) == 1


def test_the_demo_enables_what_it_tried_and_only_once(bay: Bay) -> None:
    for person in (
        Person("nurse.wang", "Wang Min", "nurse"),
        Person("li.na", "Li Na", "clinician"),
    ):
        bay.store.add_person(person, "x")
    streams = Streams(bay.store, DOCTOR, "treatment")
    streams.put(bay.patient, [one(-second, 97) for second in range(0, 3600, 60)])
    for _ in range(2):
        demo_alerts.furnish(bay.store, DOCTOR, [bay.patient])
    enabled = [entry.key for entry in bay.rules.list() if entry.scope.ward == "demo"]
    assert sorted(enabled) == sorted(demo_alerts.RULES)
    assert bay.wards.list()[0].id == "demo"


WARM = Channel("8310-5", "Cel", "patch")


def test_what_cannot_be_true_is_a_notice_that_pages_nobody_and_rises_in_place(bay: Bay) -> None:
    for _ in range(2):
        bay.after += 200
        bay.alarm.take(bay.patient, [one(bay.after, 98.6, WARM)])
        bay.alarm.round()
    alerts = Alerts(bay.store, DOCTOR, "treatment")
    (notice,) = alerts.open([bay.patient])
    assert (notice.rule, notice.priority) == ("check-8310-5-patch", "low")
    assert bay.alarm.page() == 0
    bay.alarm = bay.engine()
    bay.after += 400
    bay.alarm.take(bay.patient, [one(bay.after, 98.6, WARM)])
    assert bay.alarm.round() == [], "the same notice, not a second one"
    (risen,) = alerts.open([bay.patient])
    assert (risen.id, risen.priority) == (notice.id, "medium")
    assert risen.content["name"]["zh"] == "体温：未受监测"
    assert "alert-changed" in [entry.act for entry in bay.store.log.entries()]
    assert bay.alarm.page() > 0, "now it is told"
    bay.after += 301
    bay.alarm.take(bay.patient, [one(bay.after, 36.8, WARM)])
    bay.alarm.round()
    assert alerts.find(notice.id).cleared is not None
    bay.alarm.take(bay.patient, [one(bay.after + 1, 98.6, WARM)])
    assert bay.passed() == {}, "no rule of the ward looks at temperatures"


def pulse_wave(end: float, seconds: float = 30) -> Stretch:
    """A clean pulse wave of 75 beats a minute at 100 Hz that ends at a second of the bay."""
    at = ticks(START) + np.round((end - seconds + np.arange(seconds * 100) / 100) * 1e6)
    beat = (np.arange(seconds * 100) / 100) % 0.8
    values = np.exp(-(((beat - 0.15) / 0.09) ** 2)) + 0.3 * np.exp(-(((beat - 0.42) / 0.1) ** 2))
    return Stretch(PLETH, at.astype(np.int64), values)


def asystole(bay: Bay) -> list[str]:
    """Let the monitor of the bay say asystole; return the ids of new alerts."""
    bay.alarm.take(bay.patient, [one(bay.after, 1, EVENT)])
    return bay.alarm.round()


@pytest.fixture
def monitored(bay: Bay) -> Bay:
    """A bay whose monitor's own alarms are watched."""
    rule = shipped()["asystole"]
    content = rule.model_dump(mode="json")
    bay.rules.keep_trial(Scope(), content, rule.fingerprint, {})
    bay.rules.enable(Scope(), content, rule.fingerprint)
    bay.alarm.reload()
    return bay


def test_an_asystole_that_a_pulse_contradicts_is_amber_and_red_once_nothing_does(
    monitored: Bay,
) -> None:
    bay, alerts = monitored, Alerts(monitored.store, DOCTOR, "treatment")
    bay.after = 40
    wave = pulse_wave(bay.after)
    Streams(bay.store, DOCTOR, "treatment").put(bay.patient, [wave])
    bay.alarm.take(bay.patient, [wave])
    (name,) = asystole(bay)
    alert = alerts.find(name)
    assert alert.priority == "medium"
    assert alert.content["waves"]["en"].startswith("PLETH: readable, and a heart beats in it")
    assert bay.alarm.page() == 0, "nobody is paged at once"
    bay.after += 10
    bay.alarm._climbed = -float("inf")
    assert bay.alarm.round() == [], "the same alert"
    risen = alerts.find(name)
    assert risen.priority == "high", "the wave ended: nothing contradicts it any more"
    assert bay.alarm.page() > 0


def test_an_asystole_lowered_before_a_restart_is_asked_again_after_it(monitored: Bay) -> None:
    bay, alerts = monitored, Alerts(monitored.store, DOCTOR, "treatment")
    bay.after = 40
    Streams(bay.store, DOCTOR, "treatment").put(bay.patient, [pulse_wave(bay.after)])
    bay.alarm = bay.engine()
    (name,) = asystole(bay)
    assert alerts.find(name).priority == "medium"
    bay.after += 30
    bay.alarm = bay.engine()
    bay.alarm.round()
    assert alerts.find(name).priority == "high"


def test_an_asystole_whose_rule_is_gone_does_not_come_back(monitored: Bay) -> None:
    bay, alerts = monitored, Alerts(monitored.store, DOCTOR, "treatment")
    bay.after = 40
    wave = pulse_wave(bay.after)
    Streams(bay.store, DOCTOR, "treatment").put(bay.patient, [wave])
    bay.alarm.take(bay.patient, [wave])
    (name,) = asystole(bay)
    (own,) = [one.id for one in bay.rules.list() if one.content["key"] == "asystole"]
    bay.rules.disable(own, "the monitor is replaced")
    bay.alarm.reload()
    bay.after += 30
    assert bay.alarm.round() == []
    assert alerts.find(name).cleared is not None
    assert alerts.find(name).priority == "medium"


def test_an_asystole_without_a_wave_is_red_as_it_came(monitored: Bay) -> None:
    monitored.after = 40
    (name,) = asystole(monitored)
    alert = Alerts(monitored.store, DOCTOR, "treatment").find(name)
    assert alert.priority == "high"
    assert "look at the patient" in alert.content["waves"]["en"]


def test_a_pulse_that_stopped_silences_no_asystole(monitored: Bay) -> None:
    monitored.after = 40
    wave = pulse_wave(monitored.after)
    still = Stretch(PLETH, wave.at, np.where(wave.at > wave.at[-1] - 6_000_000, 0.01, wave.values))
    Streams(monitored.store, DOCTOR, "treatment").put(monitored.patient, [still])
    monitored.alarm.take(monitored.patient, [still])
    (name,) = asystole(monitored)
    assert Alerts(monitored.store, DOCTOR, "treatment").find(name).priority == "high"


def test_a_run_that_was_under_way_at_a_restart_is_not_begun_anew(bay: Bay) -> None:
    streams = Streams(bay.store, DOCTOR, "treatment")
    streams.put(bay.patient, [one(10, 96)])
    bay.after = 10
    bay.alarm = bay.engine()
    for second in (20, 30):
        bay.after = second
        streams.put(bay.patient, [one(second, 85)])
        bay.alarm.take(bay.patient, [one(second, 85)])
        bay.alarm._beaten = -float("inf")
        assert bay.alarm.round() == []
    streams.put(bay.patient, [one(40, 85)])
    bay.after = 45
    bay.alarm = bay.engine()
    assert len(bay.alarm.round()) == 1, "the third reading completes the run of the first two"


def test_an_alert_that_was_over_before_a_restart_is_not_raised_by_the_same_readings(bay) -> None:
    streams = Streams(bay.store, DOCTOR, "treatment")
    made = []
    for second, value in enumerate((96, 85, 85, 85, 97, 97, 97), start=1):
        bay.after = 10 * second
        streams.put(bay.patient, [one(bay.after, value)])
        bay.alarm.take(bay.patient, [one(bay.after, value)])
        made += bay.alarm.round()
    assert len(made) == 1
    bay.after += 5
    bay.alarm = bay.engine()
    assert bay.alarm.round() == []
    assert not any(bay.alarm.watch.passed_over.values())


EXPORT = Channel("59408-5", "%", "a-watch")
YEAR = 365 * 86_400


def imported(bay: Bay, seconds: list[int], value: float) -> None:
    """Store what an export holds, as the import does, and let the engine look."""
    readings = [(ticks(START) + second * MICROSECONDS, value) for second in seconds]
    Streams(bay.store, DOCTOR, "treatment").put(bay.patient, [stretch(EXPORT, readings)])
    bay.alarm._tapped = -float("inf")


def test_an_imported_export_of_last_year_pages_nobody_and_a_dry_run_sees_it(bay: Bay) -> None:
    months = [day * 86_400 for day in (-365, -300, -30)]
    imported(bay, [day + second for day in months for second in range(0, 600, 10)], 80)
    assert bay.alarm.round() == []
    assert bay.passed() == {}
    bay.after = 30 * 3600
    assert bay.alarm.round() == [], "nobody waits for more of an export"
    bay.alarm = bay.engine()
    assert bay.alarm.round() == [], "nor after a restart"
    assert bay.standing() == []
    desk = Desk.of(bay.store, DOCTOR, "treatment")
    found = tried(desk, RULE, Scope(patient=bay.patient), 90, START).found
    assert found.rule.alerts == 1


def test_readings_of_the_last_minutes_in_an_import_count(bay: Bay) -> None:
    imported(bay, [*range(-YEAR, -YEAR + 600, 10), *range(-600, -500, 10)], 85)
    assert len(bay.alarm.round()) == 1


def test_what_a_gateway_sends_after_ten_minutes_away_counts(bay: Bay) -> None:
    bay.breathe([96, 96, 96])
    bay.after += 600
    gathered = [(ticks(START) + (40 + 10 * k) * MICROSECONDS, 85.0) for k in range(60)]
    bay.alarm.take(bay.patient, [stretch(PROBE, gathered)])
    assert len(bay.alarm.round()) == 1


def test_what_a_gateway_sends_after_hours_away_is_counted_and_raises_nothing(bay: Bay) -> None:
    bay.breathe([96, 96, 96])
    bay.after += 3 * 3600
    gathered = [(ticks(START) + (40 + 10 * k) * MICROSECONDS, 85.0) for k in range(60)]
    bay.alarm.take(bay.patient, [stretch(PROBE, gathered)])
    assert bay.alarm.round() == []
    assert bay.passed() == {"old": 60}


def test_a_monitor_whose_clock_is_behind_is_noticed_and_the_notice_ends(bay: Bay) -> None:
    alerts, lag = Alerts(bay.store, DOCTOR, "treatment"), 5 * 3600
    made = []
    for _ in range(8):
        bay.after += 60
        bay.alarm.take(bay.patient, [one(bay.after - lag, 85)])
        made += bay.alarm.round()
    (name,) = made
    notice = alerts.find(name)
    assert (notice.rule, notice.priority) == ("check-clock-probe-1", "medium")
    assert notice.content["reason"]["en"].startswith("its readings arrive 5 h after the times")
    bay.alarm = bay.engine()
    bay.after += 60
    bay.alarm.take(bay.patient, [one(bay.after, 96)])
    bay.alarm.round()
    assert alerts.find(name).cleared is not None
