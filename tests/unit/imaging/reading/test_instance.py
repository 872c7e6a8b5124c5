"""Reading one instance: pixels or one clear error, and never a value from the patient's header."""

from __future__ import annotations

import struct
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, RLELossless

from suwen.core.errors import BadInput, SuwenError, UnsafeInput
from suwen.imaging.reading.assembly import assemble
from suwen.imaging.reading.instance import codestream_size, read_instance


def test_stored_values_come_back_frame_by_frame(ct_files: list[bytes]) -> None:
    frames = list(read_instance(ct_files[3]).pixels())
    assert len(frames) == 1
    assert frames[0].shape == (12, 16)
    assert frames[0][2, 5] - 1024 == 3 * 100 + 2 * 10 + 5 - 1000


def test_run_length_encoded_pixels_are_decoded(ct_files: list[bytes]) -> None:
    dataset = dcmread(BytesIO(ct_files[0]))
    dataset.compress(RLELossless, generate_instance_uid=False)
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    packed, plain = read_instance(stream.getvalue()), read_instance(ct_files[0])
    assert packed.problems == ()
    assert (next(packed.pixels()) == next(plain.pixels())).all()


def test_pixel_data_cut_short_is_named_before_and_when_it_is_read(ct_files: list[bytes]) -> None:
    instance = read_instance(ct_files[0][:-100])
    assert [problem.code for problem in instance.problems] == ["pixels-cut-short"]
    assert instance.problems[0].refuses
    with pytest.raises(BadInput, match="cannot be decoded"):
        next(instance.pixels())


def test_an_object_without_pixels_says_so(ct_files: list[bytes], edit) -> None:
    with pytest.raises(BadInput, match="has no pixels"):
        next(read_instance(edit(ct_files[0], PixelData=None)).pixels())


def test_a_compressed_picture_larger_than_its_header_is_refused(ct_files: list[bytes]) -> None:
    # SOC + SIZ of a JPEG 2000 stream that announces 60000 x 60000 pixels
    siz = struct.pack(">HHHIIIIIIIIH", 0xFF51, 41, 0, 60000, 60000, 0, 0, 60000, 60000, 0, 0, 1)
    stream = b"\xff\x4f" + siz + b"\x0f\x01\x01" + bytes(64)
    dataset = dcmread(BytesIO(ct_files[0]))
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    assert codestream_size(stream) == (60000, 60000)
    with pytest.raises(UnsafeInput, match="60000 x 60000"):
        next(read_instance(out.getvalue()).pixels())


@pytest.mark.parametrize(
    ("stream", "size"),
    [
        (b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x0b\x08\x01\x00\x02\x00\x01\x01\x11\0", (256, 512)),
        (b"\xff\xd8\xff\xff\xf7\0\x0b\x08\x00\x10\x00\x20\x01\x01\x11\0", (16, 32)),
        (b"\xff\xd8\x00\x00" + bytes(20), None),
        (b"\xff\xd8", None),
        (b"anything else", None),
    ],
)
def test_the_size_of_a_compressed_picture_is_read_from_its_own_header(
    stream: bytes, size: tuple[int, int] | None
) -> None:
    assert codestream_size(stream) == size


def test_errors_name_the_field_and_never_its_value(ct_files: list[bytes]) -> None:
    secret = b"SECRET^PATIENT"
    data = ct_files[0].replace(b"-1024 ", b"SECRET", 1)
    (series,) = assemble([read_instance(data)])
    text = " ".join(problem.text.en + problem.text.zh for problem in series.problems)
    assert "RescaleIntercept" in text
    assert "SECRET" not in text
    assert secret.decode() not in repr(read_instance(ct_files[0].replace(b"Test^Volume", secret)))


class Originals:
    """Two sound files to damage; not bytes, so that a failing example prints short."""

    def __init__(self, plain: bytes) -> None:
        dataset = dcmread(BytesIO(plain))
        dataset.compress(RLELossless, generate_instance_uid=False)
        stream = BytesIO()
        dataset.save_as(stream, enforce_file_format=True)
        self.plain, self.packed = plain, stream.getvalue()


@pytest.fixture(scope="module")
def originals(ct_files: list[bytes]) -> Originals:
    return Originals(ct_files[0])


def read_all(data: bytes) -> None:
    """Do everything that is done to a file that comes in; only SuwenError may come out."""
    with suppress(SuwenError):
        for series in assemble([read_instance(data)]):
            assert np.isfinite(series.volume().affine).all()


@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    packed=st.booleans(),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12),
    keep=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_no_damage_to_a_file_gives_anything_but_one_clear_error(
    originals: Originals, packed: bool, flips: list[tuple[float, int]], keep: float
) -> None:
    damaged = bytearray(originals.packed if packed else originals.plain)
    for place, value in flips:
        damaged[int(place * (len(damaged) - 1))] = value
    read_all(bytes(damaged[: int(keep * len(damaged))]))
