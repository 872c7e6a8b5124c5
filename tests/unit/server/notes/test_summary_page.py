"""The page of a case's summary: every line leads to its place, and what cannot be read is said."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import notes_scene
import pytest
import scene
from desk import Desk, api

from suwen.records import Person
from suwen.records.fhir.door import validate


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[scene.Clinic]:
    made = scene.open_clinic(tmp_path_factory.mktemp("summary") / "home")
    made.patient = scene.admit(made)
    notes_scene.add_notes(made, made.patient)
    yield made
    made.store.close()


def shown(ward: scene.Clinic, language: str = "en", name: str = "dr.lin", patient: str = "") -> str:
    desk = Desk(ward, name, language)
    answer = desk.get(f"/cases/{patient or ward.patient}/summary")
    desk.http.close()
    assert answer.status_code == 200
    return str(answer.text)


@pytest.mark.parametrize(
    ("language", "title", "disagree"),
    [("en", "Problems", "The notes disagree on fever"), ("zh", "当前问题", "记录矛盾：发热")],
)
def test_a_contradiction_comes_first_with_the_places_of_both_sides(
    written, language, title, disagree
):
    page = shown(written, language)
    problems = page[page.index(title) :]
    first = problems[problems.index('<li class="line') :].partition("</li>")[0]
    assert disagree in first
    assert "contradiction" in first
    said, denied = first.split('<span class="sides">')[1].split("</span>\n")[:2]
    assert "cite" in said
    assert "cite" in denied


def test_every_link_of_a_line_leads_to_a_marked_stretch(written):
    page = shown(written)
    cited = set(re.findall(r'class="cite" href="#([\w-]+)"', page))
    named = set(re.findall(r'class="here" id="([\w-]+)"', page))
    marked = {one for names in re.findall(r'data-of="([^"]+)"', page) for one in names.split()}
    assert cited
    assert cited <= named
    assert cited <= marked


def test_what_a_note_holds_is_never_markup_of_the_page(written):
    page = shown(written)
    assert "<script>alert" not in page
    assert "onerror=alert(1)>" not in page
    assert "&lt;script&gt;alert(" in page


def test_a_case_without_notes_says_so_and_one_unread_offers_to_read_them(written):
    empty = scene.admit(written, "Wang, Min", number="T-2")
    assert "no note that can be read" in shown(written, patient=empty)
    access = written.access()
    digest = access.put_blob(empty, b"Cough for a week.", "text/plain")
    access.put([notes_scene._document(empty, digest, "Letter", "text/plain", 0)], empty)
    page = shown(written, patient=empty)
    assert "Nothing was found in these notes yet." in page
    assert f'action="/cases/{empty}/notes/read"' in page


def test_a_document_that_cannot_be_read_is_said_and_hides_no_other(written):
    patient = scene.admit(written, "Zhao, Lei", number="T-3")
    notes_scene.add_notes(written, patient)
    access = written.access()
    digest = access.put_blob(patient, b"%PDF-1.4 broken", "application/pdf")
    access.put([notes_scene._document(patient, digest, "Scan", "application/pdf", 4)], patient)
    page = shown(written, patient=patient)
    assert "A document could not be read" in page
    assert "Problems" in page


def test_patients_read_the_summary_of_their_own_notes_and_are_offered_no_model(written):
    hashed = scene.QUICK.hash(scene.PASSWORD)
    written.store.add_person(
        Person("li.na", "Li Na", "patient", patient=written.patient), hashed
    )  # fmt: skip
    page = shown(written, name="li.na")
    assert "/rewrite" not in page


def test_the_api_gives_the_lines_with_their_places_and_a_valid_document(written):
    program = api(written, "dr.lin")
    sheet = program.get(f"/api/cases/{written.patient}/summary").json()
    lines = [line for part in sheet["sections"] for line in part["lines"]]
    assert lines
    assert all(line["sources"] and line["text"]["en"] and line["text"]["zh"] for line in lines)
    assert any(place["denies"] for line in lines for place in line["sources"])
    bundle = program.get(f"/api/cases/{written.patient}/summary/fhir").json()
    assert [p for p in validate([bundle])[0] if p.severity == "error"] == []
    program.close()
    other = api(written, "dr.other")
    for address in ("summary", "summary/fhir"):
        assert other.get(f"/api/cases/{written.patient}/{address}").status_code == 403
    other.close()


class Handler(BaseHTTPRequestHandler):
    """A model that says one thing the notes say, and one they do not."""

    server: Any

    def do_POST(self) -> None:
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        said = [
            {"text": "Metformin 500 mg twice a day.", "lines": [self.server.line]},
            {"text": "Warfarin 5 mg daily.", "lines": [1]},
        ]
        content = json.dumps({"statements": said})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"choices": [{"message": {"content": content}}]}).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def model() -> Iterator[Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.line = [], 1  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_configured_model_rewrites_on_demand_and_its_invention_is_dropped(
    written, model, tmp_path
):
    host = f"127.0.0.1:{model.server_port}"
    before = written.settings
    written.settings = before.model_copy(update={"llm_url": f"http://{host}/v1", "llm_model": "m"})
    try:
        desk = Desk(written, "dr.lin")
        page = desk.get(f"/cases/{written.patient}/summary").text
        assert f"They are sent to {host}" in page
        assert model.asked == [], "opening the page sends nothing"
        program = api(written, "dr.lin")
        sheet = program.get(f"/api/cases/{written.patient}/summary").json()
        lines = [line["text"]["en"] for part in sheet["sections"] for line in part["lines"]]
        model.line = 1 + next(n for n, one in enumerate(lines) if one.startswith("Metformin"))
        answer = desk.post(f"/cases/{written.patient}/summary/rewrite").text
        assert "Metformin 500 mg twice a day." in answer
        assert "<s>Warfarin 5 mg daily.</s>" in answer
        (asked,) = [
            d for d in written.access().decisions(written.patient) if d.act == "rewrite-asked"
        ]
        assert (asked.person, asked.detail["host"]) == ("dr.lin", host)
        assert "Metformin" not in repr(asked.detail)
        other = Desk(written, "dr.other")
        assert other.post(f"/cases/{written.patient}/summary/rewrite").status_code == 403
        assert len(model.asked) == 1
        for one in (desk, other):
            one.http.close()
        program.close()
    finally:
        written.settings = before
