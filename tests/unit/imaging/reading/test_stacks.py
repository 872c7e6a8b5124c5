"""What one series mixes is told apart; what belongs together stays together."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.imaging.reading.assembly import assemble
from suwen.imaging.reading.instance import read_instance
from suwen.imaging.volumes.volume import Volume


def again(files, edit, offset_mm=0.0, start=0, **fields):
    """The same slices as other objects, moved along the body."""
    return [
        edit(
            data,
            SOPInstanceUID=f"2.25.9{start + n}",
            ImagePositionPatient=["-40.5", "12.25", f"{-100 + 2.5 * n + offset_mm:.3f}"],
            **fields,
        )
        for n, data in enumerate(files)
    ]


def found(files):
    return assemble(read_instance(data) for data in files)


@pytest.mark.parametrize("offset_mm", [0.0, 0.7, 1.25])
@pytest.mark.parametrize(
    ("field", "first", "second"),
    [
        ("AcquisitionNumber", "1", "2"),
        ("TemporalPositionIdentifier", "1", "2"),
        ("ConvolutionKernel", "B30f", "B70f"),
        ("ContrastBolusAgent", "", "Iohexol"),
        ("KVP", "80", "140"),
    ],
)
def test_two_scans_are_never_interleaved_where_a_field_differs(
    ct_files, small_volume, edit, offset_mm, field, first, second
):
    files = [edit(data, **{field: first}) for data in ct_files]
    stacks = found([*files, *again(ct_files, edit, offset_mm, **{field: second})])
    assert [one.part for one in stacks] == ["1/2", "2/2"]
    for one in stacks:
        assert np.array_equal(one.volume().values, small_volume.values)
        assert f"they differ in {field}" in one.problems[0].text.en


def test_kernels_of_two_phases_are_four_stacks(ct_files, edit):
    files = [
        data
        for n, (phase, kernel) in enumerate((p, k) for p in "12" for k in ("soft", "lung"))
        for data in again(
            ct_files, edit, start=100 * n, AcquisitionNumber=phase, ConvolutionKernel=kernel
        )
    ]
    stacks = found(files)
    assert [one.part for one in stacks] == ["1/4", "2/4", "3/4", "4/4"]
    assert [len(one.slices) for one in stacks] == [8] * 4


def test_numbering_that_goes_back_over_the_body_is_a_second_pass(ct_files, small_volume, edit):
    later = again(ct_files, edit, 1.25)
    numbered = [edit(d, InstanceNumber=str(50 + n)) for n, d in enumerate(later)]
    stacks = found([*ct_files, *numbered])
    assert [one.part for one in stacks] == ["1/2", "2/2"]
    assert np.array_equal(stacks[0].volume().values, small_volume.values)


def test_a_field_that_is_new_on_every_slice_tells_nothing_apart(ct_files, small_volume, edit):
    files = [edit(d, AcquisitionNumber=str(n), AcquisitionTime=f"1200{n:02}")
             for n, d in enumerate(ct_files)]  # fmt: skip
    (series,) = found(files)
    assert series.problems == ()
    assert np.array_equal(series.volume().values, small_volume.values)


def test_blocks_that_follow_each_other_stay_one_stack(ct_files, small_volume, edit):
    files = [edit(data, AcquisitionNumber=str(n // 4)) for n, data in enumerate(ct_files)]
    (series,) = found(files)
    assert series.problems == ()
    assert np.array_equal(series.volume().values, small_volume.values)


def test_scans_in_each_other_that_nothing_tells_apart_are_refused(ct_files, edit):
    files = [*ct_files, *again(ct_files, edit, 0.7)]
    (series,) = found([edit(data, InstanceNumber=None) for data in files])
    assert [problem.code for problem in series.problems] == ["interleaved"]
    assert not series.usable


def test_a_copy_under_another_uid_counts_once(ct_files, small_volume, edit):
    (series,) = found([*ct_files, edit(ct_files[2], SOPInstanceUID="2.25.77")])
    assert [problem.code for problem in series.problems] == ["duplicates"]
    assert np.array_equal(series.volume().values, small_volume.values)


def test_a_localizer_with_a_frame_of_reference_of_its_own_does_not_refuse_its_series(
    ct_files, small_volume: Volume, edit
):
    scout = edit(
        ct_files[0],
        SOPInstanceUID="2.25.78",
        FrameOfReferenceUID="2.25.79",
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
    )
    (series,) = found([scout, *ct_files])
    assert [problem.code for problem in series.problems] == ["localizers"]
    assert series.frame_of_reference_uid == series.slices[0].instance.text("FrameOfReferenceUID")
    assert np.array_equal(series.volume().values, small_volume.values)


@pytest.mark.parametrize("bits", [8, 12])
def test_a_ct_of_eight_bits_holds_no_hounsfield_units(ct_files, edit, bits):
    (series,) = found([edit(data, BitsStored=bits, HighBit=bits - 1) for data in ct_files])
    assert series.usable is (bits == 12)
    if bits == 8:
        assert [problem.code for problem in series.problems] == ["eight-bit"]
