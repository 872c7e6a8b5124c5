"""Windows, pictures as volumes, and single slices as a person sees them."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from tests.unit.imaging.radiographs import chest_like, dx

from suwen.imaging.display import (
    COLOUR,
    GREYS,
    PICTURE,
    VOLUME,
    coloured_volume,
    picture_volume,
    pixel_of,
    slice_picture,
    windows,
)
from suwen.imaging.reading.instance import read_instance
from suwen.imaging.volumes.volume import Volume


def keys(modality: str, kind: str) -> list[str]:
    return [one.key for one in windows() if one.of(modality, kind)]


def test_a_ct_opens_in_the_lung_window_and_offers_the_four_of_the_chest() -> None:
    assert keys("CT", VOLUME) == ["lung", "mediastinum", "bone", "soft"]
    lung = windows()[0]
    assert (lung.low, lung.high) == (-1350, 150), "level -600, width 1500"


def test_other_images_are_shown_over_their_own_values() -> None:
    assert keys("MR", VOLUME) == ["automatic", "full"]
    assert keys("DX", PICTURE) == ["full"]
    values = np.arange(1001, dtype=np.int16)
    ranges = {one.key: one.range_of(values) for one in windows() if one.of("MR", VOLUME)}
    assert ranges == {"automatic": (20.0, 980.0), "full": (0.0, 1000.0)}


def test_every_window_has_a_name_in_both_languages() -> None:
    assert all(one.name.en and one.name.zh != one.name.en for one in windows())


def test_a_radiograph_is_a_slice_measured_at_the_detector() -> None:
    instance = read_instance(dx())
    made = picture_volume(instance)
    assert made.values.shape == (1, 120, 144)
    assert (made.values.min(), made.values.max()) == (0, GREYS)
    assert pixel_of(instance) == ((1.5, 1.5), "mm at the detector")
    assert made.to_point(np.array([0.0, 10.0, 20.0])) == pytest.approx([30.0, 15.0, 0.0])
    shown = made.values[0] / GREYS
    assert np.corrcoef(shown.ravel(), chest_like().ravel())[0, 1] > 0.999


def test_an_inverted_radiograph_is_shown_with_dense_bright() -> None:
    plain = picture_volume(read_instance(dx()))
    pixels = np.round((1 - chest_like()) * 4000).astype("<u2")
    inverted = picture_volume(read_instance(dx(pixels, PhotometricInterpretation="MONOCHROME1")))
    assert np.abs(inverted.values - plain.values).max() <= 2


def test_a_picture_without_a_pixel_size_is_measured_in_pixels() -> None:
    assert pixel_of(read_instance(dx(ImagerPixelSpacing=[])))[1] == "px"
    assert pixel_of(read_instance(dx(PixelSpacing=["0.2", "0.1"]))) == ((0.2, 0.1), "mm")


def test_a_large_radiograph_keeps_its_size_in_mm() -> None:
    pixels = np.tile(np.arange(3000, dtype="<u2"), (100, 1))
    made = picture_volume(read_instance(dx(pixels)))
    assert made.values.shape == (1, 68, 2048)
    assert made.spacing[1] * 68 == pytest.approx(150)
    assert made.spacing[2] * 2048 == pytest.approx(4500)


def colour(pixels: np.ndarray) -> bytes:
    return dx(
        pixels, Modality="US", SamplesPerPixel=3, PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
    )  # fmt: skip


def test_doppler_keeps_its_colours_and_grey_stored_as_colour_is_grey() -> None:
    pixels = np.full((40, 50, 3), 90, np.uint8)
    grey = picture_volume(read_instance(colour(pixels)))
    assert grey.values.dtype == np.int16
    pixels[10:20, 5:15] = (200, 30, 10)
    made = picture_volume(read_instance(colour(pixels)))
    assert made.values.dtype == COLOUR
    assert made.values[0, 12, 7].tolist() == (200, 30, 10)
    assert made.values[0, 30, 30].tolist() == (90, 90, 90)


def test_a_map_over_a_picture_is_a_slice_of_colours() -> None:
    out = BytesIO()
    Image.new("RGB", (30, 20), (220, 90, 20)).save(out, "PNG")
    made = coloured_volume(out.getvalue())
    assert made.values.shape == (1, 20, 30)
    assert made.values[0, 3, 4].tolist() == (220, 90, 20)


def block(flip: float = 1.0) -> Volume:
    """Eight slices of air with one bright voxel column at a known place."""
    values = np.full((8, 20, 30), -1000, np.int16)
    values[5, 4, 6] = 100
    affine = np.array([[0, 0, 2.0 * flip, -10], [0, 1.0, 0, -20], [3.0, 0, 0, 5], [0, 0, 0, 1]])
    return Volume(values, affine)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_the_slice_through_a_place_is_shown_with_the_patients_right_on_the_left(flip) -> None:
    volume = block(flip)
    place = tuple(volume.to_point(np.array([5.0, 4.0, 6.0])))
    found = slice_picture(volume, windows()[0], 0, place)
    assert (found.level, found.count) == (5, 8)
    plain = slice_picture(volume, windows()[0], 5)
    row, column = np.unravel_index(pixels(plain.png)[..., 0].argmax(), pixels(plain.png).shape[:2])
    assert (row, column) == (2, 6 if flip > 0 else 23), "half as high: the pixels are 1 by 2 mm"
    assert np.ptp(pixels(plain.png), axis=-1).max() == 0
    assert np.ptp(pixels(found.png), axis=-1).max() > 100, "the place is ringed in colour"


def test_a_slice_out_of_range_is_the_nearest_there_is() -> None:
    assert slice_picture(block(), windows()[0], 99).level == 7
    assert slice_picture(block(), windows()[0], -3).level == 0


def test_a_slice_of_colours_is_shown_too() -> None:
    made = picture_volume(read_instance(colour(np.full((40, 50, 3), (200, 30, 10), np.uint8))))
    full = next(one for one in windows() if one.key == "full")
    assert slice_picture(made, full, 0).count == 1
