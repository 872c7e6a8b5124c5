"""The reference vectors as examples of `health.risk`, with the floor they are compared with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np

from suwen.core.errors import BadInput
from suwen.health.facts.published import Value
from suwen.health.risk.equation import Library
from suwen.health.risk.facts import Asked
from suwen.health.risk.vectors import NEWS2, QRISK3, VECTORS, Vector, vectors
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples, Output, Sample, Source
from suwen.lifecycle.measure.calculated import FORMULA

SET: Final = "risk_equations"
PLACES: Final = (f"vitals/{SET}", SET)
"""Where the folder lies below a root, tried in this order; then the root itself."""
FLOOR: Final = "median of the other vectors"
SOURCE: Final = Source(
    SET,
    "https://github.com/bcjaeger/PooledCohort, martingmayer/preventr, dvicencio/RiskScorescvd, "
    "vcastro/CVrisk, johnasher/transplantr; https://qrisk.org; https://www.rcp.ac.uk",
    "numbers only; the publications' and repositories' own licences (MIT, GPL-3, LGPL)",
    "the papers named with each equation in knowledge/risk_equations.toml",
    shippable=False,
    limits=(
        "Few vectors an equation, many with one profile of a person and single changes of it.",
        "FINDRISC, KDIGO, CHA2DS2-VASc, HAS-BLED, qSOFA, MELD 3.0 and NEWS2 vectors were computed "
        "from the publications, not taken from an official test set.",
    ),
)


def examples(data: DataFolders, dataset: str, library: Library) -> Examples:
    """Load the vectors.

    Raises
    ------
    BadInput, NotFound
        There is no such set, it is in none of the folders, or a file is broken.
    """
    if dataset != SET:
        raise BadInput(f"no data set {dataset!r}", SET)
    found = vectors(_folder(data), library)

    def load(i: int) -> Sample:
        return Sample(found[i].key, Asked(found[i].equation, found[i].told))

    def agrees(i: int, output: Output) -> bool:
        return found[i].agrees(output.values)

    keys = tuple(one.key for one in found)
    return Examples(
        source=SOURCE,
        keys=keys,
        groups=np.array(keys),
        labels=np.zeros(len(found), dtype=int),
        load=load,
        tags={FORMULA: np.array([one.equation for one in found])},
        floors={FLOOR: _floor(found)},
        agrees=agrees,
    )


def _folder(data: DataFolders) -> Path:
    """Return the folder of the vectors; of a test set also the root that holds the files itself."""
    for place in PLACES:
        if data.have(place):
            return data.find(place)
    for root in data.roots:
        if any(any(root.glob(name)) for name in (VECTORS, QRISK3, NEWS2)):
            return root
    return data.find(PLACES[0])


def _floor(found: Sequence[Vector]) -> np.ndarray:
    """Return 1 where the median of the equation's other vectors would agree, else 0, (n,).

    Of words and truth the most frequent; an equation with one vector has no other.
    """
    by_equation: dict[str, list[int]] = defaultdict(list)
    for i, one in enumerate(found):
        by_equation[one.equation].append(i)
    return np.array(
        [
            float(one.agrees(_middle([found[j] for j in by_equation[one.equation] if j != i])))
            for i, one in enumerate(found)
        ]
    )


def _middle(others: Sequence[Vector]) -> dict[str, Value]:
    values: dict[str, list[Value]] = defaultdict(list)
    for one in others:
        for name, value in one.expected.items():
            values[name].append(value)
    return {
        name: median(float(one) for one in all_of_it)
        if all(isinstance(one, float) for one in all_of_it)
        else Counter(all_of_it).most_common(1)[0][0]
        for name, all_of_it in values.items()
    }
