"""Which lines of a visit's talk a note would have, and under which section.

Two linear models over the words of a line, of its question and of the lines around it: ridge
regression on how much of the line stands in the note a clinician wrote, and logistic regression on
the section it stands in there. Fitted on the training parts of MTS-Dialog and ACI-Bench
(`placing_fit`); `knowledge/placing.toml` says what they reach. A short talk is of one section, so
`headless` reads it as a whole beside. Chinese talk, of which no notes are at hand, goes by the
words of `knowledge/dialogue.toml`.
"""

from __future__ import annotations

import io
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.notes.dialogue.retelling import plain
from suwen.notes.dialogue.talk import Speaker
from suwen.notes.reading.headless import KINDS, shipped, words_of
from suwen.notes.text import Span

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge"
WEIGHTS: Final = KNOWLEDGE / "placing.npz"
SHORT_TALK: Final = 400
"""Talk of fewer words may be about one section only."""
SHORT_VISIT: Final = 100
"""Talk of more words in which something is found or ordered is a whole visit all the same."""
ORDERS: Final = 2
"""Orders and findings that make a talk of any length a whole visit."""
LEAST: Final = 0.25
"""Of a long talk, the least share of a line that a clinician would be expected to write down."""
LEAST_SHORT: Final = 0.1
"""The same of a short talk, where little is said beside the matter."""
AROUND: Final = 2
"""Lines on either side whose words are looked at."""
AROUND_WEIGHT: Final = 0.5
WHOLE: Final = 2.0
"""How much a short talk as a whole counts beside each of its lines."""
COMPLAINED: Final = 0.25
"""Share of a visit's lines in which its reason is told."""
ADVISING: Final = "assessment"
"""What the models call assessment and plan together: a line's own words part them."""

Floats = NDArray[np.float32]
_RELATIVE: Final = re.compile(
    r"(?i)\b(?:mother|father|mom|dad|brother|sister|aunt|uncle|grand\w+|famil\w+|parents?|cousin)\b"
)
_HAN: Final = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True)
class Unit:
    """What a line of a draft is told by.

    Parameters
    ----------
    said, asked
        The words of the talk it rests on, and its question, if it answers one.
    way
        By which template it was made: stated, denied, reported, answered, ordered or found.
    """

    said: str
    asked: str
    speaker: Speaker
    way: str


@dataclass(frozen=True)
class Model:
    """The fitted weights.

    Parameters
    ----------
    sections, features
        What it tells apart, and what it looks at.
    frequency
        Inverse document frequency of each feature, shape (w,).
    telling, bias
        Weights of how much of a line would be written down: shape (w,) and a number.
    weights, biases
        Of the sections: shape (w, c) and (c,).
    """

    sections: tuple[str, ...]
    features: Mapping[str, int]
    frequency: Floats
    telling: Floats
    bias: float
    weights: Floats
    biases: Floats

    def vector(self, features: Sequence[str]) -> tuple[NDArray[np.int64], Floats]:
        """Return the places of features and their values, of length 1 together."""
        counts = Counter(one for one in features if one in self.features)
        places = np.array([self.features[one] for one in counts], dtype=np.int64)
        values = np.array(
            [(1 + np.log(n)) * _near(one) for one, n in counts.items()], dtype=np.float32
        )
        values = values * self.frequency[places]
        return places, np.asarray(values / (np.linalg.norm(values) or 1), dtype=np.float32)

    def scores(self, features: Sequence[str]) -> tuple[float, Floats]:
        """Return how much of a line would be written down, and a probability of each section."""
        places, values = self.vector(features)
        told = float(values @ self.telling[places] + self.bias)
        logits = values @ self.weights[places] + self.biases
        raised = np.exp(logits - logits.max())
        return told, np.asarray(raised / raised.sum(), dtype=np.float32)

    def saved(self) -> bytes:
        """Return the model as npz: arrays and UTF-8 text, nothing that runs."""
        out = io.BytesIO()
        np.savez_compressed(
            out,
            sections=np.frombuffer("\n".join(self.sections).encode(), np.uint8),
            features=np.frombuffer("\n".join(self.features).encode(), np.uint8),
            frequency=self.frequency.astype(np.float16),
            telling=self.telling.astype(np.float16),
            bias=np.float32(self.bias),
            weights=self.weights.astype(np.float16),
            biases=self.biases.astype(np.float16),
        )
        return out.getvalue()


def loaded(data: bytes) -> Model:
    """Read a model that `Model.saved` wrote."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        features = arrays["features"].tobytes().decode().split("\n")
        return Model(
            tuple(arrays["sections"].tobytes().decode().split("\n")),
            {one: number for number, one in enumerate(features)},
            arrays["frequency"].astype(np.float32),
            arrays["telling"].astype(np.float32),
            float(arrays["bias"]),
            arrays["weights"].astype(np.float32),
            arrays["biases"].astype(np.float32),
        )


@cache
def installed() -> Model:
    """Return the shipped model."""
    return loaded(WEIGHTS.read_bytes())


def unit(talk: str, spans: Sequence[Span], speaker: Speaker, way: str) -> Unit:
    """Return what a line is told by: the last stretch is what was said, one before it asks."""
    *asked, said = (span.of(talk) for span in spans)
    return Unit(said, " ".join(asked), speaker, way)


def features_of(units: Sequence[Unit], long: bool) -> list[list[str]]:
    """Return what the model looks at of each line of a talk."""
    said = [plain(one.said) for one in units]
    found = []
    for number, one in enumerate(units):
        own = [*said[number], *(f"{a}_{b}" for a, b in pairwise(said[number]))]
        own += [f"q:{word}" for word in plain(one.asked)]
        own += [f"by:{one.speaker}", f"way:{one.way}", f"by:{one.speaker}|{one.way}"]
        for other in range(max(0, number - AROUND), min(len(units), number + AROUND + 1)):
            if other != number:
                own += [f"n:{word}" for word in sorted(set(said[other]))]
        own += ["long", f"at:{10 * number // len(units)}"] if long else ["short"]
        found.append([*own, f"len:{min(len(said[number]), 30) // 3}"])
    return found


def _near(feature: str) -> float:
    return AROUND_WEIGHT if feature.startswith("n:") else 1.0


def is_long(talk: str, units: Sequence[Unit] = ()) -> bool:
    """Say whether a talk is about more than one section: long, or one that ends in orders.

    A shorter one is when it begins with what brings the patient, or has several orders.
    """
    words = len(words_of(talk))
    acted = sum(one.way in ("ordered", "found") for one in units)
    heard = any(one.speaker == "clinician" for one in units)
    opened = any(opens(one.asked) for one in units)
    visit = acted >= ORDERS or (opened and heard)
    return words > SHORT_TALK or (acted > 0 and words > SHORT_VISIT) or visit


def opens(question: str) -> bool:
    """Say whether a question asks what a visit is for."""
    return bool(_opening().search(question))


@cache
def _opening() -> re.Pattern[str]:
    answers = _words()["answers"]
    assert isinstance(answers, Mapping)
    return re.compile(answers["opening"], re.IGNORECASE)


def placed(talk: str, units: Sequence[Unit], least: float | None = None) -> list[str]:
    """Return the section of each line, empty for lines that a note would not have.

    Parameters
    ----------
    talk
        The whole talk.
    units
        Its lines, in order.
    least
        What share of a line has to be expected in a note; None: as fitted.
    """
    if len(_HAN.findall(talk)) > len(talk) / 10:
        told_first = next((one for one in units if one.speaker != "clinician"), None)
        return [_chinese(one, one is told_first) for one in units]
    model, long = installed(), is_long(talk, units)
    if least is None:
        least = LEAST if len(words_of(talk)) > SHORT_TALK else LEAST_SHORT
    whole = np.zeros(len(model.sections)) if long else WHOLE * _whole(talk, model)
    reason = next((one for one in units if opens(one.asked)), None) if long else None
    sections = []
    for number, (one, own) in enumerate(zip(units, features_of(units, long), strict=True)):
        told, chances = model.scores(own)
        if long or one.way == "ordered":
            chances = chances * _allowed(model, one, number / len(units))
        sure = chances > 0
        kind = model.sections[int(np.argmax(np.where(sure, chances + whole, -np.inf)))]
        section = "chief_complaint" if one is reason else _of(kind, one)
        sections.append(section if told >= least else "")
    return sections


def _allowed(model: Model, one: Unit, at: float) -> NDArray[np.bool_]:
    """Return which sections a line of a whole visit may be of, by who says it and when."""
    barred = set() if one.speaker == "clinician" else {ADVISING, "results"}
    if one.way == "ordered":
        return np.array([section == ADVISING for section in model.sections])
    if at > COMPLAINED:
        barred.add("chief_complaint")
    return np.array([section not in barred for section in model.sections])


def _whole(talk: str, model: Model) -> Floats:
    """Return how well the whole of a short talk fits each section, between -1 and 1."""
    known = shipped("talk")
    best = np.full(len(model.sections), -1.0, dtype=np.float32)
    for name, score in zip(known.classes, known.scores(talk), strict=True):
        kind = merged(KINDS[name])
        if kind in model.sections:
            place = model.sections.index(kind)
            best[place] = max(best[place], score)
    return best


def merged(kind: str) -> str:
    """Return the section the models know a kind of section as."""
    if kind in ("plan", "assessment_and_plan", "discharge_instructions", "disposition"):
        return ADVISING
    return kind or "other"


@cache
def _words() -> Mapping[str, object]:
    return tomllib.loads((KNOWLEDGE / "dialogue.toml").read_text(encoding="utf-8"))


@cache
def _rules(name: str) -> tuple[tuple[re.Pattern[str], str, str], ...]:
    found = _words()[name]
    assert isinstance(found, list)
    return tuple(
        (re.compile(one["pattern"], re.IGNORECASE), one["section"], one.get("by", ""))
        for one in found
    )


def _of(kind: str, one: Unit) -> str:
    """Return the section of a line whose kind the model gave, by its own words where those say."""
    heard = f"{one.asked} {one.said}"
    if kind == "social_history" and _RELATIVE.search(heard):
        return "family_history"
    if one.way == "ordered" and kind == ADVISING:
        return "plan"
    rules = "observed" if one.speaker == "clinician" else "history"
    if one.way != "ordered" and kind != ADVISING:
        return next((section for rule, section, _ in _rules(rules) if rule.search(heard)), kind)
    return next((section for rule, section, _ in _rules("advice") if rule.search(one.said)), kind)


def chinese_section(said: str) -> str:
    """Return the section of what a clinician states in Chinese; empty where its words say none."""
    return _chinese(Unit(said, "", "clinician", "stated"), False)


def _chinese(one: Unit, first: bool) -> str:
    """Return the section of a Chinese line; empty for what a clinician says beside the matter."""
    if first and one.way in ("stated", "answered"):
        return "chief_complaint"
    heard = f"{one.asked} {one.said}"
    for rule, section, by in _rules("chinese"):
        mine = by in ("", "clinician" if one.speaker == "clinician" else "patient")
        if mine and rule.search(one.said if by == "clinician" else heard):
            return section
    if one.speaker == "clinician":
        return "plan" if one.way == "ordered" else ""
    return "history_of_present_illness"
