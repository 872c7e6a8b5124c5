import numpy as np

from suwen.notes.pieces import CLOSING, HIDDEN, OPENING
from suwen.notes.pretraining import HIDE, asked_of

WINDOWS = np.full((40, 254), 2000, dtype=np.int64)


def test_about_a_seventh_is_asked_for_and_most_of_that_is_hidden():
    _, changed, chosen = asked_of(WINDOWS, 30_000, np.random.default_rng(1))
    assert abs(chosen.mean() - HIDE) < 0.01
    assert abs((changed[chosen] == HIDDEN).mean() - 0.8) < 0.02
    left = (changed[chosen] == 2000).mean()
    assert 0.07 < left < 0.13, "a tenth stays as it was"


def test_what_is_not_asked_for_stays_and_the_ends_are_framed():
    true, changed, chosen = asked_of(WINDOWS, 30_000, np.random.default_rng(1))
    inside = np.zeros_like(chosen)
    inside[:, 1:-1] = True
    assert (changed == true)[inside & ~chosen].all()
    assert (changed[:, 0] == OPENING).all()
    assert (changed[:, -1] == CLOSING).all()
    assert not chosen[:, [0, -1]].any()
