"""Numbers with an interval that holds what it promises."""

from __future__ import annotations

import json

import numpy as np
import pytest

from suwen.core.errors import BadInput
from suwen.lifecycle.calibration import conformal
from suwen.metrics.coverage import inside


def glucose(n=1000, seed=0, growing=False):
    """Foretold and true values; the error may grow with the value."""
    rng = np.random.default_rng(seed)
    said = rng.uniform(60, 300, n)
    size = 0.15 * said if growing else np.full(n, 20.0)
    return said, said + rng.normal(0, 1, n) * size, np.arange(n) % 5


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("growing", [False, True])
def test_new_values_lie_inside_as_often_as_was_asked_for(level, growing):
    said, truth, fold = glucose(growing=growing)
    found, _, _ = conformal.choose(said, truth, fold, level)
    new, true, _ = glucose(4000, seed=1, growing=growing)
    low, high = found.limits(np.repeat(new[:, None], 5, axis=1))
    assert inside(true, low, high).mean() == pytest.approx(level, abs=0.03)


def test_an_error_that_grows_with_the_value_gets_an_interval_that_does():
    said, truth, fold = glucose(growing=True)
    found, by_fold, scores = conformal.choose(said, truth, fold, 0.9)
    assert found.kind == "scaled"
    assert scores["scaled"] < scores["absolute"]
    assert all(each.kind == "scaled" for each in by_fold)
    low, high = found.limits(np.repeat([[80.0], [240.0]], 5, axis=1))
    assert (high - low)[1] > 2 * (high - low)[0]
    assert inside(truth[said < 120], *by_fold[0].limits(said[said < 120][:, None])).mean() < 0.97


def test_an_even_error_gets_an_even_interval():
    said, truth, fold = glucose(4000)
    low, high = conformal.fit("absolute", said, truth, 0.9, [fold == k for k in range(5)]).limits(
        np.repeat([[80.0], [240.0]], 5, axis=1)
    )
    assert (high - low)[0] == pytest.approx((high - low)[1])
    assert (high - low)[0] == pytest.approx(2 * 1.645 * 20, rel=0.05)


def test_the_interval_is_the_order_statistic_of_the_paper():
    truth = np.arange(1.0, 20.0)
    found = conformal.fit("absolute", np.zeros(19), truth, 0.9, [np.ones(19, dtype=bool)])
    interval = found.interval(np.array([100.0]))
    assert (interval.low, interval.value, interval.high) == (82, 100, 118)
    fewer = conformal.fit("absolute", np.zeros(14), truth[:14], 0.9, [np.ones(14, dtype=bool)])
    assert fewer.interval(np.array([100.0])).high == 114, "0.9 of 15, not of 14, rounded up"


def test_members_that_disagree_make_the_interval_wider():
    said, truth, fold = glucose()
    found = conformal.fit("absolute", said, truth, 0.9, [fold == k for k in range(5)])
    agreed = found.interval(np.full(5, 150.0))
    split = found.interval(np.array([50.0, 250.0, 150.0, 100.0, 200.0]))
    assert agreed.value == split.value == 150
    assert split.high - split.low > 1.5 * (agreed.high - agreed.low)
    assert agreed.level == 0.9


def test_a_fold_is_answered_with_the_residuals_of_the_others():
    said, truth, fold = glucose(200)
    _, before, _ = conformal.choose(said, truth, fold, 0.9)
    changed = np.where(fold == 2, truth + 500, truth)
    tried = [conformal.fit("absolute", said, v, 0.9, [fold != 2]) for v in (truth, changed)]
    assert tried[0] == tried[1]
    assert conformal.fit("absolute", said, changed, 0.9, [fold != 0]) != before[0]


def test_of_many_residuals_few_are_kept_and_the_interval_is_never_narrower():
    said, truth, fold = glucose(5003)
    parts = [fold == k for k in range(5)]
    found = conformal.fit("absolute", said, truth, 0.9, parts)
    assert max(map(len, found.residuals)) <= conformal.KEPT
    assert sum(found.counts) == 5003
    exact = np.sort(np.abs(truth - said))[int(np.ceil(0.9 * 5004)) - 1]
    reach = found.interval(np.full(5, 150.0)).high - 150
    assert exact <= reach <= 1.05 * exact


@pytest.mark.parametrize("count", range(201, 212))
def test_however_many_residuals_there_are_the_interval_has_at_least_its_rank(count):
    truth = np.arange(1.0, count + 1)
    found = conformal.fit("absolute", np.zeros(count), truth, 0.9, [np.ones(count, dtype=bool)])
    rank = np.ceil(0.9 * (count + 1))
    assert rank <= found.interval(np.zeros(1)).high <= rank + 1


def test_stored_intervals_come_back_and_falling_residuals_are_refused():
    said, truth, fold = glucose(100, growing=True)
    found, _, _ = conformal.choose(said, truth, fold, 0.9)
    content = json.loads(json.dumps(found.to_json()))
    assert conformal.Conformal.from_json(content) == found
    with pytest.raises(BadInput, match="unknown kind"):
        conformal.Conformal.from_json({**content, "residuals": [[2.0, 1.0]] * 5})
    with pytest.raises(BadInput, match="3 values for the residuals of 5"):
        found.limits(np.zeros((1, 3)))


def test_too_few_samples_for_the_level_say_how_many_are_needed():
    with pytest.raises(BadInput, match="at least 9") as error:
        conformal.fit("absolute", np.zeros(8), np.zeros(8), 0.9, [np.ones(8, dtype=bool)])
    assert "interval_level" in error.value.todo


def test_where_the_weights_expect_an_error_the_interval_widens_with_it():
    rng = np.random.default_rng(3)
    spread = rng.uniform(1, 20, 1000)
    truth = rng.normal(0, spread)
    fold = np.arange(1000) % 5
    found, _, scores = conformal.choose(np.zeros(1000), truth, fold, 0.9, spread)
    assert found.kind == "given"
    assert scores["given"] < scores["absolute"]
    low, high = found.limits(np.zeros((2, 5)), np.repeat([[1.0], [20.0]], 5, axis=1))
    assert (high - low)[1] == pytest.approx(20 * (high - low)[0], rel=0.01)
    again = conformal.Conformal.from_json(found.to_json())
    assert again.interval(np.zeros(5), np.full(5, 2.0)) == found.interval(
        np.zeros(5), np.full(5, 2.0)
    )
    with pytest.raises(BadInput, match="without their expected errors"):
        found.limits(np.zeros((2, 5)))
