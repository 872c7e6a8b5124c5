"""Word pieces that no medical text and no name here ever holds are left out of an encoder.

A general vocabulary has place names and words of other languages; half of the bytes of a small
encoder are their embeddings. A word whose piece is left out is read by shorter pieces, as any word
the vocabulary never had.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from suwen.core.errors import BadInput

SPECIAL: Final = 104
"""Pieces below this number stay where they are: special ones ([CLS] is 101)."""
LETTERS: Final = (999, 1996)
"""Single characters, kept too; what lies between is unused."""
SEEN: Final = "seen.npz"
"""Beside an encoder: numbers of the pieces that its pretraining texts and the vocabulary hold."""


def seen(tokenizer: Tokenizer, texts: Iterable[str]) -> NDArray[np.int64]:
    """Return the numbers of the pieces in some texts, ascending."""
    found: set[int] = set()
    for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False):
        found.update(encoding.ids)
    return np.array(sorted(found), dtype=np.int64)


def kept(count: int, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which of `count` pieces stay: special ones, characters and those wanted, ascending."""
    always = np.concatenate([np.arange(SPECIAL), np.arange(*LETTERS)])
    return np.union1d(always[always < count], wanted)


def trimmed_tokenizer(content: str, keep: NDArray[np.int64]) -> str:
    """Return a `tokenizer.json` with the kept pieces only, numbered anew in their order."""
    stored: dict[str, Any] = json.loads(content)
    number = {int(old): new for new, old in enumerate(keep)}
    vocabulary = stored["model"]["vocab"]
    stored["model"]["vocab"] = {
        piece: number[old] for piece, old in vocabulary.items() if old in number
    }
    stored["truncation"], stored["padding"] = None, None
    return json.dumps(stored, ensure_ascii=False)


def trim_network(path: Path, keep: NDArray[np.int64], count: int) -> None:
    """Keep only those rows of the one table of `count` rows of an ONNX network, in place.

    Raises
    ------
    BadInput
        It has no table of `count` rows.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(path))
    tables = [one for one in model.graph.initializer if list(one.dims[:1]) == [count]]
    if len(tables) != 1:
        raise BadInput(
            f"{len(tables)} tables of {count} rows in {path.name}",
            "one: the embeddings of pieces, or of places",
        )
    (table,) = tables
    rows = numpy_helper.to_array(table)[keep]
    table.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(rows), table.name))
    onnx.save(model, str(path))
