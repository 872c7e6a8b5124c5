"""An ultrasound instance becomes a B-mode picture, or says why it is none."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundImageStorage, generate_uid
from scipy import ndimage

from suwen.imaging.breast import ultrasound
from suwen.imaging.planar import case as planar_case
from suwen.imaging.reading.instance import read_instance


def tissue(height=300, width=400, seed=0):
    """Speckle, darker with depth."""
    rng = np.random.default_rng(seed)
    values = ndimage.gaussian_filter(rng.gamma(4, 0.25, (height, width)), (1.0, 2.0))
    return (100 * values * np.linspace(1, 0.4, height)[:, None]).astype(np.uint8)


def region(box, kind=(1, 1), delta=0.01):
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType = kind
    item.RegionLocationMinX0, item.RegionLocationMinY0 = box[:2]
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = box[2:]
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.PhysicalDeltaX, item.PhysicalDeltaY = delta, delta * 2
    return item


def instance(pixels, kind="MONOCHROME2", regions=(), frames=1, **fields):
    """An ultrasound image as a DICOM file, read back."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = UltrasoundImageStorage
    data.SOPClassUID, data.SOPInstanceUID = UltrasoundImageStorage, generate_uid(entropy_srcs=["u"])
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.Modality = "US"
    colours = 3 if pixels.ndim == 3 and frames == 1 else 1
    data.Rows, data.Columns = pixels.shape[-2:] if colours == 1 else pixels.shape[:2]
    data.SamplesPerPixel, data.PhotometricInterpretation = colours, kind
    if colours == 3:
        data.PlanarConfiguration = 0
    if frames > 1:
        data.NumberOfFrames = frames
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    if regions:
        data.SequenceOfUltrasoundRegions = list(regions)
    for name, value in fields.items():
        setattr(data, name, value)
    data.PixelData = pixels.tobytes()
    out = BytesIO()
    data.save_as(out, enforce_file_format=True)
    return read_instance(out.getvalue())


def test_a_grey_still_picture_is_taken_as_it_is():
    found = ultrasound.picture_of(instance(tissue()))
    assert found.refusal is None
    assert found.image.shape == (300, 400)
    assert np.abs(found.image - tissue() / 255).max() < 1e-3
    assert found.spacing_mm is None


def test_an_inverted_picture_is_turned_over():
    found = ultrasound.picture_of(instance(255 - tissue(), "MONOCHROME1"))
    assert np.abs(found.image - tissue() / 255).max() < 1e-3


def test_the_largest_b_mode_region_is_cut_out_with_its_pixel_size():
    screen = np.zeros((400, 600), np.uint8)
    screen[50:350, 100:500] = tissue()
    regions = [
        region((100, 50, 499, 349)),
        region((0, 0, 90, 90)),
        region((0, 0, 599, 399), (3, 3)),
    ]
    found = ultrasound.picture_of(instance(screen, regions=regions))
    assert found.image.shape == (300, 400)
    assert found.spacing_mm == pytest.approx((0.2, 0.1))


@pytest.mark.parametrize("kind", ["RGB", "YBR_FULL"])
def test_grey_tissue_stored_in_colours_is_the_same_picture(kind):
    grey = tissue()
    colours = np.repeat(grey[..., None], 3, axis=2)
    if kind == "YBR_FULL":
        colours[..., 1:] = 128
    found = ultrasound.picture_of(instance(colours, kind))
    assert np.abs(found.image - grey / 255).max() < 0.01


def test_marks_in_colour_are_painted_over():
    colours = np.repeat(tissue()[..., None], 3, axis=2)
    colours[100:104, 100:140] = (250, 240, 20)
    found = ultrasound.picture_of(instance(colours, "RGB"))
    assert found.refusal is None
    assert found.image[100:104, 100:140].max() < 0.75
    assert np.abs(found.image[200:] - tissue()[200:] / 255).max() < 0.01


def test_doppler_and_another_display_are_refused_with_the_reason():
    doppler = np.repeat(tissue()[..., None], 3, axis=2)
    doppler[100:200, 100:250] = (200, 30, 20)
    cases = [
        (instance(doppler, "RGB"), ultrasound.COLOUR),
        (instance(tissue(), regions=[region((0, 0, 399, 299), (2, 1))]), ultrasound.NO_REGION),
    ]
    for given, reason in cases:
        found = ultrasound.picture_of(given)
        assert found.refusal == reason
        assert found.uid == given.text("SOPInstanceUID")


def test_pixels_cut_short_are_refused_and_do_not_raise():
    given = instance(tissue())
    broken = read_instance(given.load()[:-40_000])
    assert ultrasound.picture_of(broken).refusal == planar_case.UNREADABLE


@pytest.mark.parametrize(("part", "other"), [("BREAST", False), ("", False), ("ABDOMEN", True)])
def test_pictures_of_another_body_part_are_told_apart(part, other):
    fields = {"BodyPartExamined": part} if part else {}
    refused = ultrasound.other_body_part(instance(tissue(), **fields))
    assert refused == (ultrasound.NOT_BREAST if other else None)
