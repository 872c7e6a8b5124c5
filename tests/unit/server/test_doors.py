"""What is shipped, what headers every answer carries, and how large an upload may be."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
import scene
from desk import Desk, api
from fastapi.testclient import TestClient
from tests.unit.health.ecgs import ecg, rhythm, wfdb

from suwen.app.diagnose import sent_files
from suwen.core.errors import StorageUnavailable
from suwen.gateway.folder import read_files
from suwen.server import middleware
from suwen.server.app import create_app
from suwen.server.render import HERE, STATIC, static
from suwen.server.sent import uploads


def test_every_vendored_file_is_the_file_it_says_it_is() -> None:
    listed = tomllib.loads((STATIC / "VENDORED.toml").read_text())["file"]
    for item in listed:
        data = (STATIC / item["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == item["sha256"], item["name"]
        assert (STATIC / item["licence_file"]).read_text().strip()
        assert item["version"] in item["path"]
    files = (path for path in (STATIC / "vendor").iterdir() if path.suffix in {".js", ".css"})
    assert {path.relative_to(STATIC).as_posix() for path in files} == {
        item["path"] for item in listed
    }, "nothing is vendored without its entry"


def test_no_page_asks_another_site_for_anything() -> None:
    for path in (HERE / "templates").glob("*.html"):
        assert not re.search(r"""(src|href|action)=["'](https?:)?//""", path.read_text()), path.name


def test_no_template_holds_a_script_or_style_of_its_own() -> None:
    for path in (HERE / "templates").glob("*.html"):
        text = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text), path.name


@pytest.mark.parametrize("address", ["/", "/sign-in", "/api/cases", "/healthz", "/nowhere"])
def test_every_answer_carries_the_security_headers(clinic, guest: Desk, address: str) -> None:
    answer = guest.get(address)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_shipped_files_may_be_kept_by_the_browser(guest: Desk) -> None:
    answer = guest.get(static("suwen.css"))
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert guest.get("/static/../app.py").status_code == 404


def test_over_https_cookies_are_secure(clinic) -> None:
    app = create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)
    browser = TestClient(app, base_url="https://suwen.example")
    answer = browser.get("/sign-in")
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"].startswith("max-age")
    browser.close()


def test_the_access_log_names_routes_but_no_patient(clinic, clinician: Desk, capsys) -> None:
    capsys.readouterr()
    clinician.get(f"/cases/{clinic.patient}")
    clinician.get("/?q=Li+Na")
    said = capsys.readouterr()
    line = said.out + said.err
    assert "/cases/{patient}" in line
    assert "dr.lin" in line
    assert clinic.patient not in line
    assert "Li" not in line.replace("dr.lin", "")


def test_a_mistake_of_ours_shows_and_logs_no_content(clinic, capsys, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("Li Na, born 1968")

    monkeypatch.setattr("suwen.server.case.worklist.rows", broken)
    desk = Desk(clinic, "dr.lin")
    answer = desk.get("/")
    assert answer.status_code == 500
    assert "The server made a mistake." in answer.text
    monkeypatch.setattr(type(clinic.store), "counts", broken)
    health = desk.get("/healthz")
    assert (health.status_code, health.json()["error"]["code"]) == (500, "error")
    said = capsys.readouterr()
    for text in (answer.text, health.text, said.out, said.err):
        assert "1968" not in text.replace("1968-03-02", "")
    assert "ZeroDivisionError" in said.out + said.err
    desk.http.close()


def test_a_form_that_is_too_large_is_refused_before_it_is_read(clinic, clinician: Desk) -> None:
    big = "x" * (middleware.FORM_LIMIT + 1)
    answer = clinician.http.post(f"/cases/{clinic.patient}/sign", data={"version": big})
    assert answer.status_code == 413


def test_a_stream_that_hides_its_size_is_cut_off(clinic) -> None:
    program = api(clinic, "dr.lin")

    def pieces():
        for _ in range(40):
            yield b" " * 65536

    answer = program.post(
        f"/api/cases/{clinic.patient}/diagnose",
        content=pieces(),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "unsafe-input"
    program.close()


def test_uploaded_files_wait_sealed_with_their_names(fresh) -> None:
    program = api(fresh, "dr.lin")
    files = [
        ("files", ("Li Na 1968.dcm", b"first of Li Na")),
        ("files", ("scan of Li Na.nii.gz", b"second of Li Na" * 100_000)),
        ("files", ("home/Li Na 1968.dcm", b"third of Li Na")),
    ]
    answer = program.post("/api/cases", files=files)
    assert answer.status_code == 202
    payload = fresh.jobs.payloads[answer.json()["id"]]
    folder = fresh.settings.home / "inbox" / str(payload["inbox"])
    kept = left(fresh.settings.home)
    assert sorted(path.name for path in kept) == ["00001", "00002", "00003", "key", "names"]
    assert not any(b"Li Na" in path.read_bytes() for path in kept)
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept)
    found = list(sent_files(fresh.store, str(payload["inbox"])))
    names = ["Li Na 1968.dcm", "scan of Li Na.nii.gz", "2/Li Na 1968.dcm"]
    assert [one.name for one in found] == names
    assert [one.load() for one in found] == [content for _, (_, content) in files]
    program.close()


def test_a_recording_that_was_sent_finds_its_signals(fresh) -> None:
    program = api(fresh, "dr.lin")
    beats = rhythm(12)
    leads = [ecg(beats, "N" * len(beats), 200, 12) * scale for scale in (1.0, 0.5)]
    files = [("files", item) for lead in leads for item in wfdb(lead, 200).items()]
    answer = program.post("/api/cases", files=files)
    payload = fresh.jobs.payloads[answer.json()["id"]]
    intake = read_files(sent_files(fresh.store, str(payload["inbox"])))
    assert not intake.not_understood
    parts = [[part["attachment"]["title"] for part in one["content"]] for one in intake.resources]
    assert parts == [["rec.hea", "rec.dat"], ["2/rec.hea", "2/rec.dat"]]
    program.close()


def test_the_upload_form_starts_a_job(fresh) -> None:
    desk = Desk(fresh, "dr.lin")
    assert "At most 5000 files" in desk.get("/cases/new").text
    headers = {"HX-Request": "true", "X-CSRF-Token": desk.token("/")}
    answer = desk.http.post("/cases", files=[("files", ("a.csv", b"1,2"))], headers=headers)
    assert answer.status_code == 200
    assert 'data-job="done"' in answer.text
    refused = desk.http.post("/cases", files=[("files", ("a.csv", b"1,2"))])
    assert refused.status_code == 403, "without the token nothing is kept"
    assert len(list((fresh.settings.home / "inbox").iterdir())) == 1
    desk.http.close()


def left(home: Path) -> list[Path]:
    return [path for path in (home / "inbox").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([("a.dcm", b"x"), ("b.dcm", b"y" * (2 * 1024 * 1024))], 413),
        ([], 422),
        ([("a.dcm", b"")], 422),
        ([("a", b"x")] * 3, 413),
    ],
)
def test_too_large_nothing_or_too_many_leaves_nothing_behind(
    tmp_path: Path, monkeypatch, files: list[tuple[str, bytes]], status: int
) -> None:
    clinic = scene.open_clinic(tmp_path / "home", max_upload_mb=1)
    monkeypatch.setattr(uploads, "MOST_FILES", 2)
    program = api(clinic, "dr.lin")
    sent = [("files", one) for one in files] or [("other", (None, b"x"))]
    assert program.post("/api/cases", files=sent).status_code == status
    assert left(tmp_path / "home") == []
    program.close()
    clinic.store.close()


def test_a_full_disk_is_said_and_nothing_is_left(fresh, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("suwen.records.sealed_files.os.fsync", full)
    program = api(fresh, "dr.lin")
    answer = program.post("/api/cases", files=[("files", ("a.dcm", b"x"))])
    assert answer.status_code == 507
    assert left(fresh.settings.home) == []
    program.close()


def test_a_refused_job_leaves_no_files(fresh) -> None:
    def refuse(payload: object) -> None:
        raise StorageUnavailable("the jobs cannot be written", "space", "free some")

    fresh.jobs.work = refuse
    program = api(fresh, "dr.lin")
    answer = program.post("/api/cases", files=[("files", ("a.txt", b"note"))])
    assert answer.status_code == 507
    assert left(fresh.settings.home) == []
    program.close()


def test_half_the_resolution_keeps_every_structure_in_its_place(clinic) -> None:
    from suwen.server.held.images import halved

    full = clinic.phantom.volume
    half = halved(full)
    assert half.values.shape == (56, 64, 64)
    for nodule in clinic.phantom.nodules:
        place = tuple(np.rint(half.to_index(nodule.centre)).astype(int))
        assert half.values[place] > -400
    corner = np.array([3.0, 10.0, 20.0])
    assert half.to_point(corner) == pytest.approx(full.to_point(corner * [1, 2, 2] + [0, 0.5, 0.5]))
    block = full.values[3, 20:22, 40:42]
    assert half.values[3, 10, 20] == pytest.approx(block.mean())


def test_the_shelf_forgets_the_oldest_volume(fresh) -> None:
    from suwen.server.held.images import Shelf

    case = fresh.access().case(fresh.patient)
    shelf = Shelf(limit=1)
    (entry,) = shelf.entries(case)
    first = shelf.volume(case, entry.key)
    assert shelf.volume(case, entry.key) is first
    shelf._volumes["another"] = b"xx"
    shelf._volumes.move_to_end("another", last=False)
    other = scene.admit(fresh, number="T-3")
    scene.add_ct(fresh, other)
    second_case = fresh.access().case(other)
    shelf.volume(second_case, shelf.entries(second_case)[0].key)
    assert len(shelf._volumes) == 1
