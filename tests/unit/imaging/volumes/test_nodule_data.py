"""Reading the labelled nodules: what is there is read, what is wrong is named by its line."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from tests.unit.imaging.drawn_nodules import ball

from suwen.core.errors import BadInput, NotFound
from suwen.imaging.nodules.data import (
    ACCEPTANCE_PATIENTS,
    ATTRIBUTES,
    read_crop,
    read_nodules,
)
from suwen.imaging.nodules.examples import crop_input, crop_of, examples_of
from suwen.imaging.nodules.lung_slices import LUNG_PATCH, read_lung_patches
from suwen.imaging.reading.nifti import write_nifti
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle.data import DataFolders


def row(patient: str, **changed):
    return {
        "patient_id": patient,
        "nodule_id": "1",
        "seriesuid": f"1.2.{patient}",
        "coordX": 1,
        "coordY": 2,
        "coordZ": 3,
        "diameter_mm": 8.5,
        "Diagnosis_value": 1,
        "Malignancy_value": 3,
        **{f"{name}_value": 2 for name in ATTRIBUTES},
        **changed,
    }


def write_set(root, rows, empty_mask=False):
    folder = root / "imaging" / "lidc_voi"
    for name in ("image", "nodule_mask"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    data, mask = ball(8.0, shape=(6, 40, 40))
    for one in rows:
        name = f"{one['patient_id']}_R_{one['nodule_id']}.nii.gz"
        (folder / "image" / name).write_bytes(write_nifti(data.volume))
        inside = (mask & (not empty_mask)).astype(np.uint8)
        (folder / "nodule_mask" / name).write_bytes(write_nifti(Volume(inside, data.volume.affine)))
    with (folder / "nodules.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_a_row_without_its_crop_is_passed_over(tmp_path):
    folder = write_set(tmp_path, [row("A"), row("B")])
    (folder / "image" / "B_R_1.nii.gz").unlink()
    assert [one.key for one in read_nodules(DataFolders((tmp_path,)))] == ["A_R_1"]


def test_the_acceptance_patient_is_held_back_in_development_and_not_in_a_test_set(tmp_path):
    (held,) = ACCEPTANCE_PATIENTS
    write_set(tmp_path, [row("A"), row(held)])
    assert {one.patient for one in read_nodules(DataFolders((tmp_path,)))} == {"A"}
    independent = read_nodules(DataFolders((), test=tmp_path))
    assert {one.patient for one in independent} == {"A", held}


def test_a_value_that_is_no_number_is_named_by_its_line(tmp_path):
    write_set(tmp_path, [row("A"), row("B", diameter_mm="large")])
    with pytest.raises(BadInput, match="line 3"):
        read_nodules(DataFolders((tmp_path,)))


def test_an_absent_set_says_what_to_set(tmp_path):
    with pytest.raises(NotFound, match="SUWEN_DATA"):
        read_nodules(DataFolders((tmp_path,)))


def test_an_empty_mask_is_refused(tmp_path):
    write_set(tmp_path, [row("A")], empty_mask=True)
    (nodule,) = read_nodules(DataFolders((tmp_path,)))
    with pytest.raises(BadInput, match="empty"):
        read_crop(nodule)


def test_ratings_by_reader_join_by_series_and_place(tmp_path):
    write_set(tmp_path, [row("A"), row("B", coordZ=50)])
    folder = tmp_path / "imaging" / "luna16_slices"
    folder.mkdir()
    (folder / "luna16_annotations_with_malignancy.csv").write_text(
        "seriesuid,coordX,coordY,coordZ,mal_details\n"
        '1.2.A,1.2,2.1,3.3,"[2, 4, 5, 3]"\n1.2.B,1,2,3,"[1, 1, 1, 1]"\n'
    )
    near, far = read_nodules(DataFolders((tmp_path,)))
    assert near.ratings == (2, 4, 5, 3)
    assert (near.mean_rating, near.share_suspicious) == (3.5, 0.5)
    assert far.ratings == ()
    assert (far.mean_rating, far.share_suspicious) == (3.0, 1.0)


def test_the_point_of_a_crop_is_its_middle(tmp_path):
    write_set(tmp_path, [row("A"), row("B", Malignancy_value=5)])
    found = examples_of(DataFolders((tmp_path,)), crop_input, lambda n: crop_of(n).mask)
    data = found.load(0).data
    assert data.index == pytest.approx((2.5, 19.5, 19.5))
    assert found.truth(0).shape == data.volume.values.shape
    assert found.columns["rating"].tolist() == ["rating 3", "rating 3 excluded"]


def test_lung_patches_keep_away_from_boxes_and_from_other_patients(tmp_path):
    from PIL import Image

    folder = tmp_path / "imaging" / "luna16_slices"
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    grey = (30 + rng.normal(0, 4, (200, 200))).clip(0, 255).astype(np.uint8)
    grey[90:110, 90:110] = 200
    for name in ("1.png", "2.png"):
        Image.fromarray(grey).save(folder / "images" / name)
    (folder / "boxes.csv").write_text("image,x0,y0,x1,y1\n1.png,90,90,110,110\n")
    (folder / "images.csv").write_text("image,group\n1.png,P1\n2.png,P2\n")
    data = DataFolders((tmp_path,))
    patches = read_lung_patches(data, lambda patient: patient == "P1", 6, seed=0)
    assert patches.shape[1:] == (LUNG_PATCH, LUNG_PATCH)
    assert 0 < len(patches) <= 6
    middle = LUNG_PATCH // 2
    assert patches[:, middle, middle].max() < -600
    assert not len(read_lung_patches(data, lambda patient: False, 6, seed=0))
