"""Which texts to label first: those in doubt, or any? Strict F1 by share of the labelled texts.

Chinese questions (cMedQANER), a fifth of the texts held out altogether. The order is that of the
page of notes, total entropy over what the last round marked in a text, against chance. The learner
is a linear one of characters in their surroundings, whose rounds take seconds; `suwen curve` asks
the same of the networks themselves. Shares are of texts: doubt adds up over a text, so those asked
for are longer. So chance is also given as many stretches to label as the texts in doubt hold. The
floor is looking names up. Intervals: bootstrap over held-out texts of the mean over seeds, the
difference in pairs.

Reference: Settles & Craven, EMNLP 2008 (total token entropy among others, linear-chain models).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.app import rooms
from suwen.core import registry
from suwen.lifecycle import share, split
from suwen.lifecycle.curve import figures as curve_figures
from suwen.lifecycle.curve import said as curve_said
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples
from suwen.notes.questions import ENTITIES

SHARES: Final = (0.05, 0.1, 0.25, 0.5, 1.0)
SEEDS: Final = (1, 2, 3)
NAMES: Final = ("by chance", "by entropy", "by chance, same work")
NEAR: Final = (-2, -1, 0, 1, 2)
"""Places around a character that are looked at, alone and in pairs."""


@lru_cache(maxsize=1)
def hashed() -> Any:
    """Return what turns features into columns."""
    from sklearn.feature_extraction import FeatureHasher

    return FeatureHasher(2**17, input_type="string", alternate_sign=False)


def rows_of(text: str) -> Any:
    """Return the features of each character, a sparse row each."""
    padded = f"^^{text.lower()}$$$"
    return hashed().transform(
        [
            [f"{k}{padded[i + 2 + k]}" for k in NEAR]
            + [f"{k}{padded[i + 2 + k : i + 4 + k]}" for k in NEAR[:-1]]
            for i in range(len(text))
        ]
    )


def tags_of(text: str, true: Array) -> NDArray[np.int64]:
    """Return a tag for each character: 0 outside, then begin and inside of each type."""
    tags = np.zeros(len(text), dtype=np.int64)
    for start, end, kind in true.astype(int):
        tags[start], tags[start + 1 : end] = 1 + 2 * kind, 2 + 2 * kind
    return tags


def marks_of(chance: Array, classes: Array) -> Array:
    """Return the stretches that the likeliest tags make, as doubtful as their worst character."""
    found: list[list[float]] = []
    tags, sure = classes[chance.argmax(1)], chance.max(1)
    for i, tag in enumerate(tags.tolist()):
        kind = (tag - 1) // 2
        goes_on = tag and tag % 2 == 0 and found and found[-1][2] == i and found[-1][3] == kind
        if goes_on:
            found[-1][2], found[-1][0] = i + 1, min(found[-1][0], sure[i])
        elif tag:
            found.append([sure[i], i, i + 1, kind])
    marks = np.array(found, dtype=float).reshape(-1, 4)
    odds = np.clip(marks[:, 0], 1e-6, 1 - 1e-6)
    marks[:, 0] = np.log(odds / (1 - odds))
    return marks


class Part:
    """Texts with their features and tags, made once."""

    def __init__(self, examples: Examples) -> None:
        self.examples = examples
        self.texts = [str(examples.load(i).data.text) for i in range(len(examples))]
        self.rows = [rows_of(text) for text in self.texts]
        self.tags = [tags_of(t, examples.truth_of(i)) for i, t in enumerate(self.texts)]


def said(pool: Part, known: Array, seed: int, *asked: Part) -> list[list[Array]]:
    """Return what a tagger trained on some texts of the pool marks in other parts."""
    from scipy.sparse import vstack
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(loss="log_loss", alpha=1e-5, max_iter=8, tol=None, random_state=seed)
    model.fit(vstack([pool.rows[i] for i in known]), np.concatenate([pool.tags[i] for i in known]))
    found = []
    for part in asked:
        chance = model.predict_proba(vstack(part.rows))
        ends = np.cumsum([len(text) for text in part.texts])[:-1]
        found.append([marks_of(one, model.classes_) for one in np.split(chance, ends)])
    return found


def told(task: Any, held: Part, lines: Sequence[list[Any]], work: Sequence[str]) -> None:
    """Print F1 by chance and as asked, and the difference, at one share."""
    metrics = [
        [curve_figures.metrics_of(task, held.examples, one) for one in each] for each in lines
    ]
    for k, own in enumerate(metrics):
        found = curve_figures.point(own, metrics[k - 1] if k else [], held.examples.groups)
        f1, change = found["metrics"]["f1"], found["change"]
        text = f"  {NAMES[k]:<21} {work[k]:>6} stretches  F1 {f1['value']:.3f}"
        text += f" [{f1['low']:.3f}, {f1['high']:.3f}] seeds {min(f1['seeds']):.3f}"
        text += f"-{max(f1['seeds']):.3f}"
        if change:
            limits = f"[{change['low']:+.3f}, {change['high']:+.3f}]"
            text += f"  to the line above {change['value']:+.3f} {limits}"
        print(text, flush=True)


def as_many(counts: Array, wanted: int, seed: int) -> Array:
    """Return texts by chance that hold about as many stretches."""
    order = np.random.default_rng(seed).permutation(len(counts))
    return np.sort(order[: int(np.searchsorted(np.cumsum(counts[order]), wanted)) + 1])


def main() -> None:
    """Print the curve."""
    rooms.load()
    task = registry.find(ENTITIES)
    examples = task.examples(DataFolders.from_settings(), "cMedQANER")
    out = split.folds_of(examples.groups, 5) == 0
    pool, held = (Part(examples.subset(np.flatnonzero(inside))) for inside in (~out, out))
    print(f"cMedQANER: {len(pool.texts)} texts to label, {len(held.texts)} held out")
    counts = np.array([len(pool.examples.truth_of(i)) for i in range(len(pool.texts))])
    floor = [held.examples.floor_marks["list of names"](i) for i in range(len(held.texts))]
    found = curve_figures.point(
        [curve_figures.metrics_of(task, held.examples, floor)], [], held.examples.groups
    )["metrics"]["f1"]
    print(f"list of names: F1 {found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]")
    last: dict[int, tuple[Array, Array]] = {}
    for part in SHARES:
        lines: list[list[Any]] = [[], [], []]
        work: list[list[int]] = [[], [], []]
        for seed in SEEDS if part < 1 else SEEDS[:1]:
            chosen = [known := share.chosen(pool.examples, part, seed)]
            if seed in last and part < 1:
                asked = share.asked(pool.examples, *last[seed], len(known))
                chosen += [asked, as_many(counts, int(counts[asked].sum()), seed)]
            for k, own in enumerate(chosen):
                marked, everywhere = said(pool, own, seed, held, pool)
                lines[k].append(marked)
                work[k].append(int(counts[own].sum()))
                if k == min(1, len(chosen) - 1):
                    last[seed] = own, curve_said.doubt(task, everywhere, "entropy")
        print(f"{part:.0%}, {len(known)} texts")
        kept = [one for one in lines if one]
        told(task, held, kept, [f"{np.mean(one):.0f}" for one in work if one])


if __name__ == "__main__":
    main()
