"""A network of a pack, reading texts: pieces, windows, batches of like length, stretches.

Windows of many texts are sorted by length and read in batches of one length, so that little is
padded (Ott et al., 2019, fairseq: batching by tokens).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from suwen.core.errors import BadInput
from suwen.lifecycle.pack import Pack
from suwen.notes.entities import crf
from suwen.notes.entities.names import Names
from suwen.notes.entities.pieces import (
    CLOSING,
    FIRST,
    OPENING,
    UNKNOWN,
    UNKNOWN_PIECE,
    WINDOW,
    Cutter,
    Pieces,
    characters,
    windows,
    word_pieces,
)

PIECES: Final = 1024
"""Most pieces read at once: what is computed of more does not stay in a processor's cache."""
STEP: Final = 16
"""Windows of lengths within one step are read together."""
STOPS: Final = frozenset(".;!?\n。；！？")


@dataclass(frozen=True)
class Head:
    """The labelling scheme of one output: our types in the order of its tags, and its CRF."""

    scheme: str
    kinds: tuple[str, ...]
    transitions: NDArray[np.float64]


@dataclass(frozen=True)
class Reader:
    """One language's network with what cuts its texts.

    Parameters
    ----------
    session
        ONNX Runtime session: `ids`, `features`, `mask` in, `scores_K` of head K out.
    cut
        Cuts a text into pieces.
    heads
        One a labelling scheme.
    framed
        Whether windows are framed by `OPENING` and `CLOSING`.
    """

    session: Any
    cut: Cutter
    heads: tuple[Head, ...]
    framed: bool

    def read(self, texts: Sequence[str], schemes: Sequence[str]) -> list[list[Stretch]]:
        """Return the stretches that a scheme names in each text, by place.

        Parameters
        ----------
        texts
            Any number of texts.
        schemes
            The scheme each is read under.
        """
        pieces = [self.cut(text) for text in texts]
        jobs = [
            (low, high, i)
            for i, (text, own) in enumerate(zip(texts, pieces, strict=True))
            for low, high in windows(own, WINDOW, _stops(text, own))
        ]
        jobs.sort(key=lambda job: job[1] - job[0])
        found: list[list[Stretch]] = [[] for _ in texts]
        for batch in _batches(jobs):
            scores = self._scores([pieces[i].cut(low, high) for low, high, i in batch])
            heads = np.array([self._head(schemes[i]) for _, _, i in batch])
            for number in np.unique(heads):
                rows = np.flatnonzero(heads == number)
                own = [batch[row] for row in rows]
                for job, marked in zip(own, self._decoded(scores, number, rows, own), strict=True):
                    low, high, i = job
                    found[i] += self._stretches(pieces[i].cut(low, high), int(number), marked)
        return [sorted(each, key=lambda one: (one.start, one.end)) for each in found]

    def _decoded(
        self,
        scores: Sequence[NDArray[np.float32]],
        number: int,
        rows: NDArray[np.intp],
        jobs: Sequence[tuple[int, int, int]],
    ) -> list[list[tuple[float, int, int, int]]]:
        """Return the stretches, in pieces, of windows that are read under one head."""
        lengths = np.array([high - low for low, high, _ in jobs])
        inside = slice(int(self.framed), int(self.framed) + int(lengths.max()))
        emissions = np.asarray(scores[number][rows, inside], dtype=np.float64)
        return crf.decoded(emissions, self.heads[number].transitions, lengths)

    def _stretches(
        self, own: Pieces, number: int, marked: Sequence[tuple[float, int, int, int]]
    ) -> list[Stretch]:
        """Return the stretches of one window in characters, of whole words."""
        kinds = self.heads[number].kinds
        found: list[Stretch] = []
        for logit, low, high, kind in marked:
            first, last = low, high
            while self.framed and first > 0 and own.features[first, -1]:
                first -= 1
            while self.framed and last < len(own) and own.features[last, -1]:
                last += 1
            if not found or int(own.start[first]) >= found[-1].end:
                start, end = int(own.start[first]), int(own.end[last - 1])
                found.append(Stretch(start, end, kinds[kind], logit))
        return found

    def unknown_share(self, text: str) -> float:
        """Return the share of a text's pieces that the network does not know; 0 without any."""
        ids = self.cut(text).ids
        return (
            float((ids == (UNKNOWN_PIECE if self.framed else UNKNOWN)).mean()) if len(ids) else 0.0
        )

    def _head(self, scheme: str) -> int:
        for number, head in enumerate(self.heads):
            if head.scheme == scheme:
                return number
        known = [head.scheme for head in self.heads]
        raise BadInput(f"the labelling scheme {scheme!r}", f"one the pack was trained on: {known}")

    def _scores(self, parts: Sequence[Pieces]) -> list[NDArray[np.float32]]:
        longest = max(len(part) for part in parts) + 2 * self.framed
        depth = parts[0].features.shape[1]
        ids = np.zeros((len(parts), longest), dtype=np.int64)
        features = np.zeros((len(parts), longest, depth), dtype=np.float32)
        mask = np.zeros((len(parts), longest), dtype=np.float32)
        for row, part in enumerate(parts):
            inside = slice(int(self.framed), int(self.framed) + len(part))
            ids[row, inside], features[row, inside] = part.ids, part.features
            mask[row, : len(part) + 2 * self.framed] = 1
            if self.framed:
                ids[row, 0], ids[row, len(part) + 1] = OPENING, CLOSING
        feed = {"ids": ids, "features": features, "mask": mask}
        return list(self.session.run(None, feed))


@dataclass(frozen=True)
class Stretch:
    """A stretch of a text with its type and the logit of its being right."""

    start: int
    end: int
    kind: str
    logit: float


def _stops(text: str, pieces: Pieces) -> NDArray[np.bool_]:
    return np.array([text[end - 1] in STOPS for end in pieces.end.tolist()], dtype=bool)


def _batches(jobs: Sequence[tuple[int, int, int]]) -> list[list[tuple[int, int, int]]]:
    """Return sorted jobs in batches of at most `PIECES`, of lengths within one `STEP`."""
    made: list[list[tuple[int, int, int]]] = []
    for job in jobs:
        length = job[1] - job[0]
        if made and (len(made[-1]) + 1) * length <= PIECES:
            first = made[-1][0][1] - made[-1][0][0]
            if length - first <= STEP:
                made[-1].append(job)
                continue
        made.append([job])
    return made


def reader_of(pack: Pack, member: int, language: str) -> Reader:
    """Open the network of one language of a pack.

    Raises
    ------
    BadInput
        The pack has none for that language.
    """
    settings: Mapping[str, Any] = pack.member(member).get(language, {})
    if not settings:
        raise BadInput(
            f"a text in {language!r}", "a language the pack has a network for", "use another pack"
        )
    names = Names.from_bytes(pack.read(f"names_{language}.npz", member))
    heads = tuple(
        Head(str(each["scheme"]), tuple(each["kinds"]), np.array(each["transitions"], float))
        for each in settings["heads"]
    )
    framed = language == "en"
    if framed:
        content = pack.read("tokenizer.json", member).decode()
        cut = word_pieces(Tokenizer.from_str(content), names)
    else:
        cut = characters(known_characters(str(settings["characters"])), names)
    return Reader(pack.session(f"{language}.onnx", member), cut, heads, framed)


def known_characters(joined: str) -> dict[str, int]:
    """Return the number of each character from the characters in order."""
    return {character: FIRST + i for i, character in enumerate(joined)}
