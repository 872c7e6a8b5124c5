"""Burned-in text: read, blanked on every frame, read again; what stays is what may stay."""

from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from suwen.core.errors import BadInput
from suwen.privacy.dicom import burned_in
from suwen.privacy.dicom import files as dicom
from suwen.privacy.dicom.burned_in import Box
from suwen.privacy.subjects.subject import Subject

SUBJECT = Subject(b"a key of the subject of the tests")
SIZE = (200, 320)


def picture(*texts: tuple[str, int, int]) -> np.ndarray:
    """Return a grey scan with texts at x, y."""
    noise = np.random.default_rng(0).integers(20, 90, SIZE, dtype=np.uint8)
    noise[:50] = 0
    image = Image.fromarray(noise)
    draw = ImageDraw.Draw(image)
    for text, x, y in texts:
        draw.text((x, y), text, font=ImageFont.load_default(18), fill=255)
    return np.asarray(image)


def ultrasound(pixels: np.ndarray, **more: object) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.3.4"
    dataset.Modality, dataset.PatientID = "US", "4839201"
    colour = pixels.shape[-1] == 3
    frames = pixels.ndim == (4 if colour else 3)
    dataset.NumberOfFrames = pixels.shape[0] if frames else 1
    dataset.Rows, dataset.Columns = pixels.shape[1:3] if frames else pixels.shape[:2]
    dataset.SamplesPerPixel = 3 if colour else 1
    dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = pixels.tobytes()
    for name, value in more.items():
        setattr(dataset, name, value)
    return dataset


def region(top: int, bottom: int, left: int, right: int) -> Dataset:
    item = Dataset()
    item.RegionLocationMinY0, item.RegionLocationMaxY1 = top, bottom
    item.RegionLocationMinX0, item.RegionLocationMaxX1 = left, right
    return item


def words(pixels: np.ndarray) -> list[str]:
    shown = np.repeat(pixels[..., None], 3, -1) if pixels.ndim == 2 else pixels
    return [text for _, text in burned_in.read(np.ascontiguousarray(shown))]


def test_a_name_in_the_header_band_is_blanked_and_the_scan_stays() -> None:
    pixels = picture(("DOE^JANE 4839201", 10, 12))
    assert words(pixels)
    buffer = io.BytesIO()
    ultrasound(pixels).save_as(buffer, enforce_file_format=True)
    done = dicom.deidentify(buffer.getvalue(), SUBJECT)
    new = pydicom.dcmread(io.BytesIO(done.data))
    assert done.blanked >= 1
    assert words(new.pixel_array) == []
    assert (new.pixel_array[60:] == pixels[60:]).all()
    assert new.BurnedInAnnotation == "NO"
    assert "113101" in [code.CodeValue for code in new.DeidentificationMethodCodeSequence]


def test_text_on_one_frame_of_many_is_blanked(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.stack([picture()] * 9)
    frames[4, 10:30, 40:200] = 255
    seen = []

    def reader(image: np.ndarray) -> list[tuple[Box, str]]:
        seen.append(image)
        bright = (image[10:30, 40:200] == 255).all()
        return [(Box(10, 30, 40, 200), "DOE")] if bright else []

    monkeypatch.setattr(burned_in, "read", reader)
    monkeypatch.setattr(burned_in, "_scale", lambda size: 1.0)
    dataset = ultrasound(frames)
    assert burned_in.clean(dataset) >= 1
    assert not (dataset.pixel_array[4, 10:30, 40:200] == 255).any()
    assert len(seen) >= 4


def test_an_ultrasound_with_regions_loses_everything_outside_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(burned_in, "read", lambda image: [])
    dataset = ultrasound(
        picture(("DOE", 5, 5)), SequenceOfUltrasoundRegions=Sequence([region(50, 180, 20, 300)])
    )
    burned_in.clean(dataset)
    assert dataset.pixel_array[:50].max() == dataset.pixel_array[60:].min()
    assert dataset.pixel_array[60:170, 30:290].max() > 60


def test_text_that_cannot_be_removed_refuses_the_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(burned_in, "read", lambda image: [(Box(0, 9, 0, 90), "DOE JANE")])
    with pytest.raises(BadInput, match="burned-in text"):
        burned_in.clean(ultrasound(picture()))


def test_pixels_that_cannot_be_decoded_refuse_the_object() -> None:
    dataset = ultrasound(picture())
    dataset.PixelData = b"\0\0"
    with pytest.raises(BadInput, match="decoded"):
        burned_in.clean(dataset)


@pytest.mark.parametrize("text", ["L", "R", "AP", "12.5 cm", "60 Hz", "3", "R MLO", "Supine"])
def test_markers_of_side_projection_and_scale_may_stay(text: str) -> None:
    assert burned_in.harmless(text)


@pytest.mark.parametrize("text", ["DOE", "4839201", "1961-04-12", "Mercy", "王小东", "12345 cm"])
def test_names_numbers_and_dates_may_not(text: str) -> None:
    assert not burned_in.harmless(text)


def test_a_ct_slice_is_searched_only_when_it_says_so() -> None:
    dataset = ultrasound(picture(), Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    assert not burned_in.may_hold_text(dataset)
    dataset.BurnedInAnnotation = "YES"
    assert burned_in.may_hold_text(dataset)
