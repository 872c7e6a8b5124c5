"""The robustness card in words: a section of a model card, and the table of `suwen stress`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from suwen.lifecycle.card.words import label, number

ANSWERED = "accuracy"
"""Metric shown among the answered where there is one; else the first headline metric."""


def lines(found: Mapping[str, Any], plots: Sequence[str] = ()) -> Iterator[str]:
    """Yield the Markdown of `robustness.json`; nothing when it is empty."""
    if not found:
        return
    how = {"out-of-fold": "out-of-fold", "independent": "independent, all members"}[found["split"]]
    yield "## Robustness"
    yield ""
    yield f"{found['n']} samples of {found['groups']} patients (groups), {how}; the same samples"
    yield "before and after each change, differences paired over the same resamples of patients."
    yield f"Flipped: {found['meaning']['flipped']}. Confidently wrong: answered, and"
    yield f"{found['meaning']['confidently_wrong']}."
    yield ""
    for name in plots:
        yield f'<img src="plots/{name}.png" width="720" alt="{label(name)}">'
        yield ""
    if summary := found["summary"]:
        yield f"{label(summary['metric'])} as a mean over the perturbations, each counting the"
        yield f"same: {number(summary['mean'])}, {number(summary['change'])} against unchanged."
        yield ""
    yield from _table(found, "perturbation", found["clean"])
    if found["attacks"]:
        yield from _attacks(found)


def _attacks(found: Mapping[str, Any]) -> Iterator[str]:
    about = found["attacks"]
    yield "### Worst small changes"
    yield ""
    yield f"No element of the input is changed by more than the strength ({about['unit']}). FGSM"
    yield f"takes one step, PGD {about['steps']}; `noise` of the same size is the floor. Slope:"
    yield f"{about['slope']}. {about['n']} samples of {about['groups']} patients (groups)."
    yield ""
    yield from _table(found, "attack", about["clean"])


def columns(found: Mapping[str, Any]) -> list[str]:
    """Return the headings of the rows of `rows`."""
    first, among = _shown(found)
    return [
        "change",
        "strength",
        label(first),
        "change against clean",
        f"{label(among)} of the answered",
        *(["ECE"] if "ece" in found["headline"] else []),
        "abstained",
        "flipped",
        "confidently wrong",
    ]


def _shown(found: Mapping[str, Any]) -> tuple[str, str]:
    names = found["headline"]
    return names[0], ANSWERED if ANSWERED in names else names[0]


def rows(found: Mapping[str, Any], kind: str, clean: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield the cells of one kind of condition, the unchanged samples first."""
    yield ["unchanged", "0", *_cells(found, clean)]
    for entry in found["conditions"]:
        if entry["kind"] == kind:
            yield [entry["name"], f"{entry['strength']:g}", *_cells(found, entry)]


def _cells(found: Mapping[str, Any], entry: Mapping[str, Any]) -> list[str]:
    first, among = _shown(found)
    change = entry.get("change", {}).get(first)
    error = ["ece"] if "ece" in found["headline"] else []
    return [
        number(entry["metrics"][first]),
        number(change) if change else "–",
        number(entry["among_answered"].get(among)),
        *(number(entry["metrics"][name]) for name in error),
        _share(entry["abstained"]),
        _share(entry.get("flipped")),
        _share(entry["confidently_wrong"]),
    ]


def _share(entry: Mapping[str, Any] | None) -> str:
    return "–" if not entry or entry["value"] is None else f"{entry['value']:.1%}"


def _table(found: Mapping[str, Any], kind: str, clean: Mapping[str, Any]) -> Iterator[str]:
    heads = columns(found)
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for cells in rows(found, kind, clean):
        yield f"| {' | '.join(cells)} |"
    yield ""
