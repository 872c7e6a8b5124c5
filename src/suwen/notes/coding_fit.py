"""Fits the ranking of candidate codes: `python -m suwen.notes.coding_fit FOLDER_OF_TEXT_DATA`.

Trained on the mentions of the training parts of BC5CDR and NCBI Disease, and only on those. A
mention must not find itself: names that the vocabulary has from annotations are left out where the
mention's own document is the only one that has them. The threshold is the lowest score
that separates mentions whose best candidate is right from all others with the best F1 (within
0.005), on a fifth of the documents that the weights were not fitted on.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.nouns import digest_of
from suwen.lifecycle.data import DataFolders
from suwen.notes import terms
from suwen.notes.coding import FEATURES, MODEL, Coder
from suwen.notes.coding_examples import SYSTEMS as DATASETS
from suwen.notes.coding_examples import Gold, exact, load, pubtator
from suwen.notes.vocabulary import FILE, MESH, OMIM, installed

SYSTEMS: Final = (MESH, OMIM)
NOISE: Final = 0.005
"""Difference of F1 that says nothing: of thresholds so alike the lowest is taken."""
HELD_OUT: Final = 5
"""Every how many-th document the threshold is chosen on."""
TRAINING: Final = ("bc5cdr/CDR_TrainingSet.PubTator.txt", "ncbi_disease/NCBItrainset_corpus.txt")


def examples(
    coder: Coder, folder: Path
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], list[int]]:
    """Return features (n, f), labels (n,), mention numbers (n,), and the document of each mention.

    One row a candidate; the documents of mentions are numbered.
    """
    seen: dict[tuple[tuple[str, ...], str], set[str]] = defaultdict(set)
    documents = [golds for name in TRAINING for golds in pubtator(folder / name)]
    for gold in (one for golds in documents for one in golds):
        for code in gold.codes:
            seen[terms.bag(gold.mention), code].add(gold.document)
    rows: list[list[float]] = []
    labels: list[bool] = []
    mention: list[int] = []
    held: list[int] = []
    for number, golds in enumerate(documents):
        for gold in {one.mention: one for one in golds}.values():
            own = len(held)
            held.append(number)
            long = gold.context.definitions.get(gold.mention, "")
            for row, reading, share in coder.rows(gold.mention, gold.kind, SYSTEMS, long):
                entry = coder.vocabulary.entry(row)
                code = f"OMIM:{entry.code}" if entry.system == OMIM else entry.code
                alone = seen[terms.bag(entry.term), code] <= {gold.document}
                if entry.source == "annotated" and alone:
                    continue
                features = coder.features(row, reading, share)
                rows.append([features[name] for name in FEATURES])
                labels.append(code in gold.codes)
                mention.append(own)
    return (np.array(rows), np.array(labels, dtype=np.int64), np.array(mention), held)


def fit(coder: Coder, folder: Path) -> dict[str, Any]:
    """Return the weights, the threshold and what they were fitted on."""
    from sklearn.linear_model import LogisticRegression

    x, y, mention, held = examples(coder, folder)
    late = np.array([held[n] % HELD_OUT == 0 for n in mention])
    model = LogisticRegression(C=1.0, fit_intercept=False, max_iter=2000)
    model.fit(x[~late], y[~late])
    scores = model.predict_proba(x[late])[:, 1]
    return {
        "source": "logistic regression (L2, C = 1) by suwen.notes.coding_fit",
        "data": list(TRAINING),
        "mentions": len(held),
        "candidates": len(y),
        "weights": {
            name: round(float(w), 4) for name, w in zip(FEATURES, model.coef_[0], strict=True)
        },
        "threshold": round(_threshold(scores, y[late], mention[late]), 3),
    }


def _threshold(
    scores: NDArray[np.float64], labels: NDArray[np.int64], mention: NDArray[np.int64]
) -> float:
    best: dict[int, tuple[float, int]] = {}
    for score, label, own in zip(scores.tolist(), labels.tolist(), mention.tolist(), strict=True):
        best[own] = max(best.get(own, (-1.0, 0)), (score, label))
    tops = sorted(best.values(), reverse=True)
    right = np.cumsum([label for _, label in tops])
    taken = np.arange(1, len(tops) + 1)
    f1 = 2 * right / (taken + right[-1])
    return float(tops[int(np.flatnonzero(f1 >= f1.max() - NOISE)[-1])][0])


def measure(coder: Coder, golds: Sequence[Gold], systems: tuple[str, ...]) -> dict[str, float]:
    """Return top1, top5, mapped (share above the threshold), top1 of exact match, and n."""
    rows: list[tuple[bool, bool, bool, bool]] = []
    for gold in golds:
        ranked = coder.candidates(gold.mention, gold.kind, gold.context, systems)
        codes = [f"OMIM:{c.code}" if c.system == OMIM else c.code for c in ranked[:5]]
        mapped = bool(ranked) and ranked[0].score >= coder.weights["threshold"]
        plain = exact(gold, systems)[:1]
        rows.append(
            (bool(set(codes[:1]) & gold.codes), bool(set(codes) & gold.codes), mapped,
             bool(set(plain) & gold.codes))
        )  # fmt: skip
    names = ("top1", "top5", "mapped", "exact_top1")
    means = np.mean(rows, axis=0).round(4).tolist()
    return {**dict(zip(names, means, strict=True)), "n": len(rows)}


def main(folder: Path) -> None:
    """Fit on the training parts and write `coding_model.json` with development figures."""
    start = dict.fromkeys(FEATURES, 1.0) | {"threshold": 0.0}
    fitted = fit(Coder(installed(), start), folder)
    coder = Coder(installed(), {**fitted["weights"], "threshold": fitted["threshold"]})
    fitted["vocabulary"] = digest_of(FILE.read_bytes())
    folders = DataFolders((folder,))
    fitted["measured"] = {}
    for dataset, systems in DATASETS.items():
        golds = list(load(folders, dataset))
        for kind in sorted({gold.kind for gold in golds}):
            own = [gold for gold in golds if gold.kind == kind]
            fitted["measured"][f"{dataset} development, {kind}"] = measure(coder, own, systems)
    MODEL.write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
