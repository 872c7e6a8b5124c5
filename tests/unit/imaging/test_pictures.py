"""Key images are drawn as a radiologist expects them."""

from io import BytesIO

import numpy as np
from PIL import Image
from tests.unit.imaging.nodules import ball

from suwen.imaging.pictures import OUTLINE, PIXELS, frame_of, key_image
from suwen.imaging.volume import Volume


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
