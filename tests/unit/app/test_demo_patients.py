"""The demo patients: synthetic, labelled, valid, the same every time; and real public nodules."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from suwen.app.demo_patients import real_nodule_folders, synthetic, write_demo_folders
from suwen.app.demo_patients.records import egfr
from suwen.core.settings import Settings
from suwen.gateway import read_folder, store_intake
from suwen.imaging.case.points import points_in
from suwen.imaging.case.series import case_volumes
from suwen.lifecycle.data import DataFolders
from suwen.records import Person, Store
from suwen.records.fhir import door as fhir


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The folders, drawn on a coarser grid to be quick."""
    patch = pytest.MonkeyPatch()
    patch.setattr(synthetic, "SHAPE", (60, 144, 144))
    patch.setattr(synthetic, "SPACING", (3.0, 2.4, 2.4))
    found = write_demo_folders(tmp_path_factory.mktemp("demo"))
    patch.undo()
    return found


def test_there_are_three_patients_each_with_ct_notes_labs_and_vitals(folders: list[Path]) -> None:
    assert [folder.name for folder in folders] == ["alder", "birch", "cedar"]
    for folder in folders:
        told = " ".join(text.en for text in read_folder(folder).understood)
        for part in ("DICOM CT series", "English", "Chinese", "FHIR R4", "vital signs"):
            assert part in told, (folder.name, part)


def test_one_file_is_not_understood_and_one_reading_is_refused_on_purpose(
    folders: list[Path],
) -> None:
    told = [[text.en for text in read_folder(folder).not_understood] for folder in folders]
    assert [len(lines) for lines in told] == [0, 2, 0]
    assert any("spirometer_export.xyz" in line for line in told[1])
    assert any("oxygen saturation is not plausible" in line for line in told[1])


def test_every_file_says_that_it_is_synthetic(folders: list[Path]) -> None:
    for folder in folders:
        intake = read_folder(folder)
        assert intake.identity.patient["name"][0]["family"] == "SYNTHETIC"
        assert intake.identity.identifiers[0][1].startswith("SYN-")
        for note in folder.glob("*.txt"):
            text = note.read_bytes().decode("gb18030" if folder.name == "birch" and "zh" in
                                            note.name else "utf-8")  # fmt: skip
            assert "Synthetic record" in text
        for entry in json.loads((folder / "records.json").read_text(encoding="utf-8"))["entry"]:
            assert entry["resource"]["meta"]["security"][0]["code"] == "HTEST"
        assert all("synthetic" in path.name for path in folder.glob("*.csv"))
        assert b"SYNTHETIC^" in next((folder / "ct").iterdir()).read_bytes()


def test_the_records_are_valid_fhir(folders: list[Path]) -> None:
    for folder in folders:
        assert fhir.validate([fhir.parse((folder / "records.json").read_bytes())]) == [[]]


def test_each_point_lies_in_its_nodule(folders: list[Path], tmp_path: Path) -> None:
    numbers = []
    with Store.open(Settings(home=tmp_path / "home")) as store:
        access = store.session(Person("li.na", "Dr. Li Na", "clinician"), "treatment")
        for folder in folders:
            case = access.case(store_intake(access, read_folder(folder)))
            (series,) = case_volumes(case)
            points = points_in(case, series)
            numbers.append(len(points))
            for given in points:
                z, y, x = (round(float(i)) for i in series.volume.to_index(given.point))
                assert series.volume.values[z, y, x] > -650
    assert numbers == [1, 1, 2]


def test_written_twice_the_folders_are_left_as_they_are(tmp_path: Path) -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(synthetic, "NAMES", ("alder",))
    patch.setattr(synthetic, "SHAPE", (60, 96, 96))
    patch.setattr(synthetic, "SPACING", (3.0, 3.6, 3.6))
    (folder,) = write_demo_folders(tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    slice_ = folder / "ct" / "slice_001.dcm"
    made = slice_.stat().st_mtime_ns
    write_demo_folders(tmp_path)
    assert slice_.stat().st_mtime_ns == made
    (tmp_path / synthetic.STAMP).unlink()
    write_demo_folders(tmp_path)
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    patch.undo()
    assert before == after


def test_the_estimated_filtration_rate_follows_ckd_epi_2021() -> None:
    assert egfr(0.9 * 88.42, 60, female=False) == pytest.approx(97.8, abs=0.1)
    assert egfr(1.5 * 88.42, 60, female=True) == pytest.approx(39.6, abs=0.1)


@pytest.mark.real_data
def test_real_nodules_are_chosen_by_rule_and_name_their_source(tmp_path: Path) -> None:
    here = Path(__file__).resolve().parents[4] / "shared" / "data"
    roots = tuple(map(Path, os.environ.get("SUWEN_DATA", str(here)).split(":")))
    data = DataFolders(roots)
    if not data.have("imaging/lidc_voi"):
        pytest.skip("imaging/lidc_voi is in none of the SUWEN_DATA folders")
    folders = real_nodule_folders(data, tmp_path, 3)
    assert [folder.name for folder in folders] == [
        "lidc_large_malignant",
        "lidc_small_benign",
        "lidc_indeterminate",
    ]
    for folder in folders:
        assert "CC BY 3.0" in folder.with_name(f"{folder.name}.source.txt").read_text(
            encoding="utf-8"
        )
        intake = read_folder(folder)
        assert not intake.not_understood
        assert intake.identity.identifiers[0][1].startswith("LIDC-IDRI-")
