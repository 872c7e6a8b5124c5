"""The same job through the server: upload, durable diagnosis, report, signature, download."""

import time

import pytest
from starlette.testclient import TestClient

from suwen.app.serve import workbench
from suwen.core.settings import Settings
from suwen.lifecycle.logged import finding_ids
from suwen.records import Person, Store
from suwen.server.held.auth import hash_password

WORDS = "correct horse battery"
SECONDS = 120


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A signed-in client of a workbench with nobody's records yet."""
    chosen = Settings(home=tmp_path_factory.mktemp("served"))
    with Store.open(chosen) as store:
        store.add_person(Person("li.na", "Li Na", "clinician"), hash_password(WORDS))
    with workbench(chosen) as app, TestClient(app) as client:
        answer = client.post("/api/sign-in", json={"name": "li.na", "password": WORDS})
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        yield chosen, client


def finished(client, job: str) -> dict:
    for _ in range(SECONDS * 4):
        status = client.get(f"/api/jobs/{job}").json()
        if status["state"] in ("done", "failed"):
            return status
        time.sleep(0.25)
    raise AssertionError("the job did not end")


def test_uploaded_files_become_a_signed_report_with_its_dicom_objects(served, demo_patients):
    chosen, client = served
    folder = demo_patients["alder"]
    files = [("files", (path.name, path.read_bytes())) for path in folder.rglob("*.*")]
    sent = client.post("/api/cases", files=files)
    assert sent.status_code == 202, sent.text
    status = finished(client, sent.json()["id"])
    assert status["state"] == "done", status
    assert not list((chosen.home / "inbox").iterdir()), "uploads are removed once they are stored"
    patient = {"patient": status["patient"]}
    (entry,) = client.get("/api/reports", params=patient).json()
    report = entry["report"]
    assert report["status"] == "draft"
    answered = client.post("/api/tasks/imaging.nodule_malignancy", json=patient).json()
    assert answered[0]["probability"]["value"] > 0
    address = f"/api/reports/{report['id']}/signature"
    signed = client.post(address, params=patient, json={"version": entry["version"]})
    assert signed.status_code == 200, signed.text
    assert signed.json()["report"]["status"] == "final"
    again = client.post(address, params=patient, json={"version": entry["version"]})
    assert again.status_code == 409
    with Store.open(chosen) as store:
        entries = list(store.log.entries())
        acts = [entry.act for entry in entries]
        assert store.log.verify().intact
    told = [finding["task"] for finding in report["findings"]]
    imaged = [task for task in told if task.startswith("imaging.")]
    assert len(imaged) == 4, "mask, score, two categories"
    others = set(told) - set(imaged)
    assert others == {"notes.facts", "health.risk"}, "steps on the way stand in no report"
    decided = [name for entry in entries for name in finding_ids(entry)]
    assert set(decided) >= {one["id"] for one in client.get("/api/findings", params=patient).json()}
    assert len(decided) == len(set(decided)), "each finding stands in one entry"
    assert acts.count("signed") == 1


def test_the_name_of_a_file_that_was_sent_lies_nowhere_in_the_clear(served, capfd):
    chosen, client = served
    unknown = ("Zzyzx Quintanilla 1968.xyz", b"\x00\x01 nothing known")
    note = ("Quintanilla.txt", b"Assessment: cough for three days.\nPlan: rest.\n")
    states = []
    for files in ([unknown], [unknown, note]):
        sent = client.post("/api/cases", files=[("files", one) for one in files])
        states.append(finished(client, sent.json()["id"])["state"])
    assert states == ["failed", "done"]
    kept = [path for path in chosen.home.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"Quintanilla" in path.read_bytes()]
    told = capfd.readouterr()
    assert "Quintanilla" not in told.out + told.err


def test_a_rejected_finding_stays_rejected_when_another_place_is_pointed_at(served, demo_patients):
    _, client = served
    folder = demo_patients["cedar"]
    files = [("files", (path.name, path.read_bytes())) for path in folder.rglob("*.*")]
    status = finished(client, client.post("/api/cases", files=files).json()["id"])
    patient = {"patient": status["patient"]}
    (entry,) = client.get("/api/reports", params=patient).json()
    rows = client.get("/api/findings", params=patient).json()
    finding = next(row["id"] for row in rows if row["finding"]["probability"])
    body = {
        "version": entry["version"],
        "finding": finding,
        "act": "rejected",
        "reason": "a vessel",
    }
    address = f"/api/reports/{entry['report']['id']}/reviews"
    assert client.post(address, params=patient, json=body).status_code == 200
    asked = client.post(
        f"/api/cases/{patient['patient']}/diagnose", json={"points": [{"x": 0, "y": 0, "z": 0}]}
    )
    assert finished(client, asked.json()["id"])["state"] == "done"
    newest, before = (one["report"] for one in client.get("/api/reports", params=patient).json())
    assert len(newest["findings"]) > len(before["findings"])
    assert newest["reviews"] == before["reviews"] != []
    assert all(finding not in statement["findings"] for statement in newest["statements"])
