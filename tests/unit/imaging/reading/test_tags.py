"""Subgroups from what image headers record, or the word that nothing is recorded."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.core.errors import BadInput
from suwen.imaging.reading import tags
from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle.examples import NOT_RECORDED


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("STANDARD", "soft"),
        ("B30f", "soft"),
        ("Br40d\\3", "soft"),
        ("FC08", "soft"),
        ("B", "soft"),
        ("LUNG", "lung"),
        ("B60f", "lung"),
        ("Bl57d", "lung"),
        ("FC51", "lung"),
        ("YA", "lung"),
        ("BONEPLUS", "bone"),
        ("B70s", "bone"),
        ("FC30", "bone"),
        ("YD", "bone"),
        ("STRANGE", "other"),
        ("", NOT_RECORDED),
    ],
)
def test_a_kernel_of_any_vendor_is_soft_lung_or_bone(name, group):
    assert tags.kernel_group(name) == group


@pytest.mark.parametrize(
    ("mm", "band"),
    [
        (0.625, "<= 1 mm"),
        (1.0, "<= 1 mm"),
        (1.25, "> 1 to 2.5 mm"),
        (2.5, "> 1 to 2.5 mm"),
        (5.0, "> 2.5 mm"),
        (0.0, NOT_RECORDED),
        (None, NOT_RECORDED),
    ],
)
def test_a_slice_is_thin_usual_or_thick(mm, band):
    assert tags.thickness_band(mm) == band


@pytest.mark.parametrize(
    ("age", "band"),
    [
        ("063Y", "40 to 64 years"),
        ("018M", "< 18 years"),
        ("065Y", ">= 65 years"),
        ("18", "18 to 39 years"),
        ("unknown", NOT_RECORDED),
        ("", NOT_RECORDED),
    ],
)
def test_an_age_falls_into_its_band_whatever_its_unit(age, band):
    assert tags.age_band(age) == band


def test_subsidiaries_of_a_maker_are_one_group_and_sexes_are_named():
    assert tags.maker("GE MEDICAL SYSTEMS") == tags.maker("GE Healthcare") == "GE"
    assert tags.maker("Neusoft") == "NEUSOFT"
    assert [tags.sex_group(one) for one in ("F", "male", "O", "")] == [
        "female",
        "male",
        "other",
        NOT_RECORDED,
    ]


def test_a_table_beside_the_data_set_gives_the_columns(tmp_path):
    (tmp_path / "tags.csv").write_text(
        "key,manufacturer,kernel,slice_thickness_mm,sex,age\n"
        "a,SIEMENS,B30f,1.0,F,040Y\nb,GE MEDICAL SYSTEMS,LUNG,,M,\n"
    )
    found = tags.tag_columns(tmp_path, ["a", "b", "c"], [5.0, 2.0, 3.0])
    assert {name: column.tolist() for name, column in found.items()} == {
        "manufacturer": ["SIEMENS", "GE", NOT_RECORDED],
        "kernel": ["soft", "lung", NOT_RECORDED],
        "slice thickness": ["<= 1 mm", "> 1 to 2.5 mm", "> 2.5 mm"],
        "sex": ["female", "male", NOT_RECORDED],
        "age": ["40 to 64 years", NOT_RECORDED, NOT_RECORDED],
    }


def test_dicom_files_beside_the_data_set_say_the_same(tmp_path):
    volume = Volume(np.zeros((2, 4, 4), np.int16), np.diag([1.0, 1, 1, 1])[[2, 1, 0, 3]])
    label = Label("A", "A", "t", sex="F", age="070Y", manufacturer="Philips", kernel="YC")
    (tmp_path / "dicom" / "train").mkdir(parents=True)
    (tmp_path / "dicom" / "train" / "a.dcm").write_bytes(wrap_ct(volume, label)[0])
    (tmp_path / "secret.dcm").write_bytes(wrap_ct(volume, label)[0])
    found = tags.tag_columns(tmp_path, ["train/a", "../secret"])
    assert [column.tolist() for column in found.values()] == [
        ["PHILIPS", NOT_RECORDED],
        ["lung", NOT_RECORDED],
        ["<= 1 mm", NOT_RECORDED],
        ["female", NOT_RECORDED],
        [">= 65 years", NOT_RECORDED],
    ]


def test_a_table_without_keys_or_with_a_thickness_in_words_is_refused(tmp_path):
    (tmp_path / "tags.csv").write_text("name,sex\na,F\n")
    with pytest.raises(BadInput, match="without the column key"):
        tags.tag_columns(tmp_path, ["a"])
    (tmp_path / "tags.csv").write_text("key,slice_thickness_mm\na,thin\n")
    with pytest.raises(BadInput, match="no number"):
        tags.tag_columns(tmp_path, ["a"])
