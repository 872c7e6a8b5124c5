"""The viewer of an ECG and its API: the right window, the right beats, and only for whom it may."""

from __future__ import annotations

import json
import re
from html import unescape
from urllib.parse import parse_qs

import ecg_scene
import numpy as np
import pytest
from desk import Desk, api

from suwen.server.ecg.told import place_of
from suwen.server.pages.ecg import window_of

MINUTE = 60.0


@pytest.fixture(scope="module")
def recorded(clinic):
    return ecg_scene.furnish(clinic, clinic.patient)


@pytest.fixture(scope="module")
def doctor(clinic, recorded):
    return api(clinic, "dr.lin")


def ask(doctor, clinic, path, record, **query):
    answer = doctor.get(
        f"/api/cases/{clinic.patient}/ecg{path}", params={"record": record, **query}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_outline_tells_rate_beats_fibrillation_and_what_was_lost(clinic, recorded, doctor):
    found = ask(doctor, clinic, "", recorded.holter)
    assert found["seconds"] == 1800
    assert [one["name"] for one in found["leads"]] == ["II", "V1"]
    assert found["beats"]
    assert found["classes"]
    counts = found["counts"]
    assert (counts["v"], counts["s"], counts["run"], counts["af"]) == (5, 1, 1, 1)
    assert found["lanes"]["af"] == [[1200, 1500]]
    assert found["lanes"]["gap"] == [[600, 640]]
    middle = [one for one in found["rate"]["middle"] if one]
    assert np.median(middle) == pytest.approx(75, abs=1)
    lost = [at for at, one in zip(found["rate"]["at"], found["rate"]["middle"], strict=True)
            if one is None]  # fmt: skip
    assert lost
    assert all(595 < at < 645 for at in lost)


def test_a_short_window_has_every_sample_and_its_beats_by_class(clinic, recorded, doctor):
    at = float(recorded.table.at[recorded.table.kind == 1][0])
    found = ask(doctor, clinic, "/window", recorded.holter, start=at - 5, end=at + 5)
    assert found["exact"]
    assert len(found["values"]) == 10 * ecg_scene.RATE
    assert sorted(one["kind"] for one in found["beats"])[-1] == "S"
    assert found["beats_inside"] == len(found["beats"])
    assert found["quality"] > 0.5
    assert re.search(r"10:0\d:\d\d.\d to 10:0\d:\d\d.\d; beats: N \d+ S 1; heart rate 7\d/min",
                     found["words"].replace(found["words"][:2], "10")), found["words"]  # fmt: skip


def test_a_long_window_keeps_what_stands_out_in_few_columns(clinic, recorded, doctor):
    found = ask(doctor, clinic, "/window", recorded.holter, start=0, end=1800, columns=300)
    assert len(found["at"]) <= 604
    assert not found["exact"]
    assert max(found["values"]) > 1.2
    assert found["beats"] == []
    assert found["beats_inside"] > 2000
    assert found["quality"] is None


def test_margins_are_there_before_the_reader_moves(clinic, recorded, doctor):
    query = {"start": 100, "end": 110, "margin": 1, "columns": 5000}
    found = ask(doctor, clinic, "/window", recorded.holter, lead=1, **query)
    assert (found["at"][0], found["at"][-1]) == (90, pytest.approx(120, abs=0.01))
    assert found["beats"][0]["at"] < query["start"]
    assert found["beats"][-1]["at"] > query["end"]
    assert found["beats_inside"] < len(found["beats"])
    early = ask(doctor, clinic, "/window", recorded.holter, start=0, end=10, margin=1, columns=5000)
    assert early["at"][0] == 0


def test_next_and_previous_go_round(clinic, recorded, doctor):
    wide = recorded.table.at[recorded.table.kind == 2]

    def go(at, back=False, kind="v"):
        found = ask(doctor, clinic, "/event", recorded.holter, kind=kind, at=at, back=back)
        return found["number"], found["start"], found["words"]

    first, second = go(0), go(wide[0])
    assert first[:2] == (1, pytest.approx(wide[0], abs=1e-3))
    assert second[:2] == (2, pytest.approx(wide[1], abs=1e-3))
    assert go(wide[-1])[0] == 1, "behind the last the first comes again"
    assert go(wide[0], back=True)[0] == 5
    assert "Ventricular beat (V) 1 of 5" in first[2]
    assert "3 beats" in go(0, kind="run")[2]
    assert "/min over 8 intervals" in go(0, kind="slowest")[2]
    assert go(0, kind="af")[1] == 1200


def test_what_is_not_there_is_said(clinic, recorded, doctor):
    base = f"/api/cases/{clinic.patient}/ecg"
    asked = {"record": recorded.holter}
    assert doctor.get(f"{base}/event", params={**asked, "kind": "f"}).status_code == 404
    assert doctor.get(f"{base}/event", params={**asked, "kind": "x"}).status_code == 422
    for query in ({"lead": 9}, {"start": 9, "end": 9}, {"start": 5000, "end": 5001}):
        assert doctor.get(f"{base}/window", params={**asked, **query}).status_code == 422
    for record in ("Observation/none/_history/1", f"Patient/{clinic.patient}", "nothing"):
        answer = doctor.get(base, params={"record": record})
        assert answer.status_code in (404, 422), (record, answer.text)


def test_a_strip_of_a_watch_has_beats_without_classes(clinic, recorded, doctor):
    found = ask(doctor, clinic, "", recorded.watch)
    assert (found["beats"], found["classes"]) == (True, False)
    near = ask(doctor, clinic, "/window", recorded.watch, start=0, end=30)
    assert {one["kind"] for one in near["beats"]} == {""}
    assert len(near["beats"]) > 25
    assert f"beats: {len(near['beats'])}; heart rate" in near["words"], "none is called normal"
    assert None not in found["rate"]["middle"], "each part is long enough for a beat"


def test_nobody_outside_the_care_team_reads_it_and_each_reading_is_logged(clinic, recorded, doctor):
    other = api(clinic, "dr.other")
    for path in ("", "/window", "/event"):
        query = {"record": recorded.holter, "kind": "v"}
        answer = other.get(f"/api/cases/{clinic.patient}/ecg{path}", params=query)
        assert answer.status_code == 403, path
    other.close()

    def reads():
        found = clinic.store.log.entries(patient=clinic.patient)
        return sum(one.act == "read" and one.subject == recorded.holter for one in found)

    before = reads()
    ask(doctor, clinic, "/window", recorded.holter, start=0, end=10)
    ask(doctor, clinic, "/window", recorded.holter, start=10, end=20)
    assert reads() == before + 2, "what is kept ready is not read unseen"


def test_the_page_opens_where_a_finding_rests(clinic, recorded):
    desk = Desk(clinic, "dr.lin", "zh")
    case = f"/cases/{clinic.patient}"
    page = desk.get(
        f"{case}/ecg", params={"record": recorded.holter, "start": 716, "end": 726}
    ).text
    told = json.loads(unescape(re.search(r'data-ecg="([^"]*)"', page)[1]))
    assert (told["start"], told["end"], told["lead"]) == (716, 726, 0)
    assert "连续 3 个室性搏动" in page
    assert "心电查看器" in page
    assert "<script>" not in page
    link = re.search(r'<a href="(\?record=[^"]*)">[^<]*连续 3 个', page)[1]
    assert desk.get(f"{case}/ecg{unescape(link)}").status_code == 200
    panel = desk.get(case).text
    assert f"{case}/ecg?record=" in panel, "evidence opens the viewer"
    assert desk.get(f"{case}/ecg?record=Observation/none/_history/1").status_code == 404
    desk.http.close()


def test_a_case_without_recordings_says_so(clinic, recorded):
    import scene

    desk = Desk(clinic, "dr.lin")
    empty = scene.admit(clinic, "Zhao, Min", "1960-01-01", "T-9")
    assert "holds no recording" in desk.get(f"/cases/{empty}/ecg").text
    desk.http.close()


def test_a_window_lies_in_the_recording_and_a_place_has_room_around_it():
    assert window_of((None, None), 1800) == (0, 10)
    assert window_of((None, None), 4) == (0, 4)
    assert window_of((100, 104), 1800) == (100, 104)
    assert window_of((100, 100.2), 1800) == (100, 101)
    assert window_of((1795, 1805), 1800) == (1790, 1800)
    assert window_of((50, 20), 1800) == (50, 60)
    assert window_of((0, 1e6), 1800) == (0, 1800)
    places = {(100, 101): (95.5, 105.5), (0.2, 0.4): (0, 9.8), (100, 4000): (100, 160)}
    for place, shown in places.items():
        asked = parse_qs(place_of("Observation/1", *place))
        assert (float(asked["start"][0]), float(asked["end"][0])) == pytest.approx(shown), place


def test_a_clinician_corrects_a_beat_and_all_that_counts_it_follows(clinic, recorded, doctor):
    desk = Desk(clinic, "dr.lin", "zh")
    case = f"/cases/{clinic.patient}"
    address = f"{case}/ecg/events"
    page = desk.get(address, params={"record": recorded.holter, "kind": "s"})
    assert page.text.count('<article class="event') == 1
    assert "检出 1 个；已确认 0 个，已否定 0 个" in page.text
    at = re.search(r'name="start" value="([\d.]+)"', page.text)[1]
    form = {"record": recorded.holter, "kind": "s", "start": at}
    made = desk.post(address, **form, act="N", version="0")
    assert made.status_code == 200
    assert "改为：正常" in made.text
    assert "检出 1 个；已确认 0 个，已否定 1 个" in made.text
    assert "Dr Lin Wei" in made.text
    assert ask(doctor, clinic, "", recorded.holter)["counts"]["s"] == 0
    again = desk.post(address, **form, act="accepted", version="0")
    assert again.status_code == 409, "somebody judged it since"
    made = desk.post(address, **form, act="accepted", version="1")
    assert "已确认" in made.text
    assert ask(doctor, clinic, "", recorded.holter)["counts"]["s"] == 1
    panel = desk.get(case).text
    assert "室上性搏动（S）：已确认 1 个，已否定 0 个" in panel
    assert f'href="{address}?record=' in panel
    log = [one for one in clinic.store.log.entries(patient=clinic.patient)
           if one.act in ("edited", "accepted") and one.detail.get("kind") == "s"]  # fmt: skip
    assert [(one.act, one.detail["class"]) for one in log] == [("edited", "N"), ("accepted", "")]
    assert log[0].detail["finding"]
    for wrong in ({"start": "1.0"}, {"act": "X"}, {"kind": "noise"}):
        answer = desk.post(address, **{**form, "act": "accepted", "version": "2", **wrong})
        assert answer.status_code in (404, 422), wrong
    desk.http.close()


def test_a_judgement_makes_no_report_look_old(clinic, recorded):
    desk = Desk(clinic, "dr.lin")
    page = desk.get(f"/cases/{clinic.patient}/ecg/events", params={"record": recorded.holter})
    at = re.search(r'name="start" value="([\d.]+)"', page.text)[1]
    before = desk.get(f"/cases/{clinic.patient}").text
    form = {"record": recorded.holter, "kind": "v", "start": at, "version": "0"}
    assert desk.post(f"/cases/{clinic.patient}/ecg/events", **form, act="accepted").is_success
    after = desk.get(f"/cases/{clinic.patient}").text
    told = "newer records since"
    assert told not in before
    assert told not in after
    desk.http.close()
