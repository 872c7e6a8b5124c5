"""Cohorts of sent files: who may make one, what is logged, what is handed out, and to whom."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import scene
from desk import Desk, api

HEAD = "MRN,name,age,sex,illness\n"
ROWS = [
    f"{7000000 + i},Ann Kowal{i},{20 + i % 60},{'FM'[i % 2]},{('gout', 'asthma')[i // 2 % 2]}"
    for i in range(120)
]
TABLE = HEAD + "\n".join(ROWS) + "\n"
GOAL = {"k": "5", "l": "2", "sensitive": "illness", "percent": "5"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[scene.Clinic]:
    made = scene.open_clinic(tmp_path / "home")
    yield made
    made.store.close()


def sent(desk: Desk, text: str = TABLE, **form: str) -> Any:
    head = {"HX-Request": "true", "X-CSRF-Token": desk.token("/cohorts")}
    files = {"files": ("patients.csv", text.encode(), "text/csv")}
    return desk.http.post("/cohorts", data=GOAL | form, files=files, headers=head)


def acts(house: scene.Clinic) -> list[Any]:
    entries = house.store.administer(scene.ADMINISTRATOR, "audit").log()
    return [(one.person, one.act) for one in entries if one.act in ("de-identified", "denied")]


def cohort_in(content: bytes) -> tuple[list[dict[str, str]], dict[str, Any], list[str]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("cohort/cohort.csv").decode())))
        report = json.loads(archive.read("cohort/report.json"))
        return rows, report, archive.namelist()


@pytest.mark.parametrize("name", ["sci", "admin"])
def test_a_cohort_is_made_logged_and_fetched_by_who_made_it(house, name: str) -> None:
    desk = Desk(house, name)
    answer = sent(desk)
    assert answer.status_code == 200, answer.text
    assert "of 120 people are released" in answer.text
    assert acts(house) == [(name, "de-identified")]
    address = answer.text.partition('href="/cohorts/')[2].partition('"')[0]
    fetched = desk.get(f"/cohorts/{address}")
    assert fetched.headers["content-type"] == "application/zip"
    rows, report, names = cohort_in(fetched.content)
    assert min(Counter((row["age"], row["sex"]) for row in rows).values()) == report["k"] >= 5
    assert report["l"] == {"illness": 2}
    assert {"cohort/report.en.html", "cohort/report.zh.html", "cohort/cohort.ndjson"} <= set(names)
    assert not any(b"Kowal" in content for content in (fetched.content, answer.content))
    assert not list((house.settings.home / "inbox").iterdir()), "what was sent is gone"
    other = Desk(house, "sci" if name == "admin" else "admin")
    assert other.get(f"/cohorts/{address}").status_code == 404


def test_below_k_nothing_is_made_and_the_reason_is_told(house) -> None:
    desk = Desk(house, "sci", "zh")
    refused = sent(desk, k="200")
    assert refused.status_code == 422
    assert refused.headers["X-Suwen-Partial"] == "problem"
    assert "队列共 120 人，无法达到 k = 200" in refused.text
    assert acts(house) == []
    assert not list((house.settings.home / "inbox").iterdir())


@pytest.mark.parametrize("name", ["dr.lin", "nurse.amy"])
def test_who_treats_patients_makes_no_cohorts_and_the_denial_is_logged(house, name: str) -> None:
    desk = Desk(house, name)
    assert desk.get("/cohorts").status_code == 403
    assert 'href="/cohorts"' not in desk.get("/").text
    program = api(house, name)
    refused = program.post("/api/cohorts", files={"files": ("t.csv", TABLE.encode())})
    assert refused.status_code == 403
    assert acts(house) == [(name, "denied")]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"k": "1"}, "k (greater_than_equal)"),
        ({"k": "many"}, "k (int_parsing)"),
        ({"percent": "lots"}, "suppressed (float_parsing)"),
        ({"quasi": "illness"}, "A quasi-identifier without a kind"),
        ({"quasi": "illness=colour"}, "The quasi-identifier"),
        ({"sensitive": "nothing"}, "Rows without a quasi-identifying or sensitive column"),
    ],
)
def test_a_form_that_means_nothing_is_refused_in_one_sentence(house, form, said: str) -> None:
    refused = sent(Desk(house, "sci"), **form)
    assert refused.status_code == 422, refused.text
    assert said in refused.text
    assert acts(house) == []


def test_what_is_no_table_is_refused(house) -> None:
    refused = sent(Desk(house, "sci"), text="just a line of words")
    assert refused.status_code == 422
    assert "A file that is no table and no FHIR." in refused.text


def test_a_program_gets_the_same_cohort_as_one_zip(house) -> None:
    program = api(house, "sci")
    asked = {"k": 5, "diversity": 2, "sensitive": "illness", "suppressed": 0.05, "local": True}
    files = {"files": ("patients.csv", TABLE.encode(), "text/csv")}
    answer = program.post("/api/cohorts", params=asked, files=files)
    assert answer.status_code == 200, answer.text
    rows, report, _ = cohort_in(answer.content)
    assert len(rows) == report["released"]
    assert report["k"] >= 5
    assert acts(house) == [("sci", "de-identified")]
    assert program.post("/api/cohorts", params={"k": 0}, files=files).status_code == 422


def test_fhir_files_are_taken_too(house) -> None:
    people = [
        {
            "resourceType": "Patient",
            "id": f"p{i}",
            "gender": ("female", "male")[i % 2],
            "birthDate": f"{1940 + i % 50}-03-04",
            "name": [{"family": f"Kowal{i}"}],
        }
        for i in range(100)
    ]
    lines = "\n".join(map(json.dumps, people)).encode()
    answer = api(house, "sci").post("/api/cohorts", files={"files": ("p.ndjson", lines)})
    assert answer.status_code == 200, answer.text
    assert b"Kowal" not in answer.content
    assert cohort_in(answer.content)[1]["rows"] == 100
