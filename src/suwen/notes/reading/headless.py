"""Which section a text belongs to when no heading says so: a linear model over its words.

Two models are shipped, trained on MTS-Dialog (Ben Abacha et al., EACL 2023; CC BY 4.0): one reads
written text, one reads talk. Words and their inverse document frequency, weighted ridge regression
on the 20 classes (Rifkin and Klautau, JMLR 2004), its strength chosen by leave-one-out on the
training part. `knowledge/section_words.toml` says what they reach.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge"
STRENGTH: Final = 1.0
"""Ridge penalty; of 0.1, 0.3 and 1.0 the best by leave-one-out."""
MIN_DOCUMENTS: Final = 2
"""A word has to occur in this many texts."""
KINDS: Final[Mapping[str, str]] = {
    "GENHX": "history_of_present_illness", "CC": "chief_complaint", "ROS": "review_of_systems",
    "PASTMEDICALHX": "past_medical_history", "PASTSURGICAL": "past_surgical_history",
    "FAM/SOCHX": "social_history", "ALLERGY": "allergies", "MEDICATIONS": "medications",
    "ASSESSMENT": "assessment", "EXAM": "physical_examination", "DIAGNOSIS": "assessment",
    "DISPOSITION": "disposition", "PLAN": "plan", "EDCOURSE": "hospital_course",
    "IMMUNIZATIONS": "immunizations", "IMAGING": "results", "GYNHX": "obstetric_history",
    "PROCEDURES": "procedures", "OTHER_HISTORY": "other", "LABS": "results",
}  # fmt: skip
"""Kind of section of each class of MTS-Dialog; FAM/SOCHX is both family and social history."""

_WORD = re.compile(r"[a-z']+|\d+|\?")
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Headless:
    """A fitted model.

    Parameters
    ----------
    classes, words
        What it tells apart, and what it looks at.
    frequency
        Inverse document frequency of each word, shape (w,).
    weights, bias
        Shape (w, c) and (c,).
    """

    classes: tuple[str, ...]
    words: Mapping[str, int]
    frequency: Floats
    weights: Floats
    bias: Floats

    def scores(self, text: str) -> Floats:
        """Return the score of each class, about 1 for the right one and -1 for the others."""
        places, values = self._vector(text)
        if not len(places):
            return self.bias
        return np.asarray(values @ self.weights[places] + self.bias, dtype=np.float32)

    def best(self, text: str) -> str:
        """Return the class of the highest score."""
        return self.classes[int(np.argmax(self.scores(text)))]

    def weight(self, word: str) -> float:
        """Return how rare a word is; the rarest of all where it was never seen."""
        place = self.words.get(word)
        return float(self.frequency.max() if place is None else self.frequency[place])

    def _vector(self, text: str) -> tuple[NDArray[np.int64], Floats]:
        counts = Counter(word for word in words_of(text) if word in self.words)
        places = np.array([self.words[word] for word in counts], dtype=np.int64)
        if not len(places):
            return places, np.zeros(0, np.float32)
        values = (1 + np.log(np.array(list(counts.values())))) * self.frequency[places]
        return places, np.asarray(values / np.linalg.norm(values), dtype=np.float32)

    def saved(self) -> bytes:
        """Return the model as npz: arrays and UTF-8 text, nothing that runs."""
        out = io.BytesIO()
        np.savez_compressed(
            out,
            names=np.frombuffer("\n".join(self.classes).encode(), np.uint8),
            words=np.frombuffer("\n".join(self.words).encode(), np.uint8),
            frequency=self.frequency.astype(np.float16),
            weights=self.weights.astype(np.float16),
            bias=self.bias.astype(np.float16),
        )
        return out.getvalue()


def words_of(text: str) -> list[str]:
    """Return the words the models look at."""
    return _WORD.findall(text.lower())


def loaded(data: bytes) -> Headless:
    """Read a model that `Headless.saved` wrote."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        words = arrays["words"].tobytes().decode().split("\n")
        return Headless(
            tuple(arrays["names"].tobytes().decode().split("\n")),
            {word: number for number, word in enumerate(words)},
            arrays["frequency"].astype(np.float32),
            arrays["weights"].astype(np.float32),
            arrays["bias"].astype(np.float32),
        )


@cache
def shipped(of: Literal["text", "talk"]) -> Headless:
    """Return the shipped model of written text or of talk."""
    return loaded((KNOWLEDGE / f"section_words_{of}.npz").read_bytes())


def fit(texts: Sequence[str], classes: Sequence[str]) -> Headless:
    """Fit a model; rare classes weigh more, by the square root of how rare they are.

    Raises
    ------
    BadInput
        Texts and classes differ in number, or there are fewer than two classes.
    """
    if len(texts) != len(classes) or len(set(classes)) < 2:
        raise BadInput("texts without their classes", "one class a text, and two classes or more")
    names = tuple(sorted(set(classes)))
    documents = Counter(word for text in texts for word in set(words_of(text)))
    known = sorted(word for word, count in documents.items() if count >= MIN_DOCUMENTS)
    words = {word: number for number, word in enumerate(known)}
    frequency = np.array([np.log(len(texts) / documents[word]) + 1 for word in known], np.float32)
    empty = np.zeros((len(known), len(names)), np.float32)
    bare = Headless(names, words, frequency, empty, np.zeros(len(names), np.float32))
    rows = np.stack(list(_dense(bare, texts)))
    target = np.array([[1.0 if one == name else -1.0 for name in names] for one in classes])
    counts = Counter(classes)
    common = np.array([counts[one] ** 0.5 for one in classes])
    weight = common.mean() / common
    kernel = rows @ rows.T + 1.0 + STRENGTH * np.diag(1 / weight)
    dual = np.linalg.solve(kernel, target)
    return Headless(
        names,
        words,
        frequency,
        np.asarray(rows.T @ dual, np.float32),
        np.asarray(dual.sum(axis=0), np.float32),
    )


def _dense(model: Headless, texts: Sequence[str]) -> Iterator[NDArray[np.float64]]:
    for text in texts:
        row = np.zeros(len(model.words))
        places, values = model._vector(text)
        row[places] = values
        yield row
