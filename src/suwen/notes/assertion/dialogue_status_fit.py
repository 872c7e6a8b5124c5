"""Fit the linear models of `dialogue_status` on CMDD and write them as plain numbers.

`python -m suwen.notes.assertion.dialogue_status_fit FOLDER` reads `text/cmdd/train.jsonl.gz` below
FOLDER, chooses on a fifth of its dialogues, fits on all of them, measures on `dev.jsonl.gz`, which
nothing was chosen on, and writes `knowledge/dialogue_status.json` with the figures in it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.notes.assertion.data import CMDD, Told, cmdd
from suwen.notes.assertion.dialogue_status import (
    STATUSES,
    Features,
    StatusModel,
    as_json,
    by_rules,
    features,
    keywords,
)
from suwen.notes.assertion.dialogue_status import related as related_rows
from suwen.notes.assertion.rules import KNOWLEDGE

WEIGHTS: Final = KNOWLEDGE / "dialogue_status.json"
SEED, FOLDS, PART = 7, 3, 5
LEAST_SEEN: Final = 6
"""A feature that fewer mentions have is left out."""
STRENGTH, SECOND_STRENGTH = 0.04, 0.1
"""Inverse strengths of the L2 penalties (chosen on the fifth)."""
PRIORS: Final = ((1.0, 1.0, 1.0), (1.0, 1.3, 1.1), (1.0, 1.6, 1.2))
"""Factors on the probabilities before the largest is called: macro-F1 counts rare ones alike."""
Line = tuple[Told, list[Features]]


def f1_by_status(true: Sequence[str], called: Sequence[str]) -> dict[str, float]:
    """Return the F1 of each status and their mean, `macro_f1`."""
    found = {}
    for status in STATUSES:
        both = sum(a == b == status for a, b in zip(true, called, strict=True))
        either = sum(a == status for a in true) + sum(b == status for b in called)
        found[status] = 2 * both / either if either else 0.0
    return {**found, "macro_f1": float(np.mean(list(found.values())))}


def _flat(lines: Sequence[Line]) -> tuple[list[Features], list[str]]:
    return [one for _, rows in lines for one in rows], [
        s for told, _ in lines for s in told.statuses
    ]


def _first(lines: Sequence[Line]) -> tuple[Any, Any]:
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    rows, true = _flat(lines)
    seen = Counter(name for one in rows for name in one)
    kept = [{n: v for n, v in one.items() if seen[n] >= LEAST_SEEN} for one in rows]
    table = DictVectorizer(dtype=np.float64)
    model = LogisticRegression(C=STRENGTH, max_iter=80, tol=1e-3)
    return table, model.fit(table.fit_transform(kept), [STATUSES.index(s) for s in true])


def _logits(table: Any, model: Any, lines: Sequence[Line]) -> list[Any]:
    return [
        model.decision_function(table.transform(rows)) if rows else np.zeros((0, len(STATUSES)))
        for _, rows in lines
    ]


def _second(lines: Sequence[Line], logits: Sequence[Any]) -> Any:
    from sklearn.linear_model import LogisticRegression

    rows = [
        related_rows(told.dialogue, each)
        for (told, _), each in zip(lines, logits, strict=True)
        if len(each)
    ]
    true = [STATUSES.index(s) for s in _flat(lines)[1]]
    return LogisticRegression(C=SECOND_STRENGTH, max_iter=500).fit(np.concatenate(rows), true)


def fitted(lines: Sequence[Line], priors: Sequence[float], said: dict[str, Any]) -> str:
    """Return both models, the second fitted on what the first says of dialogues it never saw."""
    parts = [list(range(k, len(lines), FOLDS)) for k in range(FOLDS)]
    unseen: dict[int, Any] = {}
    for part in parts:
        others = [lines[i] for i in range(len(lines)) if i not in set(part)]
        table, model = _first(others)
        unseen |= dict(zip(part, _logits(table, model, [lines[i] for i in part]), strict=True))
    second = _second(lines, [unseen[i] for i in range(len(lines))])
    table, model = _first(lines)
    names = list(table.get_feature_names_out())
    return as_json(model, second, names, {**said, "priors": list(priors)})


def measured(text: str, lines: Sequence[Line]) -> dict[str, float]:
    """Return the F1 of the model on dialogues."""
    model = StatusModel(text)
    called = [s for told, _ in lines for s in model.statuses(told.dialogue)]
    return f1_by_status(_flat(lines)[1], called)


def baselines(told: Sequence[Told]) -> dict[str, dict[str, float]]:
    """Return the F1 of the majority class, of keywords and of the rules on one turn alone."""
    true = [status for one in told for status in one.statuses]
    ruled = [
        said if said in STATUSES else "possible" for one in told for said in by_rules(one.dialogue)
    ]
    return {
        "majority": f1_by_status(true, ["present"] * len(true)),
        "keywords": f1_by_status(
            true, [status for one in told for status in keywords(one.dialogue)]
        ),
        "rules": f1_by_status(true, ruled),
    }


def main(folder: Path) -> dict[str, Any]:
    """Choose, fit, measure and write; return the figures."""
    lines = [(told, features(told.dialogue)) for told in cmdd(folder / CMDD / "train.jsonl.gz")]
    order = np.random.default_rng(SEED).permutation(len(lines))
    held = [lines[i] for i in order[: len(lines) // PART]]
    text = fitted([lines[i] for i in order[len(lines) // PART :]], PRIORS[0], {})
    model = StatusModel(text)
    shares = [model.probabilities(told.dialogue) for told, _ in held]
    true = _flat(held)[1]
    scored = {
        priors: f1_by_status(
            true, [STATUSES[k] for each in shares for k in (each * np.array(priors)).argmax(1)]
        )["macro_f1"]
        for priors in PRIORS
    }
    best = max(scored, key=lambda priors: scored[priors])
    figures: dict[str, Any] = {"chosen on a fifth of train, macro_f1": round(scored[best], 4)}
    test = [(told, list[Features]()) for told in cmdd(folder / CMDD / "dev.jsonl.gz")]
    final = fitted(lines, best, {})
    figures["dev"] = {k: round(v, 4) for k, v in measured(final, test).items()}
    figures["dev baselines"] = {
        name: {k: round(v, 4) for k, v in each.items()}
        for name, each in baselines([told for told, _ in test]).items()
    }
    said = {
        "source": "CMDD (Lin et al., EMNLP 2019), train, of ChineseBLUE (Apache-2.0)",
        "figures": figures,
    }
    stored = json.dumps({**said, **json.loads(final)}, ensure_ascii=False, separators=(",", ":"))
    WEIGHTS.write_text(stored + "\n", "utf-8")
    return figures


if __name__ == "__main__":
    sys.stdout.write(f"{main(Path(sys.argv[1]))}\n")
