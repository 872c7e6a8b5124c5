"""Pictures of development examples: kept with nothing to unpickle, and only where allowed."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from suwen.core.errors import BadInput
from suwen.lifecycle.examples import Examples, Sample, Source
from suwen.lifecycle.sealed import gallery_pictures
from suwen.lifecycle.sealed.gallery_pictures import Pictures, encoded, media_type

SOURCE = Source("made up", "https://example.org", "CC0", "none", True)


class Ramps:
    """Each example is a ramp to its own brightness."""

    def picture_of(self, sample):
        return np.linspace(0, sample.data, 64).astype(np.uint8).reshape(8, 8)


def ramps(source):
    return Examples(
        source,
        ("dim", "bright"),
        np.array(["a", "b"]),
        np.array([0, 1]),
        load=lambda i: Sample("ramp", 100 + 100 * i),
    )


def test_each_example_has_its_own_picture_as_it_was_drawn():
    kept = Pictures.from_bytes(gallery_pictures.drawn(Ramps(), ramps(SOURCE)).to_bytes())
    assert len(kept) == 2
    for i, brightest in enumerate((100, 200)):
        shown = np.asarray(Image.open(BytesIO(kept.of(i))).convert("L"))
        assert shown.shape == (8, 8)
        assert abs(int(shown.max()) - brightest) < 8


def test_equal_pictures_give_equal_bytes():
    first, again = (gallery_pictures.drawn(Ramps(), ramps(SOURCE)).to_bytes() for _ in range(2))
    assert first == again


def test_no_picture_of_data_that_may_not_be_passed_on_is_kept():
    assert gallery_pictures.drawn(Ramps(), ramps(replace(SOURCE, shippable=False))) is None


def test_bytes_that_are_no_pictures_are_refused():
    kept = gallery_pictures.drawn(Ramps(), ramps(SOURCE))
    out = BytesIO()
    np.savez(out, content=np.array([object()]), end=kept.end)
    for content in (b"not an archive", out.getvalue()):
        with pytest.raises(BadInput, match="cannot be read"):
            Pictures.from_bytes(content)


@pytest.mark.parametrize("end", [[10, 5], [0, 20], [10, 21]])
def test_ends_that_do_not_fit_the_bytes_are_refused(end):
    with pytest.raises(BadInput, match="do not fit"):
        Pictures(np.zeros(20, np.uint8), np.array(end))


def test_a_picture_is_a_webp_and_one_of_an_earlier_release_still_a_jpeg():
    drawn = encoded(np.zeros((5, 7), np.uint8))
    assert Image.open(BytesIO(drawn)).format == "WEBP"
    assert media_type(drawn) == "image/webp"
    out = BytesIO()
    Image.new("L", (5, 7)).save(out, "JPEG")
    assert media_type(out.getvalue()) == "image/jpeg"


def test_what_a_radiologist_compares_is_kept_near_the_original():
    rows, columns = np.mgrid[:72, :72] - 36
    nodule = 60 + 120 * (np.hypot(rows, columns) < 14) + 20 * np.sin(columns / 2)
    picture = np.clip(nodule, 0, 255).astype(np.uint8)
    shown = np.asarray(Image.open(BytesIO(encoded(picture))).convert("L")).astype(int)
    assert np.abs(shown - picture).mean() < 3
    assert len(encoded(picture)) < 1500
