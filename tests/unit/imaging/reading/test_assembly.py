"""Series assembly: order, safety, geometry. Each spoilt series reads like an incident report."""

from __future__ import annotations

import copy
import random
import tracemalloc
from io import BytesIO

import numpy as np
import pytest
from highdicom.legacy import LegacyConvertedEnhancedCTImage
from pydicom import dcmread
from pydicom.dataset import Dataset

from suwen.core.errors import BadInput
from suwen.imaging.reading.assembly import Series, assemble
from suwen.imaging.reading.instance import read_instance
from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.imaging.volumes.volume import Volume


def series_of(files: list[bytes]) -> Series:
    (series,) = assemble(read_instance(data) for data in files)
    return series


def codes(series: Series) -> list[str]:
    return [problem.code for problem in series.problems]


def test_files_in_any_order_give_the_wrapped_volume(
    ct_files: list[bytes], small_volume: Volume
) -> None:
    shuffled = random.Random(1).sample(ct_files, len(ct_files))
    series = series_of(shuffled)
    volume = series.volume()
    assert series.problems == ()
    assert volume.values.dtype == np.int16
    assert np.array_equal(volume.values, small_volume.values)
    assert np.allclose(volume.affine, small_volume.affine)
    assert len(set(series.instance_uids)) == 8
    assert series.tags["PatientSex"] == "F"


def test_order_comes_from_geometry_and_not_from_instance_numbers(
    ct_files: list[bytes], small_volume: Volume, edit
) -> None:
    renumbered = [edit(data, InstanceNumber=str(99 - n)) for n, data in enumerate(ct_files)]
    assert np.array_equal(series_of(renumbered).volume().values, small_volume.values)


def test_an_oblique_series_keeps_its_place_in_the_patient(small_volume: Volume) -> None:
    turn = np.deg2rad(25)
    rotation = np.array(
        [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
    )
    affine = small_volume.affine.copy()
    affine[:3] = rotation @ affine[:3]
    volume = series_of(wrap_ct(Volume(small_volume.values, affine), Label("A", "A", "o"))).volume()
    assert np.allclose(volume.affine, affine, atol=1e-4)
    assert np.allclose(volume.to_point(np.array([7.0, 3, 4])), affine[:3] @ [7, 3, 4, 1], atol=1e-3)


def test_a_missing_slice_is_named_and_bridged(ct_files: list[bytes], small_volume: Volume) -> None:
    series = series_of(ct_files[:4] + ct_files[5:])
    assert codes(series) == ["missing-slices"]
    assert series.problems[0].text.en == (
        "1 slice(s) are missing, after slice 4 of 7 (z = -92.5 .. -87.5 mm); the gap was "
        "interpolated."
    )
    # this volume is linear along z, so the bridge is exact
    assert np.array_equal(series.volume().values, small_volume.values)


def test_a_wide_gap_is_refused(ct_files: list[bytes]) -> None:
    series = series_of(ct_files[:3] + ct_files[6:])
    assert codes(series) == ["missing-slices"]
    with pytest.raises(BadInput, match="3 slice\\(s\\) are missing"):
        series.volume()


def test_three_slices_lost_in_a_row_of_a_long_series_are_too_many() -> None:
    values = np.zeros((60, 4, 4), dtype=np.int16)
    files = wrap_ct(Volume(values, np.eye(4)[:, [2, 1, 0, 3]]), Label("A", "A", "long"))
    assert series_of(files[:20] + files[22:]).usable
    assert series_of(files[:20] + files[21:40] + files[42:]).usable
    assert not series_of(files[:20] + files[23:]).usable
    assert not series_of([data for n, data in enumerate(files) if n % 7 != 3]).usable


def test_a_file_sent_twice_counts_once(ct_files: list[bytes], small_volume: Volume) -> None:
    series = series_of([*ct_files, ct_files[2], ct_files[2]])
    assert codes(series) == ["duplicates"]
    assert np.array_equal(series.volume().values, small_volume.values)


def test_two_different_objects_under_one_uid_are_refused(ct_files: list[bytes], edit) -> None:
    series = series_of([*ct_files, edit(ct_files[2], KVP="100")])
    assert codes(series) == ["two-objects-one-uid"]
    assert not series.usable


def test_two_slices_at_one_position_with_nothing_to_tell_them_apart_are_refused(
    ct_files: list[bytes], edit
) -> None:
    other = edit(ct_files[2], SOPInstanceUID="2.25.77", RescaleIntercept="-1000")
    series = series_of([*ct_files, other])
    assert codes(series) == ["same-position"]
    assert not series.usable


def test_two_acquisitions_in_one_series_become_two_stacks(
    ct_files: list[bytes], small_volume: Volume, edit
) -> None:
    later = [
        edit(data, SOPInstanceUID=f"2.25.9{n}", AcquisitionNumber="2")
        for n, data in enumerate(ct_files)
    ]
    stacks = assemble(read_instance(data) for data in [*ct_files, *later])
    assert [one.part for one in stacks] == ["1/2", "2/2"]
    for one in stacks:
        assert np.array_equal(one.volume().values, small_volume.values)


def test_acquisitions_that_still_overlap_are_refused(ct_files: list[bytes], edit) -> None:
    extra = [
        edit(ct_files[2], SOPInstanceUID="2.25.91", RescaleIntercept="-1000"),
        edit(ct_files[2], SOPInstanceUID="2.25.92", AcquisitionNumber="2"),
    ]
    series = series_of([*ct_files, *extra])
    assert codes(series) == ["same-position"]


@pytest.mark.parametrize("other", ["TEST-2", ""])
def test_a_series_of_two_patients_is_refused_naming_the_field_only(
    ct_files: list[bytes], edit, other: str
) -> None:
    series = series_of([*ct_files[:-1], edit(ct_files[-1], PatientID=other)])
    with pytest.raises(BadInput, match="mixes patients: PatientID differs") as refused:
        series.volume()
    assert "TEST" not in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"StudyInstanceUID": "2.25.5"}, "mixed-studies"),
        ({"FrameOfReferenceUID": "2.25.5"}, "mixed-frames-of-reference"),
        ({"Modality": "MR"}, "mixed-modalities"),
        ({"PatientBirthDate": "19500101"}, None),
        ({"PixelSpacing": ["0.5", "0.5"]}, "mixed-grids"),
        ({"ImagePositionPatient": None}, "no-geometry"),
        ({"ImageOrientationPatient": ["1", "0", "0", "1", "0", "0"]}, "no-geometry"),
        ({"RescaleSlope": "0"}, "no-geometry"),
        ({"RescaleIntercept": None}, "no-hounsfield"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "not-ct-images"),
    ],
)
def test_what_could_mislead_is_refused(
    ct_files: list[bytes], edit, fields: dict[str, object], code: str | None
) -> None:
    series = series_of([*ct_files[:-1], edit(ct_files[-1], **fields)])
    assert codes(series) == ([code] if code else [])
    assert series.usable is (code is None)


def test_localizers_are_left_out(ct_files: list[bytes], small_volume: Volume, edit) -> None:
    scout = edit(
        ct_files[0],
        SOPInstanceUID="2.25.78",
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
        ImageOrientationPatient=["1", "0", "0", "0", "0", "-1"],
    )
    series = series_of([scout, *ct_files])
    assert codes(series) == ["localizers"]
    assert len(series.instances) == 9  # kept on record, though no part of the volume
    assert "2.25.78" not in series.instance_uids
    assert np.array_equal(series.volume().values, small_volume.values)


@pytest.mark.parametrize("other", [[1, 0, 0, 0, 0, -1], [0, 0, 1, 0, 1, 0]])
def test_half_a_series_in_another_orientation_is_refused(
    ct_files: list[bytes], edit, other: list[int]
) -> None:
    turned = [edit(data, ImageOrientationPatient=other) for data in ct_files[4:]]
    series = series_of([*ct_files[:4], *turned])
    assert "mixed-orientations" in codes(series)
    assert not series.usable


def test_each_slice_has_its_own_rescale(ct_files: list[bytes], small_volume: Volume, edit) -> None:
    files = [*ct_files[:-1], edit(ct_files[-1], RescaleSlope="2", RescaleIntercept="-1000")]
    values = series_of(files).volume().values
    assert np.array_equal(values[:-1], small_volume.values[:-1])
    stored = small_volume.values[-1].astype(int) + 1024
    assert np.array_equal(values[-1], stored * 2 - 1000)


@pytest.mark.parametrize(
    ("slope", "bits", "dtype"),
    [("1", 12, np.int16), ("0.5", 12, np.float32), ("1", 16, np.float32)],
)
def test_other_modalities_keep_their_quantity_and_the_smallest_type_that_holds_it(
    ct_files: list[bytes], small_volume: Volume, edit, slope: str, bits: int, dtype: type
) -> None:
    mr = {"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "RescaleIntercept": "0"}
    more = {"RescaleSlope": slope, "BitsStored": bits, "PixelRepresentation": 0}
    series = series_of([edit(data, **mr, **more) for data in ct_files])
    values = series.volume().values
    assert values.dtype == dtype
    assert np.array_equal(values, (small_volume.values + 1024) * float(slope))


def test_padding_outside_the_scan_becomes_air(ct_files: list[bytes], edit) -> None:
    def pad(header: Dataset) -> None:
        header.add_new("PixelPaddingValue", "SS", 24)  # stored 24 is -1000 HU, voxel (0, 0, 0)

    values = series_of([edit(ct_files[0], pad), *ct_files[1:]]).volume().values
    assert values[0, 0, 0] == -1024
    assert values[0, 0, 1] == -999


@pytest.mark.parametrize("lean", [1, -1])
def test_a_tilted_gantry_is_straightened(edit, lean: int) -> None:
    """Slices drawn of an upright bar, each shifted as the tilt shifts it, give the bar back."""
    values = np.full((10, 24, 16), -1000, dtype=np.int16)
    affine = np.eye(4)
    affine[:3, :3] = [[0, 0, 1], [0, 1, 0], [2, 0, 0]]
    sheared = values.copy()
    for z in range(10):
        sheared[z, 12 - lean * z, 5] = 500  # the plane moves by one row a slice, the bar does not
    files = wrap_ct(Volume(sheared, affine), Label("A", "A", "tilt"))
    shifted = [
        edit(data, ImagePositionPatient=["0", str(lean * z), str(2 * z)])
        for z, data in enumerate(files)
    ]
    series = series_of(shifted)
    volume = series.volume()
    assert codes(series) == ["gantry-tilt"]
    assert np.allclose(volume.affine[:3, :3], affine[:3, :3])
    for z in range(10):
        at = np.rint(volume.to_index((5.0, 12.0, 2.0 * z))).astype(int)
        assert volume.values[tuple(at)] == 500


def test_uneven_slices_are_laid_on_an_even_grid(ct_files: list[bytes], edit) -> None:
    files = [*ct_files]
    files[3] = edit(files[3], ImagePositionPatient=["-40.5", "12.25", "-91.7"])
    series = series_of(files)
    assert codes(series) == ["uneven-spacing"]
    volume = series.volume()
    assert volume.spacing[0] == pytest.approx(2.5)
    # slice 3 (HU 300) lies at -91.7 instead of -92.5; at -92.5 it is mixed with slice 2
    assert volume.values[3, 0, 0] == round(-700 - 100 * (0.8 / 3.3))


def test_an_object_without_image_is_no_volume(ct_files: list[bytes], edit) -> None:
    series = series_of([edit(ct_files[0], PixelData=None, Rows=None)])
    assert codes(series) == ["not-images"]
    with pytest.raises(BadInput, match="must not be used"):
        series.volume()


def test_several_series_stay_apart(ct_files: list[bytes], small_volume: Volume) -> None:
    other = wrap_ct(small_volume, Label("TEST-1", "Test^Volume", "second", study_seed="unit"))
    found = assemble(read_instance(data) for data in [*ct_files, *other])
    assert len(found) == 2
    assert len({series.study_uid for series in found}) == 1


@pytest.fixture(scope="module")
def multi_frame(ct_files: list[bytes]) -> Dataset:
    """The same CT as one Legacy Converted Enhanced CT object."""
    return LegacyConvertedEnhancedCTImage(
        [dcmread(BytesIO(data)) for data in reversed(ct_files)],
        series_instance_uid="2.25.1",
        series_number=2,
        sop_instance_uid="2.25.2",
        instance_number=1,
    )


def encoded(dataset: Dataset) -> bytes:
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def test_a_multi_frame_ct_gives_the_same_volume(multi_frame: Dataset, small_volume: Volume) -> None:
    series = series_of([encoded(multi_frame)])
    volume = series.volume()
    assert series.problems == ()
    assert np.array_equal(volume.values, small_volume.values)
    assert np.allclose(volume.affine, small_volume.affine)
    assert set(series.instance_uids) == {"2.25.2"}


def test_a_multi_frame_object_without_positions_is_refused(multi_frame: Dataset) -> None:
    bare = copy.deepcopy(multi_frame)
    del bare.PerFrameFunctionalGroupsSequence
    series = series_of([encoded(bare)])
    assert "no-geometry" in codes(series)
    with pytest.raises(BadInput, match="multi-frame object without a position"):
        series.volume()


def test_a_multi_frame_object_with_a_group_too_few_is_refused(multi_frame: Dataset) -> None:
    short = copy.deepcopy(multi_frame)
    del short.PerFrameFunctionalGroupsSequence[-1]
    with pytest.raises(BadInput, match="7 functional groups for 8 frames"):
        series_of([encoded(short)]).volume()


def test_memory_stays_near_one_copy_of_the_volume() -> None:
    values = np.zeros((40, 256, 256), dtype=np.int16)
    files = wrap_ct(Volume(values, np.diag([1.0, 1, 1, 1])[[2, 1, 0, 3]]), Label("A", "A", "m"))
    series = series_of(files)
    tracemalloc.start()
    try:
        volume = series.volume()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * volume.values.nbytes
