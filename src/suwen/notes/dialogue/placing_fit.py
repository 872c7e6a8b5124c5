"""Fits `placing`: lines of talk are labelled by the notes that clinicians wrote of the same visits.

A line is as telling as the rare words it shares with one sentence of the note; the section of that
sentence is the section of the line. Labels made so are noisy: they fit a model, they judge none.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput
from suwen.notes.dialogue.draft import exchanges
from suwen.notes.dialogue.pairs import Visit
from suwen.notes.dialogue.placing import KNOWLEDGE, Model, Unit, features_of, is_long, merged
from suwen.notes.dialogue.retelling import plain
from suwen.notes.reading.headless import shipped

LEAST_DOCUMENTS: Final = 6
"""A feature has to occur in this many lines."""
RIDGE: Final = 2.0
SOFTNESS: Final = 3.0
"""Inverse strength of the penalty on the sections' weights."""
SURE: Final = 0.35
"""A line is of a section where at least this much of it stands there."""
VISIT_WEIGHT: Final = 3.0
"""How much a line of a whole visit counts against one of a talk about one section."""
SOURCE: Final = KNOWLEDGE / "placing.toml"
_ENDINGS: Final = ("ing", "ed", "es", "s")


@dataclass(frozen=True)
class Labelled:
    """A line, how much of it the note has, and in which section (empty: nowhere)."""

    features: list[str]
    telling: float
    section: str
    weight: float


@cache
def _empty() -> frozenset[str]:
    return frozenset(tomllib.loads(SOURCE.read_text(encoding="utf-8"))["empty"]["words"])


def _content(text: str) -> frozenset[str]:
    return frozenset(
        _stem(word)
        for word in plain(text)
        if word not in _empty() and (len(word) > 2 or word.isdigit())
    )


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word.removesuffix(ending)
    return word


def telling_of(line: str, note: Sequence[tuple[str, frozenset[str]]]) -> tuple[float, str]:
    """Return how much of a line stands in one sentence of a note, and that sentence's section."""
    weight = shipped("text").weight
    own = _content(line)
    best, section = 0.0, ""
    for kind, sentence in note:
        shared = own & sentence
        if not shared:
            continue
        common = sum(map(weight, shared))
        share, cover = common / sum(map(weight, own)), common / sum(map(weight, sentence))
        alone = len(shared) < 2 < len(own)
        value = max(share * (0.5 if alone else 0.9), 2 * share * cover / (share + cover))
        if value > best:
            best, section = value, kind
    return best, section


def labelled(visits: Iterable[Visit]) -> Iterator[Labelled]:
    """Yield every line of the talks with what the notes say of it."""
    for visit in visits:
        made = exchanges(visit.talk)
        units: list[Unit] = [unit for _, unit in made]
        long = is_long(visit.talk, units)
        note = [(merged(kind), _content(text)) for kind, text in visit.sentences]
        for (line, _), features in zip(made, features_of(units, long), strict=True):
            telling, section = telling_of(line.text.en, note)
            yield Labelled(features, min(1.0, telling), section, VISIT_WEIGHT if long else 1.0)


def fit(visits: Iterable[Visit]) -> Model:
    """Fit the two models on talks and their notes.

    Raises
    ------
    BadInput
        The lines are of fewer than two sections.
    """
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression, Ridge

    lines = list(labelled(visits))
    sure = [n for n, one in enumerate(lines) if one.section and one.telling >= SURE]
    if len({lines[n].section for n in sure}) < 2:
        raise BadInput("talks of fewer than two sections", "talks with notes in sections", "add")
    known = Counter(feature for one in lines for feature in set(one.features))
    names = sorted(name for name, count in known.items() if count >= LEAST_DOCUMENTS)
    frequency = np.array([np.log(len(lines) / known[n]) + 1 for n in names], np.float32)
    bare = _bare(names, frequency)
    rows = [bare.vector(one.features) for one in lines]
    ends = np.cumsum([0, *(len(places) for places, _ in rows)])
    data = np.concatenate([values for _, values in rows])
    columns = np.concatenate([places for places, _ in rows])
    matrix = csr_matrix((data, columns, ends), shape=(len(lines), len(names)))
    weight = np.array([one.weight for one in lines])
    told = Ridge(alpha=RIDGE).fit(matrix, [one.telling for one in lines], sample_weight=weight)
    sections = LogisticRegression(C=SOFTNESS, max_iter=500).fit(
        matrix[sure], [lines[n].section for n in sure], sample_weight=weight[sure]
    )
    return Model(
        tuple(sections.classes_),
        bare.features,
        frequency,
        np.asarray(told.coef_, np.float32),
        float(told.intercept_),
        *_columns(sections.coef_, sections.intercept_),
    )


def _columns(
    weights: NDArray[np.float64], biases: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a column of weights and a bias for each section, of two sections as well."""
    if len(weights) == 1:
        weights, biases = np.concatenate([-weights, weights]), np.concatenate([-biases, biases])
    return np.asarray(weights.T, np.float32), np.asarray(biases, np.float32)


def _bare(names: Sequence[str], frequency: NDArray[np.float32]) -> Model:
    places = {name: number for number, name in enumerate(names)}
    none = np.zeros((len(names), 0), np.float32)
    return Model((), places, frequency, np.zeros(len(names), np.float32), 0.0, none, none[0])
