"""The ECG a device streams stands in the viewer: who sees it, what is kept of it, what ends it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import quote

import ecg_scene
import numpy as np
import pytest
import scene
from desk import Desk, api

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.nouns import Band, Finding, Interval, Measure, TimeInterval
from suwen.health.beats.streamed import PREFIX
from suwen.health.signals.tables import BeatTable, beats_attachment
from suwen.records.streams.door import Door
from suwen.records.streams.retention import Retention, thin
from suwen.records.streams.seen import Streams
from suwen.server.case.recording import Choice
from suwen.server.pages.ecg import NEWEST, _links


@pytest.fixture(scope="module")
def streamed(clinic):
    return ecg_scene.stream(clinic, clinic.patient)


@pytest.fixture(scope="module")
def doctor(clinic):
    with api(clinic, "dr.lin") as program:
        yield program


def ask(doctor, clinic, streamed, path="", **query):
    query = {"record": streamed.record, **query}
    answer = doctor.get(f"/api/cases/{clinic.patient}/ecg{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_chunks_are_one_recording_with_its_gap_leads_and_beats(clinic, streamed, doctor):
    found = ask(doctor, clinic, streamed)
    assert [one["name"] for one in found["leads"]] == ["I", "II"]
    assert found["seconds"] == pytest.approx(ecg_scene.STRAP_S, abs=0.01)
    assert datetime.fromisoformat(found["start"]) == streamed.began
    assert found["lanes"]["gap"] == [list(ecg_scene.NOT_SENT)]
    assert found["lanes"]["motion"] == [list(ecg_scene.WALKED)]
    assert (found["beats"], found["classes"]) == (True, False)
    near = ask(doctor, clinic, streamed, "/window", lead=1, start=28, end=42, columns=5000)
    lost = [at for at, one in zip(near["at"], near["values"], strict=True) if one is None]
    assert (min(lost), max(lost)) == pytest.approx(ecg_scene.NOT_SENT, abs=0.02)
    beats = streamed.beats[(streamed.beats > 28) & (streamed.beats < 42)]
    sent = (beats < ecg_scene.NOT_SENT[0]) | (beats > ecg_scene.NOT_SENT[1])
    assert near["beats_inside"] == pytest.approx(sent.sum(), abs=1)
    few = ask(doctor, clinic, streamed, "/window", lead=1, start=0, end=80, columns=100)
    assert len(few["at"]) <= 204
    assert max(one for one in few["values"] if one is not None) > 0.9, "each R wave is seen"


def test_how_the_bearer_moved_is_told_as_any_other_reading(clinic, streamed, doctor):
    query = {"start": streamed.began.isoformat(), "end": datetime.now(UTC).isoformat()}
    address = f"/api/cases/{clinic.patient}/streams/omh:acceleration.mad"
    (told,) = doctor.get(address, params=query).json()
    moved = [
        ms / 1000 - streamed.began.timestamp()
        for ms, value in zip(told["ms"], told["values"], strict=True)
        if value > 29
    ]
    assert moved == [ecg_scene.WALKED[0], ecg_scene.WALKED[0] + 5]
    assert set(told["states"]) == {""}


def test_only_the_care_team_sees_it_and_the_opening_is_logged(clinic, streamed, doctor):
    other = api(clinic, "dr.other")
    for path in ("", "/window", "/event"):
        query = {"record": streamed.record, "kind": "v"}
        answer = other.get(f"/api/cases/{clinic.patient}/ecg{path}", params=query)
        assert answer.status_code == 403, path
    other.close()
    ask(doctor, clinic, streamed)
    acts = [one.act for one in clinic.store.log.entries(patient=clinic.patient)]
    assert "streams-opened" in acts


def test_a_run_of_nobody_is_no_recording(clinic, streamed, doctor):
    base = f"/api/cases/{clinic.patient}/ecg"
    first = streamed.record.rpartition("/")[2]
    for wrong in (f"{PREFIX}strap-9/{first}", f"{PREFIX}{ecg_scene.STRAP}/1-2", f"{PREFIX}x"):
        assert doctor.get(base, params={"record": wrong}).status_code == 404, wrong


def test_the_page_lists_it_and_an_alarm_leads_to_its_moment(clinic, streamed, doctor):
    at = streamed.began + timedelta(seconds=ecg_scene.ALARM_S)
    desk = Desk(clinic, "dr.lin", "zh")
    page = unescape(desk.get(f"/cases/{clinic.patient}/ecg?at={quote(at.isoformat())}").text)
    assert f'"record": "{streamed.record}"' in page
    assert '"start": 52.0' in page
    assert "心搏停止" in page
    assert "可判读的信号未与之矛盾" in page
    assert "设备记录" in page
    assert f"/cases/{clinic.patient}/ecg/events" not in page, "nothing can be judged there"
    paper = desk.get(f"/cases/{clinic.patient}/strips", params={"record": streamed.record})
    assert "1:20" in paper.text
    assert "心搏停止" in paper.text
    answer = desk.get(f"/cases/{clinic.patient}/ecg/events", params={"record": streamed.record})
    assert answer.status_code == 404
    console = desk.get("/alerts").text
    assert f"/cases/{clinic.patient}/ecg?at=" in console
    desk.http.close()


def told(record: str, table: BeatTable) -> Finding:
    return Finding(
        task="health.ecg_beats",
        pack="health.ecg_beats@1+" + "0" * 64,
        code=Code(system=f"{SUWEN}/codes", code="ectopic-beats",
                  name=Text(en="Ectopic beats", zh="异位搏动")),
        band=Band.GREY,
        measures=(Measure(code=Code(system=SUWEN, code="v", name=Text(en="V", zh="室性")),
                          interval=Interval(value=1, low=1, high=1), unit="1"),),
        evidence=(TimeInterval(record=record, start=2.0, end=4.0),),
        attachments=(beats_attachment(table),),
    )  # fmt: skip


def test_a_kept_part_is_answered_and_its_findings_stand_in_the_stream(clinic, streamed, doctor):
    desk = Desk(clinic, "dr.lin")
    base = f"/cases/{clinic.patient}/ecg"
    form = {"record": streamed.record, "start": "45", "end": "75"}
    again = [desk.post(f"{base}/keep", htmx=False, **form) for _ in range(2)]
    assert [one.status_code for one in again] == [303, 303]
    (address,) = {one.headers["location"] for one in again}
    kept = re.search(r"record=(DocumentReference[^&]+)", address)[1].replace("%2F", "/")
    page = unescape(desk.get(address).text)
    assert '"seconds": 30.0' in page
    assert "All events" in page
    assert "?record=Observation" not in page, "how somebody moved is no recording to look at"
    told_of = clinic.access().search("Observation", clinic.patient, code="omh:acceleration.mad")
    assert len(told_of) == 1, "what its accelerometer told stands beside it, once"
    table = BeatTable(np.array([3.0, 9.0]), np.array([2, 0]), np.array([0.9, 0.9]))
    finding = told(kept, table)
    clinic.access().put_blobs(clinic.patient, [(finding.attachments[0].data, "text/csv")])
    scene.report_on(clinic, clinic.patient, [finding])
    found = ask(doctor, clinic, streamed)
    assert found["counts"]["v"] == 1
    event = ask(doctor, clinic, streamed, "/event", kind="v")
    assert event["start"] == pytest.approx(48.0, abs=0.01)
    stream = unescape(desk.get(base, params={"record": streamed.record}).text)
    assert "Ectopic beats" in stream
    assert "In the record" in stream
    short = desk.post(f"{base}/keep", htmx=False, **{**form, "end": "46"})
    assert short.status_code == 422
    nurse = Desk(clinic, "dr.other")
    denied = nurse.post(f"{base}/keep", htmx=False, **form)
    assert denied.status_code == 403
    for one in (desk, nurse):
        one.http.close()


def test_a_recording_that_went_on_is_read_from_where_it_was(clinic, streamed, doctor, monkeypatch):
    ask(doctor, clinic, streamed)
    read = []
    plain = Streams.read_channel

    def counted(self, patient, channel, start, end):
        found = plain(self, patient, channel, start, end)
        read.append((channel.code, len(found)))
        return found

    monkeypatch.setattr(Streams, "read_channel", counted)
    went = streamed.began + timedelta(seconds=ecg_scene.STRAP_S)
    more = ecg_scene.chunk(streamed.token, np.full(2500, 0.5), went)
    Door(clinic.store).receive([more])
    longer = streamed.record.rpartition("-")[0] + f"-{round(went.timestamp() * 1e6) + 9_996_000}"
    query = {"record": longer, "lead": 1, "start": 70, "end": 90, "columns": 5000}
    found = doctor.get(f"/api/cases/{clinic.patient}/ecg/window", params=query).json()
    waves = [count for code, count in read if code.startswith("1313")]
    assert waves == [2500, 2500], "ten new seconds of two leads, not ninety"
    assert found["values"][-1] == 0.5
    assert None not in found["values"]


def test_of_many_recordings_the_newest_stand_there_and_the_others_behind_a_word():
    known = [Choice(f"Observation/{k}/_history/1", str(k)) for k in range(NEWEST + 2)]
    known += [Choice(f"{PREFIX}w/{k}-{k + 1}", f"w{k}") for k in range(1, NEWEST + 2)]
    found = _links(known, known[0].reference)
    assert [one.words for one in found["older"]] == ["0", "1"]
    assert [one.here for one in found["older"]] == [True, False]
    assert len(found["recordings"]) == len(found["streamed"]) == NEWEST
    assert found["streamed"][0].words == f"w{NEWEST + 1}", "of devices the newest first"
    assert [one.words for one in found["earlier"]] == ["w1"]


def test_what_was_thinned_is_no_recording_any_more(clinic, streamed, doctor):
    ask(doctor, clinic, streamed)
    later = ecg_scene.chunk(streamed.token, np.zeros(ecg_scene.STRAP_RATE), datetime.now(UTC))
    Door(clinic.store).receive([later])
    thin(clinic.store, Retention(raw_days=1), "test")
    base = f"/api/cases/{clinic.patient}/ecg"
    answer = doctor.get(base, params={"record": streamed.record})
    assert answer.status_code == 404, "what was kept ready is not shown either"
