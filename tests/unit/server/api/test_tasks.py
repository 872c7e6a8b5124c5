"""The typed API: one endpoint for every task, one error shape, and nothing that breaks it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import scene
from desk import QUESTIONS, Desk, api
from fastapi.testclient import TestClient

from suwen.core.nouns import Finding
from suwen.server.app import create_app

pytestmark = pytest.mark.usefixtures("questions")


@pytest.fixture
def program(clinic: scene.Clinic, questions: None) -> Iterator[TestClient]:
    client = api(clinic, "dr.lin")
    yield client
    client.close()


def test_every_registered_task_has_its_own_endpoint_and_schema(program: TestClient) -> None:
    described = program.get("/openapi.json").json()
    for question in QUESTIONS:
        operation = described["paths"][f"/api/tasks/{question.name}"]["post"]
        assert operation["operationId"] == f"run_{question.name.replace('.', '_')}"
        assert operation["summary"] == question.title.en
    inputs = described["components"]["schemas"]
    assert set(inputs["ImagingNoduleMalignancyInput"]["properties"]) == {"patient", "points"}
    assert set(inputs["ToyCrpTomorrowInput"]["properties"]) == {"patient"}
    listed = program.get("/api/tasks").json()
    assert [(t["name"], t["answers"], t["unit"]) for t in listed] == [
        ("imaging.nodule_malignancy", "choice", ""),
        ("toy.crp_tomorrow", "value", "mg/L"),
    ]
    assert listed[0]["asked"] == listed[0]["codes"][1]
    assert listed[1]["asked"] == listed[1]["codes"][0]


def test_a_task_answers_with_findings(clinic, program: TestClient) -> None:
    answer = program.post(
        "/api/tasks/imaging.nodule_malignancy", json={"patient": clinic.patient, "points": []}
    )
    assert answer.status_code == 200
    found = [Finding.model_validate(item) for item in answer.json()]
    assert [f.probability.value for f in found if f.probability] == [0.87, 0.31]
    series = program.get("/metrics").text
    task = 'task="imaging.nodule_malignancy"'
    assert f'suwen_task_findings_total{{band="rule-in",{task}}} 1.0' in series
    assert f"suwen_task_seconds_count{{{task}}} 1.0" in series


def test_points_are_recorded_before_the_task_runs(fresh) -> None:
    program = api(fresh, "dr.lin")
    x, y, z = scene.NODULES[0].centre
    body = {"patient": fresh.patient, "points": [{"x": x, "y": y, "z": z}]}
    assert program.post("/api/tasks/imaging.nodule_malignancy", json=body).status_code == 200
    assert len(fresh.access().search("BodyStructure", patient=fresh.patient)) == 1
    body["points"] = [{"x": 5000.0, "y": 0.0, "z": 0.0}]
    refused = program.post("/api/tasks/imaging.nodule_malignancy", json=body)
    assert refused.status_code == 422
    assert "outside every image series" in refused.json()["error"]["got"]
    program.close()


def test_a_report_is_read_reviewed_and_signed_by_a_program(fresh) -> None:
    program = api(fresh, "dr.lin")
    whose = {"patient": fresh.patient}
    (entry,) = program.get("/api/reports", params=whose).json()
    report = entry["report"]["id"]
    (first, *_) = program.get("/api/findings", params={**whose, "band": "grey"}).json()
    assert program.get(f"/api/findings/{first['id']}", params=whose).json() == first
    review = {"version": entry["version"], "finding": first["id"], "act": "rejected"}
    address = f"/api/reports/{report}"
    assert program.post(f"{address}/reviews", params=whose, json=review).status_code == 422
    review["reason"] = "vessel"
    reviewed = program.post(f"{address}/reviews", params=whose, json=review).json()
    late = program.post(f"{address}/signature", params=whose, json={"version": entry["version"]})
    assert (late.status_code, late.json()["error"]["code"]) == (409, "conflict")
    seen = {"version": reviewed["version"]}
    signed = program.post(f"{address}/signature", params=whose, json=seen).json()
    assert signed["report"]["status"] == "final"
    assert program.get(address, params=whose).json() == signed
    withdrawn = program.post(
        f"{address}/withdrawal",
        params=whose,
        json={"version": signed["version"], "reason": "images of another patient"},
    )
    assert withdrawn.json()["report"]["status"] == "withdrawn"
    acts = [d.act for d in fresh.access().decisions(fresh.patient)]
    assert [a for a in acts if a in {"rejected", "signed", "withdrawn"}] == [
        "rejected", "signed", "withdrawn",
    ]  # fmt: skip
    program.close()


def test_cases_are_listed_by_urgency_and_opened(clinic, program: TestClient) -> None:
    first, second = program.get("/api/cases").json()
    assert (first["patient"], first["status"]) == (clinic.patient, "draft")
    assert first["rank"] == pytest.approx(3.87)
    assert "87%" in first["reason"]["zh"]
    assert (second["rank"], second["status"]) == (0, "none")
    detail = program.get(f"/api/cases/{clinic.patient}").json()
    kinds = {record["type"] for record in detail["records"]}
    assert {"Patient", "ImagingStudy", "DocumentReference", "Observation"} <= kinds


def test_a_diagnosis_is_a_job(clinic, program: TestClient) -> None:
    answer = program.post(f"/api/cases/{clinic.patient}/diagnose", json={})
    assert answer.status_code == 202
    job = answer.json()["id"]
    assert program.get(f"/api/jobs/{job}").json() == answer.json()
    assert job in [item["id"] for item in program.get("/api/jobs").json()]


PROBLEMS = (
    ("GET", "/api/nothing/here", 404, "not-found"),
    ("GET", "/api/cases/nobody", 403, "denied"),
    ("GET", "/api/jobs/none", 404, "not-found"),
    ("PUT", "/api/cases", 405, "bad-input"),
    ("POST", "/api/tasks/imaging.nodule_malignancy", 422, "bad-input"),
    ("POST", "/api/tasks/no.such_task", 404, "not-found"),
    ("POST", "/api/cases", 422, "bad-input"),
)


@pytest.mark.parametrize(("method", "address", "status", "code"), PROBLEMS)
def test_every_error_has_the_one_shape(program, method, address, status, code) -> None:
    answer = program.request(method, address)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert set(error) == {"code", "got", "expected", "todo"}
    assert error["code"] == code
    assert error["got"]


def test_a_wrong_field_is_named_without_its_value(clinic, program: TestClient) -> None:
    body = {"patient": clinic.patient, "pacient": "Li Na 1968"}
    error = program.post("/api/tasks/toy.crp_tomorrow", json=body).json()["error"]
    assert "body.pacient" in error["got"]
    assert "Li Na" not in json.dumps(error)


def test_without_a_token_nothing_is_answered(clinic) -> None:
    stranger = TestClient(create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run))
    for method, address in (("GET", "/api/cases"), ("GET", "/api/tasks"), ("POST", "/api/cases")):
        answer = stranger.request(method, address)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    stranger.headers["Authorization"] = "Bearer forged"
    assert stranger.get("/api/cases").status_code == 401
    stranger.close()


def test_a_signed_out_token_is_worthless(clinic) -> None:
    program = api(clinic, "dr.lin")
    assert program.delete("/api/sign-in").status_code == 204
    assert program.get("/api/cases").status_code == 401
    program.close()


def test_the_cookie_alone_changes_nothing_through_the_api(clinic) -> None:
    desk = Desk(clinic, "dr.lin")
    address = f"/api/cases/{clinic.patient}/diagnose"
    assert desk.http.get("/api/cases").status_code == 200
    assert desk.http.post(address, json={}).status_code == 403
    headers = {"X-CSRF-Token": desk.token("/")}
    assert desk.http.post(address, json={}, headers=headers).status_code == 202
    desk.http.close()


def test_an_outsider_is_denied_case_reports_and_tasks(clinic) -> None:
    program = api(clinic, "dr.other")
    whose = {"patient": clinic.patient}
    assert program.get("/api/cases").json() == []
    for answer in (
        program.get(f"/api/cases/{clinic.patient}"),
        program.get("/api/reports", params=whose),
        program.get("/api/findings", params=whose),
        program.post("/api/tasks/toy.crp_tomorrow", json=whose),
        program.post(f"/api/cases/{clinic.patient}/diagnose", json={}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "denied")
    program.close()


def test_a_scientist_asks_for_no_diagnosis(clinic) -> None:
    program = api(clinic, "sci")
    answer = program.post("/api/cases", files=[("files", ("a.txt", b"note"))])
    assert answer.status_code == 403
    assert not list((clinic.settings.home / "inbox").glob("*"))
    program.close()


def test_health_tells_of_store_and_log(clinic, program: TestClient) -> None:
    body = program.get("/healthz").json()
    assert body["status"] == "ok"
    assert body["log"] == clinic.store.counts()["decisions"]


def test_metrics_name_routes_and_tasks_but_no_patient(clinic, program: TestClient) -> None:
    program.get(f"/api/cases/{clinic.patient}")
    program.get("/api/cases/nobody")
    text = program.get("/metrics").text
    assert 'route="/api/cases/{patient}",status="200"' in text
    assert 'suwen_task_seconds_count{task="toy.crp_tomorrow"} 0.0' in text
    assert clinic.patient not in text
    assert "dr.lin" not in text
