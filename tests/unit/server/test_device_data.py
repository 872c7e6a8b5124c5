"""Files of devices sent for a patient: sealed, read, told of; by the patient or the care team."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
import scene
from desk import Desk, api

from suwen.app.importing import Importing
from suwen.records import Person
from suwen.records.streams.seen import Streams
from suwen.records.uploads import FOLDER, Uploads
from suwen.server.sent.exports import zones

CUFF = (
    "code,time,value,unit\n"
    "8480-6,2026-03-01T08:00:00+08:00,128,mm[Hg]\n"
    "8462-4,2026-03-01T08:00:00+08:00,80,mm[Hg]\n"
    "8867-4,2026-03-01T08:00:00+08:00,900,/min\n"
)
NO_ZONE = "time,heart rate (/min)\n2026-03-01 08:00,72\n2026-03-01 09:00,74\n"
NO_UNIT = "time,name,value\n2026-03-01T08:00:00Z,glucose,5.4\n2026-03-01T09:00:00Z,glucose,6.1\n"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[scene.Clinic]:
    clinic = scene.open_clinic(tmp_path_factory.mktemp("house") / "home")
    yield clinic
    clinic.store.close()


@pytest.fixture
def reading(house: scene.Clinic, request: pytest.FixtureRequest) -> scene.Clinic:
    """The clinic with a patient of the test's own; its jobs really read what is sent."""
    house.patient = scene.admit(house, number=request.node.name)
    work = Importing(house.store)
    house.jobs.work = lambda payload: work(payload, lambda _, function, given: function(given))
    return house


@pytest.fixture
def at_home(reading: scene.Clinic) -> Iterator[Desk]:
    """The patient's own account."""
    name = f"home.{reading.patient[-8:]}"
    own = Person(name, "Li Na", "patient", patient=reading.patient)
    reading.store.add_person(own, scene.QUICK.hash(scene.PASSWORD))
    desk = Desk(reading, name)
    yield desk
    desk.http.close()


def send(desk: Desk, patient: str, **files: str | bytes) -> Any:
    address = f"/cases/{patient}/device-data"
    csrf = re.search(r'name="csrf" content="([^"]+)"', desk.get("/").text or "") or re.search(
        r'name="csrf" content="([^"]+)"', desk.get(f"/cases/{patient}/home").text
    )
    parts = [("files", (name.replace("_", "."), data)) for name, data in files.items()]
    headers = {"HX-Request": "true", "X-CSRF-Token": csrf[1] if csrf else ""}
    return desk.http.post(address, files=parts, headers=headers)


def result(desk: Desk, answer: Any) -> str:
    assert answer.status_code == 201, answer.text
    return re.sub(r"\s+", " ", desk.get(answer.headers["HX-Redirect"]).text)


def zipped(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_", "."), text)
    return out.getvalue()


def test_a_patient_sends_a_cuffs_readings_from_home_and_reads_what_came_of_them(
    at_home: Desk, reading: scene.Clinic
):
    home = at_home.get(f"/cases/{reading.patient}/home").text
    assert f'href="/cases/{reading.patient}/device-data"' in home
    told = result(at_home, send(at_home, reading.patient, cuff_csv=CUFF))
    assert '<dd data-new="2">2</dd>' in told
    assert "Systolic blood pressure" in told
    assert "1 × Heart rate: not possible" in told
    assert "cuff.csv, value 3" in told
    assert "What to do: check the unit and the sensor there" in told
    again = result(at_home, send(at_home, reading.patient, cuff_csv=CUFF))
    assert '<dd data-new="0">0</dd>' in again
    assert "Known already</dt><dd>2</dd>" in again
    assert "128" in at_home.get(f"/cases/{reading.patient}/home?period=all").text


def test_files_in_an_archive_are_read_and_what_nobody_knows_is_named(
    at_home: Desk, reading: scene.Clinic
):
    data = zipped(cuff_csv=CUFF, licence_txt="Some words\nof a licence\n")
    told = result(at_home, send(at_home, reading.patient, export_zip=data))
    assert '<dd data-new="2">2</dd>' in told
    assert "export.zip/licence.txt" in told


def test_a_file_nobody_knows_is_refused_with_what_is_taken(at_home: Desk, reading: scene.Clinic):
    told = result(at_home, send(at_home, reading.patient, photo_jpg=b"\xff\xd8\xff\xe0 a picture"))
    assert "No file that is a known export of a device." in told
    assert "Expected: one of Apple Health, Garmin FIT, CSV" in told


def test_local_times_are_asked_for_their_zone_and_then_read(at_home: Desk, reading: scene.Clinic):
    answer = send(at_home, reading.patient, watch_csv=NO_ZONE)
    told = result(at_home, answer)
    assert "These files give times without their zone: watch.csv" in told
    assert '<dd data-new="0">0</dd>' in told
    address = answer.headers["HX-Redirect"]
    home = f"/cases/{reading.patient}/home"
    assert f'href="{address}"' in at_home.get(home).text, "and home tells of the question"
    refused = at_home.post(f"{address}/answers", zone="Nowhere/City")
    assert "An unknown time zone." in refused.text
    done = at_home.post(f"{address}/answers", htmx=False, zone="Asia/Shanghai")
    assert done.status_code == 303
    read = re.sub(r"\s+", " ", at_home.get(done.headers["location"]).text)
    assert '<dd data-new="2">2</dd>' in read
    assert "Times without a zone were read as Asia/Shanghai" in read
    streams = Streams(reading.store, scene.CLINICIAN, "treatment")
    (latest,) = (one for one in streams.latest(reading.patient) if one.channel.code == "8867-4")
    assert latest.at.isoformat() == "2026-03-01T01:00:00+00:00"
    assert "Answered already" in at_home.get(address).text
    assert "need an answer" not in at_home.get(home).text
    assert at_home.post(f"{address}/answers", zone="Europe/Paris").status_code == 409


def test_values_without_a_unit_are_asked_for_it(at_home: Desk, reading: scene.Clinic):
    answer = send(at_home, reading.patient, meter_csv=NO_UNIT)
    told = result(at_home, answer)
    assert "2 without a unit. Which one is it?" in told
    address = answer.headers["HX-Redirect"]
    done = at_home.post(f"{address}/answers", htmx=False, **{"unit-glucose": "mmol/l"})
    assert '<dd data-new="2">2</dd>' in at_home.get(done.headers["location"]).text


def test_files_whose_question_nobody_answers_can_be_removed(at_home: Desk, reading: scene.Clinic):
    answer = send(at_home, reading.patient, watch_csv=NO_ZONE)
    folder = reading.settings.home / FOLDER / reading.patient
    assert len(list(folder.iterdir())) == 1
    at_home.post(f"{answer.headers['HX-Redirect']}/remove", htmx=False)
    assert list(folder.iterdir()) == []


def test_nothing_sent_lies_on_disk_in_the_clear_and_nothing_stays_after_reading(
    at_home: Desk, reading: scene.Clinic
):
    seen: list[bytes] = []
    work = reading.jobs.work

    def looking(payload: Any) -> Any:
        folder = reading.settings.home / FOLDER / reading.patient
        seen.extend(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        return work(payload)

    reading.jobs.work = looking
    send(at_home, reading.patient, cuff_csv=CUFF)
    assert len(seen) == 2, "the file and its name"
    assert not any(word in b"".join(seen) for word in (b"8480-6", b"cuff.csv"))
    assert not list((reading.settings.home / FOLDER / reading.patient).iterdir())


def test_a_file_over_the_limit_is_one_clear_error_and_leaves_nothing(
    at_home: Desk, reading: scene.Clinic
):
    small = reading.settings.model_copy(update={"max_upload_mb": 1})
    clinic = scene.Clinic(reading.store, small, reading.jobs, reading.patient)
    desk = Desk(clinic, scene.CLINICIAN.id)
    refused = send(desk, reading.patient, big_csv=b"x" * (1024 * 1024 + 1))
    assert refused.status_code == 413
    assert "File 1 is too large" in refused.text
    assert "at most 1 MiB each" in refused.text
    assert not list((reading.settings.home / FOLDER / reading.patient).iterdir())
    desk.http.close()


def test_nobody_sends_for_a_stranger(at_home: Desk, reading: scene.Clinic):
    other = scene.admit(reading, "Chen, Yu", "1970-01-01", "T-9")
    assert send(at_home, other, cuff_csv=CUFF).status_code == 403
    assert at_home.get(f"/cases/{other}/device-data").status_code == 403
    stranger = Desk(reading, scene.OTHER.id)
    assert send(stranger, reading.patient, cuff_csv=CUFF).status_code == 403
    stranger.http.close()
    administrator = Desk(reading, scene.ADMINISTRATOR.id)
    assert administrator.get(f"/cases/{reading.patient}/device-data").status_code == 403
    administrator.http.close()
    assert not (reading.settings.home / FOLDER / other).exists()


def test_the_care_team_sends_and_sees_what_the_patient_sent(at_home: Desk, reading: scene.Clinic):
    send(at_home, reading.patient, cuff_csv=CUFF)
    desk = Desk(reading, scene.CLINICIAN.id, "zh")
    listed = desk.get(f"/cases/{reading.patient}/device-data").text
    assert "cuff.csv" in listed
    assert "新增 2 条读数" in listed
    told = result(desk, send(desk, reading.patient, cuff_csv=CUFF))
    assert "数值不可能" in told
    acts = [one.act for one in reading.store.log.entries(patient=reading.patient)]
    assert acts.count("upload-received") == 2
    assert acts.count("upload-read") == 2
    desk.http.close()


def test_what_broke_off_on_its_way_is_not_kept(at_home: Desk, reading: scene.Clinic):
    address = f"/cases/{reading.patient}/device-data"
    csrf = re.search(r'name="csrf" content="([^"]+)"', at_home.get(address).text)
    body = (
        b'--cut\r\nContent-Disposition: form-data; name="files"; filename="a.csv"\r\n\r\n'
        + CUFF.encode()
    )
    headers = {
        "Content-Type": "multipart/form-data; boundary=cut",
        "X-CSRF-Token": csrf[1] if csrf else "",
        "HX-Request": "true",
    }
    refused = at_home.http.post(address, content=body, headers=headers)
    assert refused.status_code == 422
    assert "broke off before their end" in refused.text
    assert not list((reading.settings.home / FOLDER / reading.patient).iterdir())


def test_an_account_is_gone_with_the_patients_key(at_home: Desk, reading: scene.Clinic):
    answer = send(at_home, reading.patient, watch_csv=NO_ZONE)
    uploads = Uploads(reading.store, scene.CLINICIAN, "treatment")
    job = answer.headers["HX-Redirect"].rpartition("/")[2]
    assert uploads.told(reading.patient, reading.jobs.known[job].told)["sent"] == ["watch.csv"]
    reading.store.administer(scene.ADMINISTRATOR).destroy_patient(reading.patient, "asked for it")
    assert not (reading.settings.home / FOLDER / reading.patient).exists()
    assert at_home.get(answer.headers["HX-Redirect"]).status_code == 410


def test_a_program_sends_asks_and_answers_the_same_way(reading: scene.Clinic):
    program = api(reading, scene.CLINICIAN.id)
    address = f"/api/cases/{reading.patient}/device-data"
    sent = program.post(address, files=[("files", ("watch.csv", NO_ZONE))])
    assert sent.status_code == 202, sent.text
    first = sent.json()
    assert first["asks"]
    assert first["account"]["questions"] == {"zone": ["watch.csv"]}
    again = program.post(f"{address}/{first['id']}/answers", json={"zone": "Asia/Shanghai"}).json()
    assert (again["asks"], again["account"]["stored"]) == (False, 2)
    assert [one["id"] for one in program.get(address).json()] == [again["id"], first["id"]]
    stranger = api(reading, scene.OTHER.id)
    assert stranger.get(f"{address}/{first['id']}").status_code == 403
    program.close()
    stranger.close()


def test_zones_are_told_with_their_difference_to_utc():
    assert dict(zones())["Asia/Shanghai"] == "Asia/Shanghai (UTC+08:00)"
    assert dict(zones())["Asia/Kolkata"] == "Asia/Kolkata (UTC+05:30)"
    assert dict(zones())["America/Phoenix"] == "America/Phoenix (UTC-07:00)"
