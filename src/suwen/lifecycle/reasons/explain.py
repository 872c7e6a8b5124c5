"""Check explanations before anyone sees them: are they faithful, and do they depend on the weights?

Faithfulness (deletion and insertion, Petsiuk et al., BMVC 2018): the input is cut into cells, which
are ranked by relevance. Deleting the most relevant first should change the logit at once; inserting
them first into an empty input should bring it back at once. With c(t) the logit after a share t of
the cells, scaled so that the full input is 1 and the empty one 0 and clipped to [0, 1],

    score = (area of the insertion curve + 1 - area of the deletion curve) / 2

lies in [0, 1]. Random orders of the same cells give the floor, near 0.5, measured on development
examples. The score is undefined when deleting everything hardly changes the logit.

Randomisation (Adebayo et al., NeurIPS 2018): the same method on the same network with noise for
weights must give another picture. The similarity is the absolute Spearman correlation over cells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from suwen.core.codes import Text
from suwen.core.nouns import Explanation
from suwen.lifecycle.examples import Array, Examples, Sample
from suwen.lifecycle.measure.answered import Answered
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.task import Explains, Task

STEPS = 8
"""Points of the deletion and insertion curves: 2 x STEPS predictions a score."""
CELLS_A_SIDE = {1: 32, 2: 8, 3: 6}
"""Cells along each axis of an input with that many axes (6 with more)."""
LEAST_EFFECT = 0.1
"""Logit difference between full and empty input below which the score is undefined."""
MOST_SIMILAR = 0.5
"""Similarity to the picture of the randomised network from which the explanation is hidden."""
DEVELOPMENT_EXAMPLES = 8
RANDOM_ORDERS = 2
NOISE_SEEDS, NOISE_EXAMPLES = 3, 4
"""The randomisation check is made with this many networks of noise, on this many examples."""


def cells_of(shape: tuple[int, ...]) -> Array:
    """Return the cell number of each element of an input of that shape."""
    cell = np.zeros(shape, dtype=np.int64)
    for axis, size in enumerate(shape):
        count = min(CELLS_A_SIDE.get(len(shape), 6), size)
        along = (np.arange(size) * count) // size
        cell = cell * count + along.reshape([-1 if k == axis else 1 for k in range(len(shape))])
    return cell


def by_cell(relevance: Array) -> Array:
    """Return the mean relevance of each cell, shape (cells,)."""
    cell = cells_of(relevance.shape).ravel()
    total = np.bincount(cell, weights=np.asarray(relevance, dtype=float).ravel())
    return np.asarray(total / np.bincount(cell))


def empty_input(task: Task, pack: Pack, sample: Sample, values: Array) -> Array:
    """Return the input with nothing in it: the task's own `baseline`, or the median everywhere."""
    if hasattr(task, "baseline"):
        return np.asarray(task.baseline(pack, sample))
    return np.full_like(values, np.median(values))


def faithfulness_of(
    score: Callable[[Array], float], values: Array, empty: Array, relevance: Array
) -> float | None:
    """Return the deletion/insertion score in [0, 1], or None where it is undefined.

    Parameters
    ----------
    score
        Returns the logit of an input.
    values, empty
        The input and the input with nothing in it, same shape.
    relevance
        Relevance of each element (same shape) or of each cell (cells,).
    """
    full, none = score(values), score(empty)
    if abs(full - none) < LEAST_EFFECT:
        return None
    ranked = by_cell(relevance) if relevance.shape == values.shape else relevance
    order = np.argsort(-np.sign(full - none) * ranked, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    place_of = place[cells_of(values.shape)]
    deletion, insertion = [1.0], [0.0]
    for k in range(1, STEPS):
        chosen = place_of < round(k * len(order) / STEPS)
        for curve, inside, outside in ((deletion, empty, values), (insertion, values, empty)):
            reached = (score(np.where(chosen, inside, outside)) - none) / (full - none)
            curve.append(float(np.clip(reached, 0, 1)))
    deletion.append(0.0)
    insertion.append(1.0)
    return float((np.trapezoid(insertion) + STEPS - np.trapezoid(deletion)) / (2 * STEPS))


def faithfulness(task: Any, pack: Pack, sample: Sample, relevance: Array) -> float | None:
    """Return the score of a relevance map of one sample."""
    values = task.input_of(pack, sample)
    empty = empty_input(task, pack, sample, values)
    return faithfulness_of(
        lambda changed: task.score_of(pack, sample, changed), values, empty, relevance
    )


def similarity(first: Array, second: Array) -> float:
    """Return the absolute Spearman correlation of two relevance maps over cells, 0 to 1."""
    one, other = by_cell(first), by_cell(second)
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return abs(float(np.corrcoef(ranks(one), ranks(other))[0, 1]))


def ranks(values: Array) -> Array:
    """Return the rank of each value from 1, ties sharing their mean rank."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2)[place])


def occlusion(task: Any, pack: Pack, sample: Sample) -> Array:
    """Return how much the logit falls when each cell is emptied, in the input's own shape.

    Source: Zeiler & Fergus, ECCV 2014.
    """
    values = np.asarray(task.input_of(pack, sample))
    empty = empty_input(task, pack, sample, values)
    cell = cells_of(values.shape)
    full = task.score_of(pack, sample, values)
    drop = [
        full - task.score_of(pack, sample, np.where(cell == k, empty, values))
        for k in range(int(cell.max()) + 1)
    ]
    return np.asarray(drop, dtype=np.float32)[cell]


def never_shown_because(measured: Mapping[str, Any]) -> Text | None:
    """Say why a method's pictures are hidden whatever the sample; None when they may be shown.

    `measured` is the method's entry of the pack's `explain.json`.
    """
    if not measured:
        return Text(
            en="This explanation method was not checked when the pack was made.",
            zh="该解释方法在模型包制作时未经检验。",
        )
    if (alike := measured["randomisation_similarity"]) is None or alike >= MOST_SIMILAR:
        return Text(
            en="The picture stays the same when the network's weights are replaced by noise.",
            zh="将网络权重替换为噪声后图像几乎不变，故不显示。",
        )
    return None


def hidden_because(score: float | None, measured: Mapping[str, Any]) -> Text | None:
    """Say why an explanation may not be shown; None when it passed its checks."""
    if never := never_shown_because(measured):
        return never
    if score is None:
        return Text(
            en="The answer hardly depends on the part of the input this method explains.",
            zh="结果几乎不依赖于该方法所解释的输入部分。",
        )
    if (floor := measured["random_high"]) is not None and score <= floor:
        return Text(
            en=f"Not faithful here: score {score:.2f}, random pictures reach {floor:.2f}.",
            zh=f"此处解释不可信：得分 {score:.2f}，随机图可达 {floor:.2f}。",
        )
    return None


def check(task: Any, pack: Pack, sample: Sample, method: str) -> tuple[Array, Explanation]:
    """Explain one sample and check the explanation.

    Faithfulness is measured on this sample. The random floor and the randomisation check are those
    of the pack (`explain.json`), measured on development examples when it was made; a task whose
    answers cost little may ask for the floor of this very sample (`random_orders`, how many).

    Returns
    -------
    tuple
        The relevance in the input's own shape, and the Explanation; when its `hidden_because` is
        set, the picture must not be shown.
    """
    relevance = np.asarray(task.saliency(pack, sample, method))
    score = faithfulness(task, pack, sample, relevance)
    measured = dict(pack.content("explain.json").get(method, {}))
    if measured and score is not None and (orders := getattr(task, "random_orders", 0)):
        measured["random_high"] = random_floor(task, pack, sample, relevance.shape, orders)
    return relevance, Explanation(
        method=method,
        faithfulness=score,
        randomisation_similarity=measured.get("randomisation_similarity"),
        hidden_because=hidden_because(score, measured),
    )


def random_floor(
    task: Any, pack: Pack, sample: Sample, shape: tuple[int, ...], orders: int
) -> float:
    """Return the 95th percentile of the scores of so many random orders on one sample.

    How far any order can get depends on the sample: where many cells matter alike, none gets far.
    """
    rng = np.random.default_rng(0)
    cells = int(cells_of(shape).max()) + 1
    scores = [faithfulness(task, pack, sample, rng.random(cells)) for _ in range(orders)]
    found = [score for score in scores if score is not None]
    return float(np.quantile(found, 0.95)) if found else 0.0


def check_if_shown(
    task: Any, pack: Pack, sample: Sample, method: str
) -> tuple[Array | None, Explanation]:
    """Explain and `check` one sample, unless the pack's own measurements hide the method anyway.

    Then there is no relevance and no faithfulness, since nobody would see what they cost: 2 x STEPS
    predictions and the picture itself.
    """
    measured = pack.content("explain.json").get(method, {})
    if (never := never_shown_because(measured)) is None:
        return check(task, pack, sample, method)
    alike = measured.get("randomisation_similarity")
    return None, Explanation(method=method, randomisation_similarity=alike, hidden_because=never)


def methods_of(task: Any) -> tuple[str, ...]:
    """Return the explanation methods of a task: its `explanations`, or ("cam", "occlusion")."""
    found: tuple[str, ...] = getattr(task, "explanations", ("cam", "occlusion"))
    return found if isinstance(task, Explains) else ()


def on_development(
    task: Task, pack: Pack, examples: Examples, rows: Answered, seed: int = 0
) -> dict[str, Any]:
    """Measure each explanation method on a few development examples, from low to high answers.

    Returns by method: `n`, mean `faithfulness`, mean `random` and its 95th percentile
    `random_high`, and the mean `randomisation_similarity` (None where nothing was defined).
    """
    inside = np.flatnonzero(~rows.abstained)
    order = inside[np.argsort(rows.rank[inside], kind="stable")]
    spread = np.linspace(0.1, 0.98, DEVELOPMENT_EXAMPLES)
    chosen = sorted({int(order[int(q * (len(order) - 1))]) for q in spread})
    rng = np.random.default_rng(seed)
    noises = [pack.randomised(seed + k) for k in range(NOISE_SEEDS)]
    return {
        method: _measured(task, pack, noises, [examples.load(i) for i in chosen], method, rng)
        for method in methods_of(task)
    }


def _measured(
    task: Any,
    pack: Pack,
    noises: list[Pack],
    samples: list[Sample],
    method: str,
    rng: np.random.Generator,
) -> dict[str, Any]:
    scores, floors, alike = [], [], []
    compared = range(0, len(samples), max(1, len(samples) // NOISE_EXAMPLES))
    for i, sample in enumerate(samples):
        relevance = np.asarray(task.saliency(pack, sample, method))
        score = faithfulness(task, pack, sample, relevance)
        for noise in noises if i in compared else []:
            alike.append(similarity(relevance, np.asarray(task.saliency(noise, sample, method))))
        if score is None:
            continue
        scores.append(score)
        cells = int(cells_of(relevance.shape).max()) + 1
        for _ in range(RANDOM_ORDERS):
            floors.append(faithfulness(task, pack, sample, rng.random(cells)))
    floor = [value for value in floors if value is not None]
    return {
        "n": len(samples),
        "defined": len(scores),
        "faithfulness": float(np.mean(scores)) if scores else None,
        "random": float(np.mean(floor)) if floor else None,
        "random_high": float(np.quantile(floor, 0.95)) if floor else None,
        "randomisation_similarity": float(np.mean(alike)) if alike else None,
    }
