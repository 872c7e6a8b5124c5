"""Recordings in a folder: understood by what they hold, kept as they came, refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.unit.health.ecgs import ecg, edf, rhythm, wfdb

from suwen.core.errors import BadInput
from suwen.gateway import read_folder, store_intake
from suwen.gateway.recordings_in import claim_of_edf
from suwen.health.signals.recording import recordings
from suwen.records import Access

BEATS = rhythm(12)
LEAD = ecg(BEATS, "N" * len(BEATS), 200, 12)


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).write_bytes(data)


def test_a_wfdb_record_is_one_document_of_all_its_files(folder: Path, access: Access) -> None:
    write(folder, wfdb(LEAD, 200))
    intake = read_folder(folder)
    (document,) = intake.resources
    assert [part["attachment"]["title"] for part in document["content"]] == ["rec.hea", "rec.dat"]
    assert document["context"]["period"]["start"] == "2025-12-24"
    assert "1 signal(s), 0:00:12: II" in intake.understood[0].en
    assert not intake.not_understood
    patient = store_intake(access, intake)
    (found,) = recordings(access.case(patient))
    assert found.best().values == pytest.approx(LEAD, abs=0.003)


def test_an_edf_names_its_patient(folder: Path) -> None:
    head = "MCH-0234567 F 02-MAY-1951 Haagse_Harry"
    write(folder, {"night.edf": edf(LEAD, 200, patient=head)})
    intake = read_folder(folder)
    assert not intake.identity.anonymous
    assert intake.identity.patient["birthDate"] == "1951-05-02"
    claim = claim_of_edf("night.edf", edf(LEAD, 200, patient=head))
    assert claim.sex == "female"
    assert not claim_of_edf("x", edf(LEAD, 200)).says_who


def test_recordings_of_two_people_are_not_mixed(folder: Path) -> None:
    write(folder, {"a.edf": edf(LEAD, 200, patient="A-1 F 02-MAY-1951 Wang_Fang")})
    write(folder, {"b.edf": edf(-LEAD, 200, patient="B-2 M 03-JUN-1960 Li_Wei")})
    with pytest.raises(BadInput, match="two"):
        read_folder(folder)


def test_a_record_cut_off_is_refused_by_name_and_the_other_kept(folder: Path) -> None:
    files = wfdb(LEAD, 200)
    write(folder, {"rec.hea": files["rec.hea"], "rec.dat": files["rec.dat"][:90]})
    write(folder, {"good.edf": edf(LEAD, 200)})
    intake = read_folder(folder)
    assert len(intake.resources) == 1
    (reason,) = intake.not_understood
    assert reason.en.startswith("rec.hea: a WFDB signal file of 45 frames")
    assert "无法读取" in reason.zh


def test_a_header_that_leads_out_of_the_folder_names_no_file_there(folder: Path) -> None:
    text = b"rec 1 200 9\n../secret.dat 16 200 12 0 0 0 0 II\n"
    write(folder, {"rec.hea": text, "good.edf": edf(LEAD, 200)})
    (folder.parent / "secret.dat").write_bytes(np.zeros(9, "<i2").tobytes())
    intake = read_folder(folder)
    assert len(intake.resources) == 1
    assert len(intake.not_understood) == 1
