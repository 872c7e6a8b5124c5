"""NIfTI in and out: left stays left, bombs are refused, orientation is never guessed."""

from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pytest

from suwen.core.errors import BadInput, UnsafeInput
from suwen.core.inflating import MIB
from suwen.imaging.reading.nifti import read_nifti, write_nifti
from suwen.imaging.volumes.volume import Volume


def nifti(values: np.ndarray, affine: np.ndarray, **header: float) -> bytes:
    image = nib.Nifti1Image(values, affine)
    for name, value in header.items():
        image.header[name] = value
    return image.to_bytes()


def test_ras_becomes_lps_and_xyz_becomes_zyx() -> None:
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)  # x, y, z
    affine = np.array([[2, 0, 0, 10], [0, 3, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1]], dtype=float)
    volume = read_nifti(nifti(values, affine))
    assert volume.values.shape == (4, 3, 2)
    assert volume.values.dtype == np.int16
    assert volume.values[3, 2, 1] == values[1, 2, 3]
    assert volume.to_point(np.array([3.0, 2, 1])) == pytest.approx([-12, -26, 42])


def test_what_is_written_is_read_back_to_the_same_bytes(small_volume: Volume) -> None:
    data = write_nifti(small_volume)
    again = read_nifti(data)
    assert np.array_equal(again.values, small_volume.values)
    assert np.allclose(again.affine, small_volume.affine, atol=1e-5)
    assert write_nifti(again) == data


def test_a_scaled_image_comes_back_in_its_quantity() -> None:
    image = nib.Nifti1Image(np.full((2, 2, 2), 3, dtype=np.int16), np.eye(4))
    image.header.set_slope_inter(2.0, -1024.0)
    data = bytearray(image.to_bytes())
    data[112:120] = np.array([2.0, -1024.0], dtype="<f4").tobytes()
    assert np.all(read_nifti(bytes(data)).values == 3 * 2 - 1024)


def test_values_that_are_no_numbers_become_the_smallest() -> None:
    values = np.array([[[np.nan, 1], [2, -5]]], dtype=np.float32)
    assert read_nifti(nifti(values, np.eye(4))).values[0, 0, 0] == -5


def test_a_gzip_bomb_is_stopped_at_what_its_header_needs() -> None:
    honest = nifti(np.zeros((4, 4, 4), dtype=np.int16), np.eye(4))
    bomb = gzip.compress(honest + bytes(64 * MIB))
    assert len(bomb) < 200_000
    with pytest.raises(UnsafeInput, match="grows beyond"):
        read_nifti(bomb)


def test_a_header_announcing_terabytes_is_refused() -> None:
    data = bytearray(nifti(np.zeros((4, 4, 4), dtype=np.int16), np.eye(4)))
    data[40:56] = np.array([3, 30000, 30000, 30000, 1, 1, 1, 1], dtype="<i2").tobytes()
    for hostile in (bytes(data), gzip.compress(bytes(data))):
        with pytest.raises(UnsafeInput, match="announcing"):
            read_nifti(hostile)


def test_an_image_without_orientation_is_refused() -> None:
    data = bytearray(nifti(np.zeros((4, 4, 4), dtype=np.int16), np.eye(4)))
    data[252:256] = bytes(4)  # qform_code and sform_code
    with pytest.raises(BadInput, match="without orientation"):
        read_nifti(bytes(data))


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", "no intact NIfTI"),
        (b"\x1f\x8bnonsense", "no intact NIfTI"),
        (bytes(2000), "no intact NIfTI"),
        (nifti(np.zeros((4, 4, 4), dtype=np.int16), np.eye(4))[:-9], "bytes as its header says"),
        (nifti(np.zeros((4, 4, 4, 2), dtype=np.int16), np.eye(4)), "not a volume"),
        (nifti(np.zeros((4, 4, 4), dtype=np.complex64), np.eye(4)), "complex"),
    ],
)
def test_damaged_or_other_files_give_one_clear_error(data: bytes, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        read_nifti(data)
