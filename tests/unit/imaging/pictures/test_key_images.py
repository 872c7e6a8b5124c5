"""Key images are drawn as a radiologist expects them."""

from io import BytesIO

import numpy as np
from PIL import Image
from tests.unit.imaging.drawn_nodules import ball

from suwen.imaging.pictures.key_images import (
    OUTLINE,
    PIXELS,
    SMALL_MM,
    SMALL_PIXELS,
    frame_of,
    key_image,
    small_picture,
)
from suwen.imaging.volumes.volume import Volume


def picture(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(data)).convert("RGB")).astype(int)


def outlined(pixels: np.ndarray) -> np.ndarray:
    return np.abs(pixels - np.array(OUTLINE)).sum(-1) < 60


def test_the_outline_is_drawn_at_the_size_of_the_nodule():
    data, mask = ball(10.0)
    shown = outlined(picture(key_image(data.volume, mask)))
    frame = frame_of(data.volume, mask)
    across = np.ptp(np.flatnonzero(shown.any(0))) * frame.pixel_mm
    assert shown.shape == (PIXELS, PIXELS)
    assert abs(across - 10) < 1.5


def test_patients_right_is_on_the_left_whichever_way_the_rows_run():
    data, mask = ball(6.0, shape=(12, 64, 64))
    marked = data.volume.values.copy()
    marked[:, :, 10:14] = 200  # low x: the patient's right
    straight = Volume(marked, data.volume.affine)
    mirror = data.volume.affine.copy()
    mirror[:3, 2] *= -1
    mirror[:3, 3] = data.volume.to_point(np.array([0.0, 0, 63]))
    for volume, inside in (
        (straight, mask),
        (Volume(marked[:, :, ::-1], mirror), mask[:, :, ::-1]),
    ):
        shown = picture(key_image(volume, inside)).sum(-1)
        assert shown[200:300, :150].mean() > shown[200:300, -150:].mean()


def test_saliency_warms_what_is_relevant_and_nothing_else():
    data, mask = ball(8.0)
    relevance = np.where(mask, 1.0, 0.0).astype(np.float32)
    plain = picture(key_image(data.volume, mask))
    warm = picture(key_image(data.volume, mask, relevance))
    redder = (warm[..., 0] - warm[..., 2]) > 40
    assert redder[PIXELS // 2, PIXELS // 2]
    assert not redder[60:200, 60:150].any()
    assert np.array_equal(plain[60:200, 60:150], warm[60:200, 60:150])


def test_small_pictures_are_to_one_scale_so_that_sizes_compare():
    for diameter in (6.0, 12.0):
        data, mask = ball(diameter)
        shown = small_picture(data.volume, mask)
        assert (shown.shape, shown.dtype) == ((SMALL_PIXELS, SMALL_PIXELS), np.uint8)
        across = (shown[SMALL_PIXELS // 2] > 150).sum() * SMALL_MM / SMALL_PIXELS
        assert abs(across - diameter) < 1.5


def test_a_small_picture_is_black_where_the_crop_ends_and_lung_is_not():
    data, mask = ball(6.0, shape=(12, 24, 24))
    width = 24 * data.volume.spacing[1]
    shown = small_picture(data.volume, mask)
    edge = int((SMALL_MM - width) / 2 * SMALL_PIXELS / SMALL_MM)
    assert edge > 3
    assert not shown[:, : edge - 1].any()
    assert shown[SMALL_PIXELS // 2, edge + 2 : -edge - 2].all()


def test_a_small_picture_shows_the_patients_right_on_the_left_whichever_way_the_rows_run():
    data, mask = ball(6.0, shape=(12, 64, 64))
    marked = data.volume.values.copy()
    marked[:, :, 20:24] = 200  # low x: the patient's right
    mirror = data.volume.affine.copy()
    mirror[:3, 2] *= -1
    mirror[:3, 3] = data.volume.to_point(np.array([0.0, 0, 63]))
    for volume, inside in (
        (Volume(marked, data.volume.affine), mask),
        (Volume(marked[:, :, ::-1], mirror), mask[:, :, ::-1]),
    ):
        shown = small_picture(volume, inside).astype(int)
        assert shown[20:50, :20].mean() > shown[20:50, -20:].mean() + 10
