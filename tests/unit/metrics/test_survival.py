"""Survival metrics against their definitions and against scikit-survival 0.28.0 (its numbers)."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.metrics import survival as s

TIME = np.array([5.0, 8, 8, 12, 12, 15, 20, 20, 26, 30, 31, 40])
EVENT = np.array([1, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1, 0], dtype=bool)
RISK = np.array([2.1, 1.4, 0.3, 1.4, 0.9, 1.0, 1.2, -0.2, 0.1, 0.4, -0.5, -0.9])
WHEN = np.array([6.0, 10, 16, 22, 28])
ALIVE = np.exp(-np.outer(np.exp(0.8 * RISK), WHEN) / 60)

CONCORDANCE = 0.9204545454545454
IPCW = 0.9073242046225922
BRIER = [
    0.055242637531605514,
    0.0999323635949592,
    0.12498380134784359,
    0.10736458695322304,
    0.13136261667092067,
]
INTEGRATED = 0.1090147851298713


def resampled(weights):
    return np.repeat(np.arange(len(TIME)), weights)


def test_kaplan_meier_by_hand():
    curve = s.kaplan_meier(TIME[:4], EVENT[:4])
    assert curve.at(np.array([4.9, 5, 8, 11.9, 12])) == pytest.approx([1, 3 / 4, 1 / 2, 1 / 2, 0])
    assert curve.at(np.array([5.0]), before=True) == pytest.approx([1])


def test_who_dies_when_another_is_censored_counts_as_gone_before():
    lost = s.kaplan_meier(np.array([3.0, 3, 9]), np.array([True, False, True]), censoring=True)
    assert lost.at(np.array([3.0])) == pytest.approx([1 / 2])


def test_everything_is_what_scikit_survival_says():
    assert s.concordance(TIME, EVENT, RISK) == pytest.approx(CONCORDANCE)
    assert s.concordance_ipcw(TIME, EVENT, RISK, until=28.0) == pytest.approx(IPCW)
    assert s.brier(TIME, EVENT, ALIVE, WHEN) == pytest.approx(BRIER)
    assert s.integrated_brier(TIME, EVENT, ALIVE, WHEN) == pytest.approx(INTEGRATED)


def test_a_pair_counts_only_where_its_order_is_known():
    time, risk = np.array([1.0, 2, 3]), np.array([3.0, 2, 1])
    assert s.concordance(time, np.array([True, True, True]), risk) == 1
    assert s.concordance(time, np.array([True, True, True]), -risk) == 0
    assert s.concordance(time, np.array([True, False, True]), np.array([1.0, 1, 0])) == 0.75
    assert np.isnan(s.concordance(time, np.zeros(3, dtype=bool), risk))


def test_weights_are_how_often_somebody_was_drawn():
    weights = np.random.default_rng(0).multinomial(12, np.full(12, 1 / 12), size=3)
    for row in weights:
        i, known = resampled(row), s.kaplan_meier(TIME, EVENT, censoring=True)
        assert s.concordance(TIME, EVENT, RISK, row) == pytest.approx(
            s.concordance(TIME[i], EVENT[i], RISK[i])
        )
        assert s.concordance_ipcw(TIME, EVENT, RISK, row, censoring=known) == pytest.approx(
            s.concordance_ipcw(TIME[i], EVENT[i], RISK[i], censoring=known)
        )
        assert s.brier(TIME, EVENT, ALIVE, WHEN, row, censoring=known) == pytest.approx(
            s.brier(TIME[i], EVENT[i], ALIVE[i], WHEN, censoring=known)
        )
    assert s.concordance(TIME, EVENT, RISK, weights).shape == (3,)
    assert s.integrated_brier(TIME, EVENT, ALIVE, WHEN, weights).shape == (3,)
    assert s.calibration_error(TIME, EVENT, 1 - ALIVE[:, 2], 16.0, weights).shape == (3,)


def drawn(n=4000):
    rng = np.random.default_rng(1)
    rate = np.exp(rng.normal(size=n)) / 20
    time, end = rng.exponential(1 / rate), rng.exponential(30, n)
    return rate, np.minimum(time, end), time <= end


def test_true_probabilities_are_calibrated_and_squared_ones_are_not():
    rate, time, event = drawn()
    dead = 1 - np.exp(-rate * 15)
    assert s.calibration_error(time, event, dead, 15.0) < 0.02
    assert s.calibration_error(time, event, dead**2, 15.0) > 0.1
    assert s.d_calibration(event, np.exp(-rate * time))[0] > 0.01
    p, shares = s.d_calibration(event, np.exp(-3 * rate * time))
    assert p < 1e-6
    assert shares.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "asked",
    [
        lambda: s.concordance(TIME, EVENT[:3], RISK),
        lambda: s.concordance(np.where(TIME == 5, np.nan, TIME), EVENT, RISK),
        lambda: s.concordance(TIME, EVENT, np.where(RISK > 2, np.nan, RISK)),
        lambda: s.brier(TIME, EVENT, ALIVE + 1, WHEN),
        lambda: s.concordance(TIME, EVENT, RISK, np.ones(3)),
        lambda: s.d_calibration(EVENT, RISK),
    ],
)
def test_what_cannot_be_measured_is_refused(asked):
    with pytest.raises(ValueError, match=r"must|times|one probability"):
        asked()
