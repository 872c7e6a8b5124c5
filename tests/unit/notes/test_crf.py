import itertools

import numpy as np
import pytest

from suwen.notes import crf

RNG = np.random.default_rng(5)
EMISSIONS, TRANSITIONS = RNG.normal(size=(5, 3)), RNG.normal(size=(3, 3))


def score(path):
    own = sum(EMISSIONS[i, tag] for i, tag in enumerate(path))
    return own + sum(TRANSITIONS[a, b] for a, b in itertools.pairwise(path))


PATHS = list(itertools.product(range(3), repeat=5))
WEIGHTS = np.exp([score(path) for path in PATHS])


def test_viterbi_finds_the_best_of_all_paths():
    wanted = PATHS[int(np.argmax(WEIGHTS))]
    assert tuple(crf.best(EMISSIONS, TRANSITIONS)) == wanted


def test_marginals_are_those_of_summing_over_all_paths():
    found = crf.marginals(EMISSIONS, TRANSITIONS)
    for i, tag in itertools.product(range(5), range(3)):
        share = sum(w for path, w in zip(PATHS, WEIGHTS, strict=True) if path[i] == tag)
        assert found[i, tag] == pytest.approx(share / WEIGHTS.sum())


def test_a_further_piece_goes_on_only_with_its_own_type():
    tags = np.array([1, 2, 0, 3, 2, 2, 1, 1])
    assert crf.stretches(tags) == [(0, 2, 0), (3, 4, 1), (4, 6, 0), (6, 7, 0), (7, 8, 0)]


def test_a_stretch_is_as_sure_as_its_least_sure_piece_and_its_end():
    sure, unsure = np.array([[0.0, 9.0, 0], [9.0, 0, 0]]), np.array([[0.0, 9.0, 0], [0.2, 0, 0]])
    still = np.zeros((3, 3))
    (first,), (second,) = crf.decoded(sure, still), crf.decoded(unsure, still)
    assert first[1:] == second[1:] == (0, 1, 0)
    assert first[0] > 3 > second[0]


def test_nothing_is_found_in_nothing():
    assert crf.decoded(np.zeros((0, 3)), np.zeros((3, 3))) == []
