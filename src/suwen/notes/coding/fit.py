"""Fits the ranking of candidate codes: `python -m suwen.notes.coding.fit FOLDER_OF_TEXT_DATA`.

Trained on the mentions of the training parts of BC5CDR and NCBI Disease, and only on those. A
mention must not find itself: names that the vocabulary has from annotations are passed over where
the mention's own document is the only one that has them, so that most of what is learned is how to
tell names that are alike; some mentions also stand there misspelt. The threshold is the lowest
score from which `PRECISE` of the mentions have a right code first, on a fifth of the documents that
the weights were not fitted on.

All of these are English. What the likeness of Chinese names is worth is learned from no annotation
either: Chinese labels of HPO whose English names are names of ICD-10-CM have their subcategory in
the Chinese edition, and the weight of `chinese` lets the threshold stand where `PRECISE_CHINESE` of
those labels have a code of it first.
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.core.nouns import digest_of
from suwen.lifecycle.data import DataFolders
from suwen.notes.coding.candidates import FEATURES, Finder
from suwen.notes.coding.examples import SYSTEMS as DATASETS
from suwen.notes.coding.examples import Gold, exact, load, pubtator
from suwen.notes.coding.name_vectors import FILE as VECTORS
from suwen.notes.coding.name_vectors_data import misspelt
from suwen.notes.coding.ranked import MODEL, Coder
from suwen.notes.vocabulary import terms
from suwen.notes.vocabulary.names import (
    CASED,
    FILE,
    HPO,
    ICD10_BEIJING,
    ICD10CM,
    LOOSE,
    MESH,
    OMIM,
    Vocabulary,
    installed,
)

SYSTEMS: Final = (MESH, OMIM)
PRECISE: Final = 0.9
PRECISE_CHINESE: Final = 0.83
"""Share of best candidates that has to be right. Labels are right in one subcategory, and editions
do not divide every category alike; with 0.83 the codes given to the first 1,500 training pairs of
CHIP-CDN, on which nothing else was decided, are right as often as before vectors."""
HELD_OUT: Final = 5
"""Every how many-th document the threshold is chosen on."""
MISSPELT: Final = 0.1
"""Share of mentions that are looked at once more with a spelling error."""
SEED: Final = 7
SUBCATEGORY: Final = 5
"""Characters of a code of ICD-10 up to its first division (E11.2)."""
TRAINING: Final = ("bc5cdr/CDR_TrainingSet.PubTator.txt", "ncbi_disease/NCBItrainset_corpus.txt")


class Table(NamedTuple):
    """Names looked at: features (n, f), whether each is right (n,), and for which mention (n,).

    `document` numbers the document of each mention.
    """

    features: NDArray[np.float64]
    right: NDArray[np.bool_]
    mention: NDArray[np.int64]
    document: list[int]


def examples(finder: Finder, folder: Path) -> Table:
    """Look at each mention of the training parts as if its own document had never been read."""
    vocabulary = finder.vocabulary
    short = [code_of(vocabulary, concept) for concept in range(len(vocabulary.system))]
    seen: dict[tuple[tuple[str, ...], str], set[str]] = defaultdict(set)
    documents = [golds for name in TRAINING for golds in pubtator(folder / name)]
    for gold in (one for golds in documents for one in golds):
        for code in gold.codes:
            seen[terms.bag(gold.mention), code].add(gold.document)

    def own(row: int, document: str) -> bool:
        if vocabulary.sources[vocabulary.source[row]].name != "annotated":
            return False
        bag = terms.bag(vocabulary.surface(row))
        return seen[bag, short[vocabulary.concept[row]]] <= {document}

    rows: list[list[float]] = []
    right: list[bool] = []
    mention: list[int] = []
    held: list[int] = []
    draw = random.Random(SEED)
    for number, golds in enumerate(documents):
        coded = {one.mention: one for one in golds if one.codes}
        for gold in _with_misspelt(coded.values(), draw):
            held.append(number)
            long = gold.context.definitions.get(gold.mention, "")
            left = partial(own, document=gold.document)
            for one in finder.alike(gold.mention, gold.kind, SYSTEMS, long, left):
                rows.append([finder.features(one)[name] for name in FEATURES])
                right.append(short[vocabulary.concept[one.row]] in gold.codes)
                mention.append(len(held) - 1)
    return Table(np.array(rows), np.array(right), np.array(mention), held)


def _with_misspelt(golds: Iterable[Gold], draw: random.Random) -> Iterator[Gold]:
    """Yield mentions, and of some what they look like with a spelling error."""
    for gold in golds:
        yield gold
        if draw.random() < MISSPELT:
            yield replace(gold, mention=misspelt(gold.mention, draw))


def chinese_examples(finder: Finder) -> Table:
    """Look at the Chinese labels of HPO in the Chinese edition of ICD-10."""
    rows: list[list[float]] = []
    right: list[bool] = []
    mention: list[int] = []
    for number, (label, wanted) in enumerate(labels(finder.vocabulary).items()):
        for one in finder.alike(label, "problem", (ICD10_BEIJING,)):
            values = finder.features(one) | {"chinese": 0.0}
            rows.append([values[name] for name in FEATURES])
            right.append(finder.vocabulary.entry(one.row).code[:SUBCATEGORY] in wanted)
            mention.append(number)
    return Table(np.array(rows), np.array(right), np.array(mention), [])


def code_of(vocabulary: Vocabulary, concept: int) -> str:
    """Return a code as data sets write it: OMIM numbers with their prefix."""
    prefix = "OMIM:" if vocabulary.system_of(concept) == OMIM else ""
    return prefix + vocabulary.code_of(concept)


def labels(vocabulary: Vocabulary) -> dict[str, set[str]]:
    """Return Chinese labels of HPO with subcategories of ICD-10 that have the same English name."""
    held: dict[tuple[str, ...], set[str]] = defaultdict(set)
    wanted: dict[str, set[str]] = defaultdict(set)
    known: set[str] = set()
    labelled: list[tuple[str, tuple[str, ...]]] = []
    annotated = [one.name for one in vocabulary.sources].index("annotated")
    odd = (vocabulary.flags & (LOOSE | CASED)) | (vocabulary.source == annotated)
    for row in np.flatnonzero(odd == 0).tolist():
        concept = int(vocabulary.concept[row])
        system, code = vocabulary.system_of(concept), vocabulary.code_of(concept)[:SUBCATEGORY]
        if system == ICD10CM:
            held[terms.bag(vocabulary.surface(row))].add(code)
        elif system == ICD10_BEIJING:
            known.add(code)
        elif system == HPO and terms.is_chinese(label := vocabulary.display(concept).zh):
            labelled.append((label, terms.bag(vocabulary.surface(row))))
    for label, bag in labelled:
        if codes := held.get(bag, set()) & known:
            wanted[label] |= codes
    return wanted


def tops(table: Table, scores: NDArray[np.float64]) -> list[tuple[float, bool]]:
    """Return the best score of each mention, and whether it is that of a right code."""
    best: dict[int, tuple[float, bool]] = {}
    rows = zip(scores.tolist(), table.right.tolist(), table.mention.tolist(), strict=True)
    for score, right, own in rows:
        best[own] = max(best.get(own, (-1.0, False)), (score, right))
    return sorted(best.values(), reverse=True)


def threshold(best: Sequence[tuple[float, bool]], precise: float) -> float:
    """Return the lowest score from which this share of the best candidates is right.

    The highest score where no share is.
    """
    right = np.cumsum([label for _, label in best]) / np.arange(1, len(best) + 1)
    enough = np.flatnonzero(right >= precise)
    return float(best[int(enough[-1]) if len(enough) else 0][0])


def fit(finder: Finder, folder: Path) -> dict[str, Any]:
    """Return the weights, the threshold and what they were fitted on."""
    from sklearn.linear_model import LogisticRegression

    table, chinese = examples(finder, folder), chinese_examples(finder)
    late = np.array([table.document[n] % HELD_OUT == 0 for n in table.mention])
    model = LogisticRegression(C=1.0, fit_intercept=False, max_iter=5000)
    model.fit(table.features[~late], table.right[~late])
    held = Table(table.features[late], table.right[late], table.mention[late], [])
    limit, other = (
        threshold(tops(one, model.predict_proba(one.features)[:, 1]), precise)
        for one, precise in ((held, PRECISE), (chinese, PRECISE_CHINESE))
    )
    weights = dict(zip(FEATURES, model.coef_[0].tolist(), strict=True))
    weights["chinese"] = math.log(limit / (1 - limit)) - math.log(other / (1 - other))
    return {
        "source": "logistic regression (L2, C = 1) by suwen.notes.coding.fit",
        "data": list(TRAINING),
        "mentions": len(table.document),
        "candidates": len(table.right),
        "weights": {name: round(weight, 4) for name, weight in weights.items()},
        "threshold": round(limit, 3),
    }


def measure(coder: Coder, golds: Sequence[Gold], systems: tuple[str, ...]) -> dict[str, float]:
    """Return top1, top5, mapped (share above the threshold), its precision, exact match, and n."""
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
    marks = np.array(rows)
    means = dict(zip(("top1", "top5", "mapped", "exact_top1"), marks.mean(axis=0), strict=True))
    means["precision"] = marks[marks[:, 2], 0].mean()
    return {name: round(float(value), 4) for name, value in means.items()} | {"n": len(rows)}


def main(folder: Path) -> None:
    """Fit on the training parts and write `coding_model.json` with development figures."""
    finder = Finder(installed())
    fitted = fit(finder, folder)
    weights = {**fitted["weights"], "threshold": fitted["threshold"]}
    coder = Coder(installed(), weights, finder=finder)
    fitted["vocabulary"] = digest_of(FILE.read_bytes())
    fitted["vectors"] = digest_of(VECTORS.read_bytes())
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
