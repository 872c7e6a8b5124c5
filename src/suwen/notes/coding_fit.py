"""Fits the ranking of candidate codes: `python -m suwen.notes.coding_fit FOLDER_OF_TEXT_DATA`.

Trained on the mentions of the training parts of BC5CDR and NCBI Disease, and only on those. A
mention must not find itself: names that the vocabulary has from annotations are left out where the
mention's own document is the only one that has them. The threshold is the score that separates
mentions whose best candidate is right from all others with the best F1, on a fifth of the documents
that the weights were not fitted on.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.notes import terms
from suwen.notes.coding import FEATURES, MODEL, Coder, Context
from suwen.notes.vocabulary import MESH, OMIM, installed
from suwen.notes.vocabulary_sources import one_code

SYSTEMS: Final = (MESH, OMIM)
HELD_OUT: Final = 5
"""Every how many-th document the threshold is chosen on."""
TRAINING: Final = ("bc5cdr/CDR_TrainingSet.PubTator.txt", "ncbi_disease/NCBItrainset_corpus.txt")
_LINE: Final = re.compile(r"^(\d+)\t(\d+)\t(\d+)\t(.+?)\t(\w+)\t\s*(\S+)\s*$")


class Gold(NamedTuple):
    """One annotated mention with the codes that are accepted; none where it has no code."""

    document: str
    start: int
    end: int
    mention: str
    kind: str
    codes: frozenset[tuple[str, str]]


def read(path: Path) -> Iterator[tuple[str, list[Gold]]]:
    """Yield text and mentions of each document of a PubTator file."""
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        text, golds = "", []
        for line in block.strip().split("\n"):
            head = line.split("|", 2)
            if len(head) == 3 and head[1] in "ta" and head[0].isdigit():
                text += head[2] + "\n"
            elif match := _LINE.match(line):
                found = (one_code(part) for part in re.split(r"[|+]", match[6]))
                golds.append(
                    Gold(match[1], int(match[2]), int(match[3]), match[4],
                         "drug" if match[5] == "Chemical" else "problem",
                         frozenset(code for code in found if code))
                )  # fmt: skip
        if text:
            yield text, golds


def examples(
    coder: Coder, folder: Path
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], list[int], list[bool]]:
    """Return features (n, f), labels (n,), mention numbers (n,), its document and if it has a code.

    One row a candidate; the documents of mentions are numbered.
    """
    pairs: dict[tuple[tuple[str, ...], str], set[str]] = defaultdict(set)
    documents = [one for name in TRAINING for one in read(folder / name)]
    for _, golds in documents:
        for gold in golds:
            for _, code in gold.codes:
                pairs[terms.bag(gold.mention), code].add(gold.document)
    rows: list[list[float]] = []
    labels, mention, held, coded = [], [], [], []
    for number, (text, golds) in enumerate(documents):
        context = Context.of(text)
        for gold in {one.mention: one for one in golds}.values():
            own = len(held)
            held.append(number)
            coded.append(bool(gold.codes))
            long = context.definitions.get(gold.mention, "")
            for row, reading, share in coder.rows(gold.mention, gold.kind, SYSTEMS, long):
                entry = coder.vocabulary.entry(row)
                seen = pairs[terms.bag(entry.term), entry.code]
                if entry.source == "annotated" and seen <= {gold.document}:
                    continue
                features = coder.features(row, reading, share)
                rows.append([features[name] for name in FEATURES])
                labels.append((entry.system, entry.code) in gold.codes)
                mention.append(own)
    return (np.array(rows), np.array(labels, dtype=np.int64), np.array(mention), held, coded)


def fit(coder: Coder, folder: Path) -> dict[str, Any]:
    """Return the weights, the threshold and what they were fitted on."""
    from sklearn.linear_model import LogisticRegression

    x, y, mention, held, _ = examples(coder, folder)
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
    return float(tops[int(np.argmax(f1))][0])


def measure(
    coder: Coder, path: Path, kinds: Sequence[str] = ("problem", "drug")
) -> dict[str, dict[str, float]]:
    """Return top1, top5, that of the exact-match baseline, and n, of each kind of a file."""
    tally: dict[str, list[tuple[bool, bool, bool, bool]]] = {kind: [] for kind in kinds}
    for text, golds in read(path):
        context = Context.of(text)
        for gold in golds:
            if gold.codes and gold.kind in tally:
                ranked = coder.candidates(gold.mention, gold.kind, context, SYSTEMS)
                codes = [(one.system, one.code) for one in ranked[:5]]
                plain = coder.vocabulary.named(gold.mention)
                first = [(e.system, e.code) for e in map(coder.vocabulary.entry, plain)
                         if e.system in SYSTEMS and e.source != "annotated"][:1]  # fmt: skip
                mapped = bool(ranked) and ranked[0].score >= coder.weights["threshold"]
                tally[gold.kind].append(
                    (codes[:1] != [] and codes[0] in gold.codes, bool(set(codes) & gold.codes),
                     bool(set(first) & gold.codes), mapped)
                )  # fmt: skip
    names = ("top1", "top5", "exact_top1", "mapped")
    return {
        kind: {**dict(zip(names, np.mean(rows, axis=0).round(4).tolist(), strict=True)),
               "n": float(len(rows))}
        for kind, rows in tally.items() if rows
    }  # fmt: skip


def main(folder: Path) -> None:
    """Fit on the training parts and write `coding_model.json` with development figures."""
    start = dict.fromkeys(FEATURES, 1.0) | {"threshold": 0.0}
    fitted = fit(Coder(installed(), start), folder)
    coder = Coder(installed(), {**fitted["weights"], "threshold": fitted["threshold"]})
    fitted["measured"] = {
        "bc5cdr development": measure(coder, folder / "bc5cdr/CDR_DevelopmentSet.PubTator.txt"),
        "ncbi_disease development": measure(
            coder, folder / "ncbi_disease/NCBIdevelopset_corpus.txt"
        ),
    }
    MODEL.write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
