"""Explain development examples: a picture and the scores of every method for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from suwen.core.errors import BadInput
from suwen.lifecycle import runs
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.plots import run as plots
from suwen.lifecycle.reasons import explain
from suwen.lifecycle.task import Task


def explain_examples(
    task: Task, pack: Pack, data: DataFolders, out: Path, count: int, dataset: str = ""
) -> list[dict[str, Any]]:
    """Explain `count` examples, alternating between classes where there are some.

    Writes one picture an example and `scores.json` into `out`; returns the scores. Unlike at
    serving, the randomisation check is made on each example itself.

    Raises
    ------
    BadInput
        The task does not explain its answers.
    """
    methods = explain.methods_of(task)
    if not methods:
        raise BadInput(
            f"{task.name} does not explain its answers",
            "a task with input_of, saliency and score_of",
            "choose another task",
        )
    examples = task.examples(data, dataset or str(pack.settings["dataset"]))
    chosen = _chosen(np.asarray(examples.labels), count)
    out.mkdir(parents=True, exist_ok=True)
    explaining: Any = task
    noise = pack.randomised(0)
    rows = []
    for i in chosen:
        sample = examples.load(int(i))
        maps, found = _explained(task, pack, noise, sample, methods)
        rows += found
        plots.draw_explanation(explaining.input_of(pack, sample), maps, out, sample.key)
    runs.write_json(out / "scores.json", {"pack": pack.identity, "scores": rows})
    return rows


def _chosen(labels: Any, count: int) -> list[int]:
    """Return indices spread over the examples, taking the classes in turn."""
    kinds = np.unique(labels)
    if len(kinds) > 10:
        kinds = kinds[:1]
        labels = np.full(len(labels), kinds[0])
    share = -(-count // len(kinds))
    picked = []
    for kind in kinds:
        own = np.flatnonzero(labels == kind)
        picked.append(own[np.unique(np.linspace(0, len(own) - 1, share).astype(int))])
    turns = [int(own[k]) for k in range(share) for own in picked if k < len(own)]
    return turns[:count]


def _explained(
    task: Any, pack: Pack, noise: Pack, sample: Sample, methods: tuple[str, ...]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    maps, rows = {}, []
    for method in methods:
        relevance, explanation = explain.check(task, pack, sample, method)
        alike = explain.similarity(relevance, task.saliency(noise, sample, method))
        score = "undefined" if explanation.faithfulness is None else explanation.faithfulness
        title = f"{method}: {score if isinstance(score, str) else format(score, '.2f')}"
        maps[title] = relevance
        hidden = explanation.hidden_because
        rows.append(
            {
                "key": sample.key,
                "method": method,
                "faithfulness": explanation.faithfulness,
                "similarity_to_random_weights": alike,
                "hidden_because": None if hidden is None else hidden.en,
            }
        )
    return maps, rows
