"""Two studies of one phantom laid over each other: how far off, and what becomes of nodules."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.imaging.two_studies import BEFORE, MOVED, NOW, STAYS, laid_over, lungs, studies

from suwen.imaging.followup.matching import Seen, match
from suwen.imaging.volumes.registration import register
from suwen.imaging.volumes.volume import Volume


def seen(nodule, rigid=None):
    point = nodule.centre if rigid is None else tuple(rigid(np.array(nodule.centre)))
    return Seen(point, np.pi / 6 * nodule.diameter_mm**3)


@pytest.fixture(scope="module")
def pair():
    return *studies(), laid_over()


def test_a_turned_and_moved_patient_is_found_to_within_a_millimetre(pair):
    _, _, over = pair
    assert over.trusted
    assert over.rigid.degrees == pytest.approx(5, abs=0.4)
    for nodule in BEFORE:
        truth = MOVED(np.array(nodule.centre))
        assert np.linalg.norm(over.rigid(np.array(nodule.centre)) - truth) < 1.0
        assert np.linalg.norm(np.subtract(over.place(nodule.centre).point, truth)) < 1.0


def test_the_way_back_is_the_way_there(pair):
    _, _, over = pair
    there = over.place(STAYS.centre).point
    assert np.linalg.norm(np.subtract(over.place_back(there).point, STAYS.centre)) < 1.0


def test_matched_new_and_resolved_nodules_are_told(pair):
    first, second, over = pair
    before = [seen(one) for one in BEFORE]
    now = [seen(one, MOVED) for one in NOW]
    found = match(over, (first, second), before, now)
    assert [(one.before, one.now, one.outcome) for one in found] == [
        (0, 0, "matched"),
        (1, 1, "matched"),
        (None, 2, "new"),
        (2, None, "resolved"),
    ]
    assert max(one.away_mm for one in found) < 1.0


def test_a_nodule_that_nobody_marked_is_neither_new_nor_gone(pair):
    first, second, over = pair
    before, now = [seen(one) for one in BEFORE], [seen(one, MOVED) for one in NOW]
    missing = match(over, (first, second), before[:1], now[:2])
    assert [(one.now, one.outcome) for one in missing] == [(0, "matched"), (1, "unmarked")]
    missing = match(over, (first, second), before[:2], now[:1])
    assert [(one.before, one.outcome) for one in missing] == [(0, "matched"), (1, "unmarked")]


def test_two_nodules_that_fit_alike_leave_the_match_open(pair):
    first, second, over = pair
    beside = Seen(tuple(np.add(MOVED(np.array(STAYS.centre)), (2.5, 0, 0))), 900.0)
    (found, extra) = match(over, (first, second), [seen(STAYS)], [seen(STAYS, MOVED), beside])
    assert found.outcome == "ambiguous"
    assert extra.before is None


def test_a_volume_fifty_times_as_large_is_not_taken_for_the_same(pair):
    first, second, over = pair
    huge = Seen(tuple(MOVED(np.array(STAYS.centre))), 50 * seen(STAYS).mm3)
    (found,) = match(over, (first, second), [seen(STAYS)], [huge])
    assert found.outcome == "ambiguous"


def test_a_nodule_beyond_the_other_scan_is_not_covered(pair):
    first, second, _ = pair
    upper = Volume(second.values[45:], second.affine.copy())
    upper.affine[:3, 3] = second.to_point(np.array([45.0, 0, 0]))
    over = register(first, upper, lungs)
    assert over.trusted
    (found,) = match(over, (first, upper), [seen(STAYS)], [])
    assert found.outcome == "not covered"


def test_what_is_no_second_scan_of_the_chest_is_not_trusted(pair):
    first, *_ = pair
    noise = np.random.default_rng(1).normal(-700, 150, first.values.shape)
    over = register(first, Volume(noise.astype(np.int16), first.affine), lungs)
    assert not over.trusted
