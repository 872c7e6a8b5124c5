"""The guard refuses what could harm a parser, and says what to do."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from suwen.core import dicom_guard, inflating
from suwen.core.errors import BadInput, UnsafeInput
from suwen.core.settings import settings
from suwen.imaging.reading import guard
from suwen.imaging.reading.instance import read_instance


def sequence(depth: int, *, explicit_length: bool = False) -> bytes:
    """A private sequence nested `depth` times, delimited or with lengths."""
    inner = b""
    for _ in range(depth):
        size = len(inner) + 8 if explicit_length else 0xFFFFFFFF
        item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner) if explicit_length else 0xFFFFFFFF)
        body = item + inner
        if not explicit_length:
            body += struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
        inner = struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, size) + body
        if not explicit_length:
            inner += struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return inner


def before_pixels(data: bytes, extra: bytes) -> bytes:
    """Insert encoded elements in front of the pixel data."""
    at = data.rindex(b"\xe0\x7f\x10\x00OW")
    return data[:at] + extra + data[at:]


def implicit(data: bytes, extra: bytes) -> bytes:
    """The same object in Implicit VR Little Endian, with `extra` at its end."""
    dataset = dcmread(BytesIO(data))
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue() + extra


def deflated(data: bytes, extra: int = 0) -> bytes:
    """The same object in the deflated transfer syntax, with `extra` zero bytes of private text."""
    dataset = dcmread(BytesIO(data))
    if extra:
        dataset.add_new(0x00091001, "OB", bytes(extra))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def test_a_sound_ct_slice_passes_unchanged(ct_files: list[bytes]) -> None:
    checked = guard.check_dicom(ct_files[0])
    assert checked.data is ct_files[0]
    assert (checked.pixels, checked.missing, checked.cut) == (12 * 16 * 2, 0, False)


@pytest.mark.parametrize(
    ("start", "named"),
    [
        (b"MZ\x90\0", "Windows program"),
        (b"\x7fELF", "Linux program"),
        (b"#!/bin/sh", "script"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04", "ZIP"),
        (b"<script>", "markup"),
    ],
)
def test_a_program_in_the_preamble_is_refused_by_name(
    ct_files: list[bytes], start: bytes, named: str
) -> None:
    hostile = start + ct_files[0][len(start) :]
    with pytest.raises(UnsafeInput, match=named):
        read_instance(hostile)


@pytest.mark.parametrize("start", [b"II*\0", b"MM\0*"])
def test_a_tiff_header_in_the_preamble_is_what_the_standard_means(
    ct_files: list[bytes], start: bytes
) -> None:
    assert read_instance(start + ct_files[0][4:]).problems == ()


def test_a_meaningless_preamble_is_read_with_a_warning(ct_files: list[bytes]) -> None:
    instance = read_instance(b"SCANNER" + ct_files[0][7:])
    assert [problem.code for problem in instance.problems] == ["odd-preamble"]


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", "no DICOM file"),
        (b"hello", "no DICOM file"),
        (b"Salted__" + bytes(500), "encrypted by OpenSSL"),
        (b"\x30\x82\x10\x00" + bytes(500), "encrypted or signed"),
        (b"\x28\xb5\x2f\xfd" + bytes(500), "Zstandard"),
        (b"\x08\x00\x05\x00CS\x0a\x00" + bytes(500), "without preamble"),
    ],
)
def test_what_is_no_dicom_is_named_and_refused(data: bytes, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        read_instance(data)


@pytest.mark.parametrize("explicit_length", [False, True])
def test_sequences_nested_beyond_the_limit_are_refused_without_recursion(
    ct_files: list[bytes], explicit_length: bool
) -> None:
    allowed = before_pixels(ct_files[0], sequence(100, explicit_length=explicit_length))
    assert guard.check_dicom(allowed).depth == 100
    assert read_instance(allowed).rows == 12
    for depth in (101, 3000):
        deep = before_pixels(ct_files[0], sequence(depth, explicit_length=explicit_length))
        with pytest.raises(UnsafeInput, match="nested deeper than 100"):
            read_instance(deep)


def test_depth_is_counted_where_only_the_dictionary_knows_a_sequence(
    ct_files: list[bytes],
) -> None:
    inner = b""
    for _ in range(101):  # implicit VR with lengths: nothing but the tag says "sequence"
        item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
        inner = struct.pack("<HHI", 0x0040, 0xA730, len(item)) + item
    with pytest.raises(UnsafeInput, match="nested deeper"):
        read_instance(implicit(ct_files[0], inner))
    unknown = struct.pack("<HH2sHI", 0x0040, 0xA730, b"UN", 0, len(inner)) + inner
    with pytest.raises(UnsafeInput, match="nested deeper"):
        read_instance(before_pixels(ct_files[0], unknown))


def test_a_deflated_object_is_read_like_its_plain_twin(ct_files: list[bytes]) -> None:
    plain, packed = read_instance(ct_files[0]), read_instance(deflated(ct_files[0]))
    assert packed.transfer_syntax == dicom_guard.DEFLATED
    assert (next(packed.pixels()) == next(plain.pixels())).all()


def test_a_deflate_bomb_is_stopped_at_the_limit_in_bounded_memory(
    ct_files: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = deflated(ct_files[0], extra=64 * inflating.MIB)
    assert len(bomb) < 200_000
    monkeypatch.setattr(inflating.inflate, "__defaults__", (-zlib.MAX_WBITS, 8 * inflating.MIB))
    tracemalloc.start()
    try:
        with pytest.raises(UnsafeInput, match="grows beyond 8 MiB"):
            read_instance(bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24 * inflating.MIB


def test_deflated_data_that_ends_early_is_refused(ct_files: list[bytes]) -> None:
    with pytest.raises(BadInput, match=r"ends too early|damaged"):
        read_instance(deflated(ct_files[0])[:-40])


def test_a_file_over_the_upload_limit_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUWEN_MAX_UPLOAD_MB", "1")
    settings.cache_clear()
    try:
        with pytest.raises(UnsafeInput, match="SUWEN_MAX_UPLOAD_MB"):
            guard.check_dicom(bytes(2 * inflating.MIB))
    finally:
        settings.cache_clear()


def test_an_object_of_endless_tiny_elements_is_refused(
    ct_files: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dicom_guard, "ELEMENTS", 1000)
    tiny = struct.pack("<HH2sH", 0x0009, 0x1001, b"LO", 0) * 1100
    with pytest.raises(UnsafeInput, match="more than 1000 data elements"):
        read_instance(before_pixels(ct_files[0], tiny))


@pytest.mark.parametrize(
    "fields",
    [
        {"Rows": 60000, "Columns": 60000},
        {"NumberOfFrames": "2000000000"},
        {"Rows": 30000, "Columns": 30000, "SamplesPerPixel": 3},
    ],
)
def test_a_header_announcing_absurd_pixels_is_refused_before_they_are_allocated(
    ct_files: list[bytes], edit, fields: dict[str, object]
) -> None:
    with pytest.raises(UnsafeInput, match="announcing"):
        read_instance(edit(ct_files[0], **fields))
