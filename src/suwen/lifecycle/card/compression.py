"""What compression did, in words: a section of a model card, and the tables of `suwen compress`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from suwen.lifecycle.card.words import label, number

COSTS = {
    "median_ms": "median of one sample (ms)",
    "p95_ms": "95th percentile (ms)",
    "first_ms": "first sample with opening the weights (ms)",
    "peak_mb": "peak memory of the process (MB)",
}
SIZES = {
    "networks_mb": "networks (MB)",
    "weights_mb": "all weights (MB)",
    "packed_mb": "all weights, packed (MB)",
}


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the Markdown of `compression.json`; nothing when it is empty."""
    if not found:
        return
    share = "" if found["amount"] is None else f" ({found['amount']:.0%} {found['share']})"
    yield "## Compression"
    yield ""
    yield f"Made by {found['method']}{share} from `{found['from'].rpartition('+')[0]}`; calibrator,"
    yield f"thresholds and domain are unchanged. {found['n']} samples of {found['groups']} patients"
    yield "(groups), out-of-fold, the same for both; changes are paired."
    yield ""
    for heads, table in tables(found):
        yield f"| {' | '.join(heads)} |"
        yield "|---" * len(heads) + "|"
        yield from (f"| {' | '.join(cells)} |" for cells in table)
        yield ""


def tables(found: Mapping[str, Any]) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Yield headings and rows: the clinical test, the figures, sizes and cost."""
    yield (
        ["stratum", "metric", "n", "before", "after", "change", "may worsen by", "passed"],
        [_gate(entry) for entry in found["gate"]],
    )
    yield (
        ["metric", "before", "after", "change"],
        [
            [label(name), *(number(entry[part]) for part in ("before", "after", "change"))]
            for name, entry in found["metrics"].items()
        ],
    )
    sizes = [[text, *_pair(found["size"], key)] for key, text in SIZES.items()]
    sizes += [[text, *_pair(found["cost"], key)] for key, text in COSTS.items()]
    yield ["size and cost", "before", "after"], sizes


def _gate(entry: Mapping[str, Any]) -> list[str]:
    values = ("–" if entry[key] is None else f"{entry[key]:.3f}" for key in ("before", "after"))
    verdict = ("yes" if entry["passed"] else "NO") if entry["gated"] else "too few, not gated"
    change = number(entry["change"])
    return [
        entry["stratum"],
        label(entry["metric"]),
        str(entry["n"]),
        *values,
        change,
        f"{entry['limit']:.3g}",
        verdict,
    ]


def _pair(found: Mapping[str, Any], key: str) -> list[str]:
    return [f"{found[part][key]:.3g}" for part in ("before", "after")]
