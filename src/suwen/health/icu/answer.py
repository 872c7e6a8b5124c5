"""The answer of a pack about a stay: trees and network blended, and what moved it by groups.

Shapley values are exact for the trees (Lundberg et al., Nature Machine Intelligence 2:56, 2020),
drawn for the network (`lifecycle.reasons.shapley`); both add up, since the logits do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from suwen.health.icu.course import (
    Floats,
    channel_groups,
    course_of,
    person_groups,
    person_of,
    values,
)
from suwen.health.icu.fit import NET, TREES
from suwen.health.icu.net import COURSE, PEOPLE, SCORES
from suwen.health.icu.stay import Stay, feature_groups, groups
from suwen.lifecycle.examples import Array
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.reasons import shapley

SHARE: Final = 1 / 3
"""Weight of the network; the trees have the rest. Of 1/3 and 1/2 the better where ideas were
compared, on another split than the card's (ADR 36)."""


def logits(pack: Pack, stay: Stay, members: Sequence[int]) -> Array:
    """Return one logit a member, (members,)."""
    trees = _trees(pack, stay.features[None], members)[:, 0]
    net = _network(pack, course_of(stay)[None], person_of(stay)[None], members)[:, 0]
    return np.asarray((1 - SHARE) * trees + SHARE * net)


def grouped(pack: Pack, stay: Stay, kept: Array) -> Array:
    """Return the mean logits with groups left out: `kept` is (m, groups) of 0 and 1."""
    everyone, kept = range(pack.members), np.asarray(kept)
    usual = np.mean([pack.member(k)["typical"] for k in everyone], axis=0)
    rows = np.where(kept[:, feature_groups()] > 0, stay.features, usual)
    trees = _trees(pack, rows, everyone).mean(0)
    return np.asarray((1 - SHARE) * trees + SHARE * by_network(pack, stay, kept))


def moved(pack: Pack, stay: Stay) -> Array:
    """Return how far each group moved the mean logit, (groups,)."""
    row = stay.features[None]
    found = [
        pack.booster(name, k).predict(row, pred_contrib=True)[0, :-1]
        for k in range(pack.members)
        for name in TREES
    ]
    trees = np.bincount(feature_groups(), np.mean(found, axis=0), len(groups()))
    net = shapley.sampled(lambda kept: by_network(pack, stay, kept), len(groups()))
    return np.asarray((1 - SHARE) * trees + SHARE * net)


def _trees(pack: Pack, rows: Array, members: Sequence[int]) -> Array:
    """Return the mean logits of both lots of trees of each member, (members, n)."""
    found = [
        [pack.booster(name, k).predict(rows, raw_score=True) for name in TREES] for k in members
    ]
    return np.asarray(np.mean(found, axis=1))


def _network(pack: Pack, courses: Floats, people: Floats, members: Sequence[int]) -> Array:
    """Return the logits of the network of each member, (members, n)."""
    feed = {COURSE: courses, PEOPLE: people}
    return np.array(pack.run([(NET, k) for k in members], SCORES, feed), dtype=float)


def by_network(pack: Pack, stay: Stay, kept: Array) -> Array:
    """Return the mean logits of the networks with groups left out, (m,)."""
    usual = [pack.member(k)["usual"] for k in range(pack.members)]
    course = np.full(len(channel_groups()), np.nan, dtype=np.float32)
    course[values() :] = np.mean([one["channels"] for one in usual], axis=0)
    person = np.mean([one["person"] for one in usual], axis=0, dtype=np.float32)
    there = (kept[:, channel_groups()] > 0)[:, None, :]
    courses = np.where(there, course_of(stay), course).astype(np.float32)
    people = np.where(kept[:, person_groups()] > 0, person_of(stay), person).astype(np.float32)
    return np.asarray(_network(pack, courses, people, range(pack.members)).mean(0))
