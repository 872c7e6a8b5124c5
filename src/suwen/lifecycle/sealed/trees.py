"""Trees as the text that LightGBM writes, kept in a pack compressed to a third of it."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

PLAIN = ".lgb.txt"
COMPRESSED = ".gz"
UNREAD = ("split_gain", "leaf_weight", "internal_value", "internal_weight", "tree_sizes")
"""Lines of a tree that neither an answer nor its Shapley values are made from."""
DIGITS = {"leaf_value": 5, "threshold": 7}
"""Digits that are kept."""


def compress_in(folder: Path) -> None:
    """Compress the texts of trees in a pack that is being made, equal trees to equal bytes."""
    for path in sorted(folder.rglob(f"*{PLAIN}")):
        made = gzip.compress(path.read_bytes(), mtime=0)
        path.with_name(path.name + COMPRESSED).write_bytes(made)
        path.unlink()


def text_of(name: str, content: bytes) -> str:
    """Return the text of trees from the content of the file called `name`, compressed or not."""
    return (gzip.decompress(content) if name.endswith(COMPRESSED) else content).decode()


def slimmed(text: str) -> str:
    """Return a LightGBM text a third as large: what no answer reads is left out, digits are cut.

    Logits move by less than 1e-4. Done while training, so that every figure is of what ships.
    """
    kept = []
    for line in text.partition("end of trees")[0].splitlines():
        name, _, values = line.partition("=")
        if name in UNREAD:
            continue
        digits = DIGITS.get(name)
        cut = [f"{float(value):.{digits}g}" for value in values.split()] if digits else []
        kept.append(f"{name}={' '.join(cut)}" if cut else line)
    return "\n".join([*kept, "end of trees", ""])


def shuffled(text: str, seed: int) -> str:
    """Return a LightGBM text whose splits, and whose leaves, have changed places at random.

    A split keeps its threshold with its feature, so that every split still divides the data.
    """
    rng = np.random.default_rng(seed)
    lines = text.splitlines()
    for together in (("split_feature", "threshold", "decision_type"), ("leaf_value",)):
        rows = {
            name: [i for i, line in enumerate(lines) if line.startswith(f"{name}=")]
            for name in together
        }
        held = {name: [lines[i].split("=")[1].split() for i in rows[name]] for name in together}
        order = rng.permutation(sum(map(len, held[together[0]])))
        for name in together:
            values = [value for row in held[name] for value in row]
            dealt = iter(values[k] for k in order)
            for i, row in zip(rows[name], held[name], strict=True):
                lines[i] = f"{name}=" + " ".join(next(dealt) for _ in row)
    # the sizes of the trees in bytes, which no longer hold
    return "\n".join(line for line in lines if not line.startswith("tree_sizes=")) + "\n"
