"""Real images: the whole robustness corpus, a complete chest CT, real MR slices, LIDC crops."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tarfile
import time
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from tests.unit.imaging.dicom_objects import region, remarks_of

from suwen.core.codes import PULMONARY_NODULE
from suwen.core.errors import BadInput
from suwen.core.nouns import (
    Attachment,
    Band,
    Finding,
    Interval,
    Report,
    Tracking,
)
from suwen.imaging.objects.seg import segmentation
from suwen.imaging.objects.sr import structured_report
from suwen.imaging.reading.assembly import Series, assemble
from suwen.imaging.reading.instance import read_instance
from suwen.imaging.reading.nifti import read_nifti, write_nifti
from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.imaging.volumes.volume import Volume

pytestmark = pytest.mark.real_data

PEAK_MIB = 250
SECONDS = 30
"""Processor time: the wall clock says how busy the machine is."""

READ_CORPUS = """
import csv, json, resource, sys, time
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from suwen.core.errors import SuwenError
from suwen.imaging.reading.assembly import assemble
from suwen.imaging.reading.instance import read_instance

root, started, results = Path(sys.argv[1]), time.process_time(), {}
for row in csv.DictReader((root / "MANIFEST.csv").read_text().splitlines()):
    try:
        instance = read_instance((root / row["path"]).read_bytes())
    except SuwenError as error:
        results[row["path"]] = ["refused", "", str(error)]
        continue
    try:
        for frame in instance.pixels():
            shape = frame.shape
        pixels, text = "ok", ""
    except SuwenError as error:
        pixels, text = ("none" if "has no pixels" in str(error) else "fail"), str(error)
    for series in assemble([instance]):
        try:
            series.volume()
        except SuwenError:
            pass
    results[row["path"]] = ["read", pixels, text]
# not ru_maxrss: that one remembers the process this one was forked from
status = Path("/proc/self/status").read_text()
peak = int(status.split("VmHWM:")[1].split()[0]) // 1024
print(json.dumps({"peak": peak, "seconds": time.process_time() - started, "results": results}))
"""


@pytest.fixture(scope="session")
def data_set():
    """Find a data set by its relative path in SUWEN_DATA, or skip with the reason."""
    named = [Path(part) for part in os.environ.get("SUWEN_DATA", "").split(":") if part]
    roots = named or [Path(__file__).parents[3] / "shared" / "data"]

    def find(name: str) -> Path:
        for root in roots:
            if (root / name).exists():
                return root / name
        pytest.skip(f"the data set {name} is in no folder of SUWEN_DATA")

    return find


def test_the_corpus_is_read_where_its_manifest_says_so_and_refused_clearly_elsewhere(
    data_set,
) -> None:
    """One process reads all 256 files under a limit of 2 GiB address space."""
    root = data_set("imaging/dicom_corpus")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", READ_CORPUS, root],
        capture_output=True,
        text=True,
        timeout=SECONDS * 10,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""  # nothing of a patient's header reaches a log
    report = json.loads(done.stdout)
    with (root / "MANIFEST.csv").open() as file:
        manifest = list(csv.DictReader(file))
    assert len(report["results"]) == len(manifest)
    wrong = []
    for row in manifest:
        state, pixels, text = report["results"][row["path"]]
        if (state == "read") != (row["read"] == "ok"):
            wrong.append((row["path"], "header", text))
        elif state == "refused" or pixels == "fail":
            assert "expected" in text
            assert "what to do" in text
        if row["read"] == "ok" and (pixels == "ok") != row["pixels"].startswith("ok"):
            wrong.append((row["path"], "pixels", text))
    assert wrong == []
    assert report["peak"] < PEAK_MIB
    assert report["seconds"] < SECONDS


@pytest.fixture(scope="module")
def lidc_files(data_set, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("lidc0063")
    with tarfile.open(data_set("imaging/lidc0063_ct") / "LIDC-IDRI-0063_dicom.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return sorted(path for path in folder.rglob("*.dcm"))


def read_files(paths: list[Path]) -> list[Series]:
    return assemble(read_instance(path.read_bytes(), path.read_bytes) for path in paths)


def test_a_complete_chest_ct_is_assembled_at_once_with_its_nodules_in_place(
    lidc_files: list[Path], data_set
) -> None:
    started = time.process_time()
    (series,) = read_files(lidc_files)
    volume = series.volume()
    seconds = time.process_time() - started
    assert series.problems == ()
    assert (volume.values.shape, volume.values.dtype) == ((133, 512, 512), np.dtype(np.int16))
    assert volume.spacing == pytest.approx((2.5, 0.78125, 0.78125))
    with (data_set("imaging/lidc0063_ct") / "nodules.csv").open() as file:
        for row in csv.DictReader(file):
            point = tuple(float(row[f"{axis}_mm"]) for axis in "xyz")
            z, y, x = np.rint(volume.to_index(point)).astype(int)
            assert z == int(row["slice_index_from_low_z"])
            assert volume.values[z, y, x] == int(row["hu_at_centre"])
    assert seconds < 5


def test_the_missing_slice_of_a_real_ct_is_named(lidc_files: list[Path]) -> None:
    (series,) = read_files(lidc_files[:40] + lidc_files[41:])
    assert [problem.code for problem in series.problems] == ["missing-slices"]
    assert series.usable


def test_real_mr_slices_are_ordered_checked_and_refused_with_a_gap(data_set) -> None:
    paths = sorted(data_set("imaging/dicom_series_mr").glob("*.dcm"))
    (whole,) = read_files(paths[::-1])
    assert whole.problems == ()
    assert whole.modality == "MR"
    heights = whole.stack.heights if whole.stack else np.zeros(0)
    assert np.allclose(np.diff(heights), 0.9, atol=1e-3)
    numbers = [int(one.instance.text("InstanceNumber")) for one in whole.slices]
    assert numbers in (sorted(numbers), sorted(numbers)[::-1])
    volume = whole.volume()

    (gap,) = read_files(paths[:7] + paths[8:])
    assert [problem.code for problem in gap.problems] == ["missing-slices"]
    bridged = gap.volume()
    assert bridged.values.shape == volume.values.shape
    assert np.allclose(bridged.affine, volume.affine, atol=1e-3)
    same = [z for z in range(16) if np.array_equal(bridged.values[z], volume.values[z])]
    assert len(same) == 15

    (wide,) = read_files(paths[:5] + paths[9:])
    with pytest.raises(BadInput, match="missing"):
        wide.volume()

    (twice,) = read_files([*paths, paths[3]])
    assert [problem.code for problem in twice.problems] == ["duplicates"]
    assert np.array_equal(twice.volume().values, volume.values)


def test_two_real_patients_in_one_series_are_refused(lidc_files: list[Path], data_set) -> None:
    series_uid = read_instance(lidc_files[0].read_bytes()).text("SeriesInstanceUID")
    other = sorted(data_set("imaging/dicom_series_mr").glob("*.dcm"))[0]
    foreign = read_instance(other.read_bytes())
    foreign.header.SeriesInstanceUID = series_uid
    mixed = [read_instance(path.read_bytes()) for path in lidc_files[:5]]
    (series,) = assemble([*mixed, foreign])
    with pytest.raises(BadInput, match="mixes patients") as refused:
        series.volume()
    assert "LIDC" not in str(refused.value)


def test_a_real_nodule_crop_survives_the_way_through_dicom(data_set) -> None:
    folder = data_set("imaging/lidc_voi") / "image"
    for path in sorted(folder.glob("*.nii.gz"))[:3]:
        crop = read_nifti(path.read_bytes())
        name = path.name.split("_R_")[0]
        files = wrap_ct(crop, Label(name, name, path.name))
        (series,) = assemble(read_instance(data) for data in files)
        volume = series.volume()
        assert np.array_equal(volume.values, crop.values)
        assert np.allclose(volume.affine, crop.affine, atol=1e-4)


@pytest.mark.peer
def test_the_real_nodule_leaves_as_seg_and_sr_without_error(
    lidc_files: list[Path], data_set, tmp_path: Path
) -> None:
    """The solid nodule of LIDC-IDRI-0063, as a ball of its reference diameter."""
    (series,) = read_files(lidc_files)
    with (data_set("imaging/lidc0063_ct") / "nodules.csv").open() as file:
        row = list(csv.DictReader(file))[1]
    centre = (float(row["x_mm"]), float(row["y_mm"]), float(row["z_mm"]))
    radius = float(row["diameter_mm"]) / 2
    crop = series.volume().crop(centre, (24, 24, 24), 0.7)
    away = np.moveaxis(np.mgrid[:24, :24, :24], 0, -1) - 11.5
    ball = np.linalg.norm(away * 0.7, axis=-1) <= radius
    mask = write_nifti(Volume(ball.astype(np.uint8), crop.affine))
    finding = Finding(
        task="imaging.nodule_segmentation",
        pack="imaging.nodule_segmentation@0.1.0+" + "ab" * 32,
        code=PULMONARY_NODULE,
        band=Band.GREY,
        probability=Interval(value=0.4, low=0.2, high=0.6),
        evidence=(region(series, centre, int(row["slice_index_from_low_z"])),),
        attachments=(Attachment.of("mask", "application/x-nifti", mask),),
        tracking=Tracking(uid="2.25.63", label="Nodule 1"),
    )
    when = datetime(2026, 1, 2, tzinfo=UTC)
    report = Report(id="r", patient="p", created=when, findings=(finding,), statements=())
    seg = segmentation(series, [finding], created=when)
    for data in (seg, structured_report(series, [finding], report, seg)):
        assert not [line for line in remarks_of(data, tmp_path) if "Error" in line]
    opened = hd.seg.segread(BytesIO(seg))
    volume = opened.get_volume(segment_numbers=[1], combine_segments=True)
    middle = volume.map_indices_to_reference(np.argwhere(volume.array > 0)).mean(axis=0)
    assert np.linalg.norm(middle - centre) < 1.0
    assert opened.PatientID == "LIDC-IDRI-0063"
