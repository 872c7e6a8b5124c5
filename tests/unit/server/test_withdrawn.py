"""What a clinician rejected in the viewer stands in no output of the report."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from collections import defaultdict
from pathlib import Path

import pydicom
import pytest
import scene
from fastapi.testclient import TestClient

from suwen.app.outputs import outputs
from suwen.server.app import create_app

KEPT, REJECTED = "2.25.1000", "2.25.1001"
WORDS = "31%"
"""Said of the rejected nodule alone."""


class Downloads:
    """The outputs of the newest report as a signed-in program gets them."""

    def __init__(self, clinic: scene.Clinic) -> None:
        made = outputs(clinic.store)
        self.clinic = clinic
        self.http = TestClient(
            create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run, made)
        )
        body = {"name": "dr.lin", "password": scene.PASSWORD}
        token = self.http.post("/api/sign-in", json=body).json()["token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def get(self, name: str) -> bytes:
        answer = self.http.get(f"/cases/{self.clinic.patient}/outputs/{name}")
        assert answer.status_code == 200, answer.text
        return answer.content

    def reject(self, finding: str) -> None:
        reference = self.clinic.access().search("Report", patient=self.clinic.patient)[-1].reference
        form = {"act": "rejected", "version": reference, "reason": "vessel in cross-section"}
        where = f"/cases/{self.clinic.patient}/findings/{finding}/review"
        assert self.http.post(where, data=form).status_code == 200

    def nodules(self) -> dict[str, set[str]]:
        """Return the tracking UIDs that the DICOM objects name, by kind where there are any."""
        found: dict[str, set[str]] = defaultdict(set)
        with zipfile.ZipFile(io.BytesIO(self.get("dicom"))) as archive:
            for name in archive.namelist():
                dataset = pydicom.dcmread(io.BytesIO(archive.read(name)))
                known = {uid for uid in (KEPT, REJECTED) if uid in str(dataset)}
                found[dataset.Modality] |= known
        return {kind: uids for kind, uids in found.items() if uids}

    def observations(self) -> dict[str, str]:
        """Return the status of each Observation by the finding it tells of."""
        bundle = json.loads(self.get("fhir"))
        resources = [entry["resource"] for entry in bundle["entry"]]
        return {
            one["identifier"][0]["value"]: one["status"]
            for one in resources
            if one["resourceType"] == "Observation"
        }

    def pdf(self, folder: Path) -> str:
        path = folder / "report.pdf"
        path.write_bytes(self.get("pdf"))
        done = subprocess.run(
            ["pdftotext", "-layout", str(path), "-"], capture_output=True, check=True
        )
        return done.stdout.decode()


@pytest.fixture
def downloads(fresh: scene.Clinic):
    made = Downloads(fresh)
    yield made
    made.http.close()


def test_a_rejected_nodule_is_withdrawn_from_sr_seg_and_fhir(downloads) -> None:
    assert downloads.nodules() == {"SR": {KEPT, REJECTED}, "SEG": {KEPT, REJECTED}}
    assert set(downloads.observations().values()) == {"preliminary"}
    gone = {one.id for one in downloads.clinic.findings if one.tracking.uid == REJECTED}
    for finding in sorted(gone):
        downloads.reject(finding)
    assert downloads.nodules() == {"SR": {KEPT}, "SEG": {KEPT}}
    statuses = downloads.observations()
    withdrawn = {key for key, status in statuses.items() if status == "entered-in-error"}
    assert withdrawn == gone | {f"lesion/{REJECTED}"}
    lesions = {key for key in statuses if key.startswith("lesion/")}
    assert len(statuses) == len(downloads.clinic.findings) + len(lesions)
    assert f"lesion/{KEPT}" in lesions


@pytest.mark.peer
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler's pdftotext is missing")
def test_a_rejected_score_is_withdrawn_from_the_pdf(downloads, tmp_path: Path) -> None:
    assert WORDS in downloads.pdf(tmp_path)
    score = next(
        one for one in downloads.clinic.findings if one.tracking.uid == REJECTED and one.probability
    )
    downloads.reject(score.id)
    text = downloads.pdf(tmp_path)
    assert WORDS not in text
    assert "87%" in text, "the other nodule stays"
    page = downloads.get("html").decode()
    assert WORDS not in page
    assert "87%" in page


def test_a_rejected_score_leaves_the_sr_and_its_outline_stays(downloads) -> None:
    score = next(
        one for one in downloads.clinic.findings if one.tracking.uid == REJECTED and one.probability
    )
    downloads.reject(score.id)
    assert downloads.nodules() == {"SR": {KEPT, REJECTED}, "SEG": {KEPT, REJECTED}}
