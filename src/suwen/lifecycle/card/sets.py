"""What prediction sets are worth, in words: a section of a model card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from suwen.lifecycle.card.words import label, number
from suwen.lifecycle.measure.sets import START

BY_CLASS = f"{START}coverage_"
KINDS = {
    "threshold": "by the probability of each class (Sadinle et al., JASA 114:223, 2019)",
    "cumulated": "by the probability of all that is more probable than a class (Romano et al., "
    "NeurIPS 2020, without a random part)",
    "regularised": "by the probability of all that is more probable than a class, with a penalty "
    "for each place after the first (Angelopoulos et al., ICLR 2021)",
}


def lines(card: Mapping[str, Any]) -> Iterator[str]:
    """Yield the Markdown of a card's sets; nothing where the pack has none."""
    sets = card.get("sets")
    if not sets:
        return
    metrics, level = card["results"]["metrics"], sets["level"]
    yield "## Prediction sets"
    yield ""
    yield f"Beside its probability an answer keeps the classes that remain possible at {level:.0%}:"
    yield f"conformal sets {KINDS[sets['kind']]}, with a limit for each class."
    yield "Limits come from out-of-fold probabilities, and each fold was measured with those found"
    yield "without it. Each patient counts once, and stands for one that is new."
    yield ""
    yield "An answer is called high or low only where the class it names is the only one left. The"
    yield "others are the grey zone, and the answer says which classes they lie between."
    yield ""
    yield "| true class | sets that hold it | limit |"
    yield "|---|---|---|"
    yield f"| all | {number(metrics['set_coverage'])} | – |"
    keys = [name for name in metrics if name.startswith(BY_CLASS)]
    limits = [value for value in sets["limits"] if value >= 0]
    for k, (name, limit) in enumerate(zip(keys, limits, strict=False)):
        pooled = " (that of all classes: too few patients)" if k in sets["pooled"] else ""
        yield f"| `{name.removeprefix(BY_CLASS)}` | {number(metrics[name])} | {limit:.3f}{pooled} |"
    yield ""
    yield from _kinds(sets)
    yield "The promise is one for all patients of a class together, not for each kind of patient,"
    yield "and holds for patients like those of the development data."
    yield ""


def _kinds(sets: Mapping[str, Any]) -> Iterator[str]:
    """Yield the figures that decided between the kinds."""
    tried = sets["cross_fitted"]
    keys = list(next(iter(tried.values())))
    yield f"| kind | {' | '.join(map(label, keys))} |"
    yield "|---" * (len(keys) + 1) + "|"
    for kind, figures in tried.items():
        yield f"| {kind} | {' | '.join(f'{figures[key]:.3f}' for key in keys)} |"
    yield ""
