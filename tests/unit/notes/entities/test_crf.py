import itertools

import numpy as np
import pytest

from suwen.notes.entities import crf

RNG = np.random.default_rng(5)
EMISSIONS, TRANSITIONS = RNG.normal(size=(5, 3)), RNG.normal(size=(3, 3))


def score(path):
    own = sum(EMISSIONS[i, tag] for i, tag in enumerate(path))
    return own + sum(TRANSITIONS[a, b] for a, b in itertools.pairwise(path))


PATHS = list(itertools.product(range(3), repeat=5))
WEIGHTS = np.exp([score(path) for path in PATHS])


ALONE = np.array([5])


def test_viterbi_finds_the_best_of_all_paths():
    wanted = PATHS[int(np.argmax(WEIGHTS))]
    assert tuple(crf.best(EMISSIONS[None], TRANSITIONS, ALONE)[0]) == wanted


def test_marginals_are_those_of_summing_over_all_paths():
    (found,) = crf.marginals(EMISSIONS[None], TRANSITIONS, ALONE)
    for i, tag in itertools.product(range(5), range(3)):
        share = sum(w for path, w in zip(PATHS, WEIGHTS, strict=True) if path[i] == tag)
        assert found[i, tag] == pytest.approx(share / WEIGHTS.sum())


def test_a_further_piece_goes_on_only_with_its_own_type():
    tags = np.array([1, 2, 0, 3, 2, 2, 1, 1])
    assert crf.stretches(tags) == [(0, 2, 0), (3, 4, 1), (4, 6, 0), (6, 7, 0), (7, 8, 0)]


def test_a_stretch_is_as_sure_as_its_least_sure_piece_and_its_end():
    sure, unsure = np.array([[0.0, 9.0, 0], [9.0, 0, 0]]), np.array([[0.0, 9.0, 0], [0.2, 0, 0]])
    still = np.zeros((3, 3))
    both = np.stack([sure, unsure])
    (first,), (second,) = crf.decoded(both, still, np.array([2, 2]))
    assert first[1:] == second[1:] == (0, 1, 0)
    assert first[0] > 3 > second[0]


def test_a_window_answers_the_same_beside_a_longer_one():
    other = RNG.normal(size=(3, 3))
    padded = np.stack([EMISSIONS, np.vstack([other, RNG.normal(size=(2, 3))])])
    lengths = np.array([5, 3])
    alone = crf.decoded(other[None], TRANSITIONS, np.array([3]))
    beside = crf.decoded(padded, TRANSITIONS, lengths)
    assert beside[0] == crf.decoded(EMISSIONS[None], TRANSITIONS, ALONE)[0]
    assert [one[1:] for one in beside[1]] == [one[1:] for one in alone[0]]
    assert [one[0] for one in beside[1]] == pytest.approx([one[0] for one in alone[0]])
    assert crf.marginals(padded, TRANSITIONS, lengths)[1, :3] == pytest.approx(
        crf.marginals(other[None], TRANSITIONS, np.array([3]))[0]
    )


def test_where_nothing_is_marked_nothing_is_found():
    outside = np.array([[[9.0, 0, 0], [9.0, 0, 0]]])
    assert crf.decoded(outside, np.zeros((3, 3)), np.array([2])) == [[]]
