"""Radiographs and ultrasound of a Case: read rightly, or refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.imaging.radiographs import case_of, chest_like, dx

from suwen.core.nouns import digest_of
from suwen.imaging.chest import task as chest
from suwen.imaging.planar import case as planar_case
from suwen.imaging.planar.case import picture_of, planar_samples
from suwen.imaging.reading.instance import read_instance

ANY = frozenset({"DX", "CR", "US"})


def samples(*files):
    return planar_samples(case_of(*files), ANY, chest.refusal_of)


def close(image, wanted):
    stretched = (wanted - wanted.min()) / np.ptp(wanted)
    return np.abs(image - stretched).max() < 0.01


def test_a_radiograph_is_one_sample_with_its_bytes_as_input():
    data = dx()
    (sample,) = samples(data)
    assert sample.data.refusal is None
    assert close(sample.data.image, chest_like())
    assert sample.data.spacing_mm == (1.5, 1.5)
    assert f"blob/{digest_of(data)}" in sample.inputs
    assert sample.data.uid in sample.evidence[0].path


def test_two_pictures_of_one_series_are_two_samples():
    second = {"SeriesInstanceUID": read_instance(dx()).text("SeriesInstanceUID")}
    assert len(samples(dx(), dx(seed="again", **second))) == 2


def test_an_inverted_picture_is_turned_upright_in_brightness():
    stored = np.round((1 - chest_like()) * 4000).astype("<u2")
    data = dx(stored, PhotometricInterpretation="MONOCHROME1")
    assert close(picture_of(read_instance(data)), chest_like())


def test_the_window_of_the_header_is_applied():
    image = picture_of(read_instance(dx(WindowCenter="2000", WindowWidth="1000")))
    assert (image == 0).mean() > 0.02
    assert (image == 1).mean() > 0.3
    plain = picture_of(read_instance(dx()))
    assert (plain == 1).mean() < 0.3


def test_colour_becomes_grey():
    grey = np.round(chest_like() * 255).astype(np.uint8)
    colour = np.repeat(grey[..., None], 3, axis=2)
    data = dx(colour, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    assert close(picture_of(read_instance(data)), chest_like())


def test_an_eight_bit_copy_reads_like_the_original():
    grey = np.round(chest_like() * 255).astype(np.uint8)
    assert close(picture_of(read_instance(dx(grey))), chest_like())


def test_large_pictures_are_reduced_and_their_pixels_grow():
    (sample,) = samples(dx(np.round(chest_like(1300, 1560) * 4000).astype("<u2")))
    assert max(sample.data.image.shape) == planar_case.LONGEST_EDGE
    assert sample.data.spacing_mm[0] == pytest.approx(1.5 * 1560 / 1024)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"PatientAge": "045Y"}, chest.ADULT),
        ({"PatientAge": "", "PatientBirthDate": "19800101"}, chest.ADULT),
        ({"ViewPosition": "LL"}, chest.LATERAL),
        ({"BodyPartExamined": "HAND"}, chest.NOT_CHEST),
    ],
    ids=["adult", "adult by birth date", "lateral view", "hand"],
)
def test_what_the_pack_was_not_made_for_is_refused_with_the_reason(fields, reason):
    (sample,) = samples(dx(**fields))
    assert sample.data.refusal == reason


@pytest.mark.parametrize("age", ["003Y", "018M", "020D", ""])
def test_a_child_and_a_patient_of_unknown_age_are_not_refused(age):
    (sample,) = samples(dx(PatientAge=age))
    assert sample.data.refusal is None


def test_a_cine_loop_is_refused_and_says_what_to_do():
    frames = np.stack([np.round(chest_like() * 255).astype(np.uint8)] * 3)
    data = dx(frames, NumberOfFrames=3, Rows=120, Columns=144, Modality="US")
    (sample,) = samples(data)
    assert sample.data.refusal == planar_case.CINE


def test_a_flat_picture_is_refused():
    (sample,) = samples(dx(np.full((120, 144), 7, dtype="<u2")))
    assert sample.data.refusal == planar_case.FLAT


def test_pixels_that_are_cut_short_are_refused():
    (sample,) = samples(dx(Rows=400))
    assert sample.data.refusal is not None


def test_a_narrow_strip_is_no_chest():
    (sample,) = samples(dx(np.round(chest_like(300, 60) * 4000).astype("<u2")))
    assert sample.data.refusal == chest.NOT_FRAMED
