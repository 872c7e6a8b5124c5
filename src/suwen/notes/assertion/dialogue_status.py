"""Has the patient of a dialogue a symptom that is named in it, is it denied, or is it open?

In a dialogue a doctor's question is answered turns later, and the same symptom is named again and
again, so rules on one sentence cannot say. A linear model looks at the words around a mention, at
what the patient says next, and then at what was found for the other mentions of the same symptom.
Its weights are plain numbers (`knowledge/dialogue_status.json`).

References: Lin et al., EMNLP 2019, D19-1508 (the task and CMDD); Wolpert, Neural Networks 5:241,
1992 (a second model on what the first says of related mentions).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput
from suwen.notes.assertion.rules import assertions, rules
from suwen.notes.assertion.triggers import Lexicon
from suwen.notes.text import Note, Span

Array = NDArray[np.float64]
Features = dict[str, float]
STATUSES: Final = ("present", "absent", "possible")
"""What a mention may be, in the order of the model's columns: has it, denied, open."""
PATIENT, DOCTOR = "P", "D"
ASKS: Final = re.compile(r"[吗?么]|有没有|有无|有没|是否")
ASKS_BEFORE: Final = re.compile(r"有没有|有无|有没|是否|是不是")
ASKS_AFTER: Final = re.compile(r"[吗?么]")
DENIES: Final = re.compile(r"[没无不未]")
BREAKS: Final = re.compile(r"[,。;!?、 ]")
NEAR, AHEAD = 8, 5
"""Characters around a mention, and turns after it, that are looked at."""
LEAST_WEIGHT: Final = 0.02
"""Weights of the first model that move nothing further than this are left out."""
SHORT = 8
"""An answer of at most this many characters is looked at as a whole."""


@dataclass(frozen=True)
class Turn:
    """One utterance; `patient` also for the parents who speak for a child."""

    patient: bool
    text: str


@dataclass(frozen=True)
class Named:
    """A symptom named in turn `turn`, characters start..end; `name` is its normal form."""

    turn: int
    start: int
    end: int
    name: str


@dataclass(frozen=True)
class Dialogue:
    """Turns in order and the symptoms named in them."""

    turns: tuple[Turn, ...]
    named: tuple[Named, ...]

    @property
    def text(self) -> str:
        """All turns, one a line: what offsets of the whole dialogue count in."""
        return "\n".join(turn.text for turn in self.turns)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each turn starts in `text`."""
        found, at = [], 0
        for turn in self.turns:
            found.append(at)
            at += len(turn.text) + 1
        return tuple(found)

    def spans(self) -> list[Span]:
        """Return where the symptoms stand in `text`."""
        return [
            Span(self.starts[one.turn] + one.start, self.starts[one.turn] + one.end)
            for one in self.named
        ]


class StatusModel:
    """The two linear models, read from their JSON."""

    def __init__(self, text: str) -> None:
        try:
            stored = json.loads(text)
            self.weights: Mapping[str, Array] = {
                name: np.array(row, dtype=float) for name, row in stored["first"].items()
            }
            self.bias = np.array(stored["first_bias"], dtype=float)
            self.second = np.array(stored["second"], dtype=float)
            self.second_bias = np.array(stored["second_bias"], dtype=float)
            self.priors = np.array(stored["priors"], dtype=float)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(
                "weights of the dialogue status that cannot be read",
                "the JSON that `suwen.notes.assertion.dialogue_status_fit` writes",
            ) from error

    def probabilities(self, dialogue: Dialogue, lexicon: Lexicon | None = None) -> Array:
        """Return the probability of each status of each symptom named, shape (n, 3)."""
        if not dialogue.named:
            return np.zeros((0, len(STATUSES)))
        first = np.stack([self._first(one) for one in features(dialogue, lexicon)])
        return softmax(related(dialogue, first) @ self.second + self.second_bias)

    def statuses(self, dialogue: Dialogue, lexicon: Lexicon | None = None) -> list[str]:
        """Return the status of each symptom named."""
        called = (self.probabilities(dialogue, lexicon) * self.priors).argmax(1)
        return [STATUSES[k] for k in called]

    def _first(self, one: Features) -> Array:
        total: Array = self.bias.copy()
        for name, value in one.items():
            row = self.weights.get(name)
            if row is not None:
                total += value * row
        return total


def softmax(logits: Array) -> Array:
    """Return the probabilities of logits, along the last axis."""
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(raised / raised.sum(-1, keepdims=True))


def by_rules(dialogue: Dialogue, lexicon: Lexicon | None = None) -> list[str]:
    """Return what the rules of assertion say of each symptom from its turn alone."""
    found = [""] * len(dialogue.named)
    places: dict[int, list[int]] = defaultdict(list)
    for number, one in enumerate(dialogue.named):
        places[one.turn].append(number)
    for turn, numbers in places.items():
        spans = [Span(dialogue.named[k].start, dialogue.named[k].end) for k in numbers]
        said = assertions(Note(dialogue.turns[turn].text, "zh"), spans, lexicon)
        for number, one_said in zip(numbers, said, strict=True):
            found[number] = one_said.presence
    return found


def keywords(dialogue: Dialogue) -> list[str]:
    """Return the trivial answer: a negation before it denies, a question is open, else present."""
    found = []
    for one in dialogue.named:
        text = dialogue.turns[one.turn].text
        before, after = text[max(0, one.start - 4) : one.start], text[one.end : one.end + 6]
        denied = any(word in before for word in ("没", "无", "不", "未", "否认"))
        asked = any(
            word in before + after for word in ("吗", "？", "?", "可能", "如果", "有没", "有无")
        )
        found.append("possible" if asked else "absent" if denied else "present")
    return found


def features(dialogue: Dialogue, lexicon: Lexicon | None = None) -> list[Features]:
    """Return what the first model looks at for each symptom, by name."""
    ruled = by_rules(dialogue, lexicon)
    cues = (lexicon or rules()).settings["dialogue_cues"]
    texts = [turn.text.replace("？", "?").replace("，", ",") for turn in dialogue.turns]
    return [
        _around(texts[one.turn], one, _speaker(dialogue, one), ruled[k], cues)
        | _asked(dialogue, texts, one)
        | _elsewhere(dialogue, k, ruled)
        for k, one in enumerate(dialogue.named)
    ]


def _speaker(dialogue: Dialogue, one: Named) -> str:
    return PATIENT if dialogue.turns[one.turn].patient else DOCTOR


def _around(text: str, one: Named, speaker: str, ruled: str, cues: Sequence[str]) -> Features:
    """The mention, the rules' answer, the characters beside it and the cues in its turn."""
    a, b = one.start, one.end
    names = [f"sp={speaker}", f"n={one.name}", f"n={one.name}{speaker}", f"m={text[a:b]}"]
    names += [f"r={ruled}", f"r={ruled}{speaker}"]
    for size in (1, 2, 3, 4):
        names += [f"L{size}={text[max(0, a - size) : a]}", f"R{size}={text[b : b + size]}"]
    left, right = text[max(0, a - NEAR) : a], text[b : b + NEAR]
    names += [f"l={left[k : k + 2]}" for k in range(len(left) - 1)]
    names += [f"rr={right[k : k + 2]}" for k in range(len(right) - 1)]
    breaks = [each.start() for each in BREAKS.finditer(text)]
    start = max((at for at in breaks if at < a), default=-1) + 1
    end = min((at for at in breaks if at >= b), default=len(text) - 1) + 1
    for cue in cues:
        if cue in text:
            names.append(f"s={cue}{speaker}")
            names += [f"c={cue}{speaker}"] if cue in text[start:end] else []
            names += [f"b={cue}{speaker}"] if cue in text[:a] else []
    return dict.fromkeys(names, 1.0)


def _asked(dialogue: Dialogue, texts: Sequence[str], one: Named) -> Features:
    """Whether it is asked about, and what the patient says next."""
    text, speaker = texts[one.turn], _speaker(dialogue, one)
    beside = text[max(0, one.start - NEAR) : one.start]
    about = bool(ASKS_AFTER.search(text[one.start : one.start + 12]) or ASKS_BEFORE.search(beside))
    names = [f"q{speaker}={int(bool(ASKS.search(text)))}{int(about)}"]
    if one.turn:
        before = dialogue.turns[one.turn - 1]
        asked = not before.patient and bool(re.search("[吗?]", texts[one.turn - 1]))
        names.append(f"pq{speaker}{int(asked)}")
    if speaker == DOCTOR:
        kind = "q" if about else "n"
        said = _answer(dialogue, texts, one.turn)
        first, whole = (said[0] if said else ""), "".join(said)[:40]
        names += [f"a{size}{kind}={first[: size + 1]}" for size in (0, 1, 2)]
        names += [f"A{kind}={first}"] if len(first) <= SHORT else []
        names += [f"a{kind}={whole[k : k + 2]}" for k in range(min(len(whole), 24) - 1)]
        word = text[one.start : one.end]
        for name, part in (("w", word), ("v", word[-1:])):
            at = whole.find(part)
            where, seen = ("miss", whole) if at < 0 else ("hit", whole[max(0, at - 4) : at])
            names.append(f"{where}{name}{kind}{int(bool(DENIES.search(seen)))}")
        alone = sum(each.turn == one.turn for each in dialogue.named) > 1
        names.append(f"neg{kind}{int(bool(DENIES.match(first)))}{alone}")
    return dict.fromkeys(names, 1.0)


def _answer(dialogue: Dialogue, texts: Sequence[str], turn: int) -> list[str]:
    """Return what the patient says next, until the doctor speaks again."""
    found: list[str] = []
    for at in range(turn + 1, min(turn + 1 + AHEAD, len(texts))):
        if dialogue.turns[at].patient:
            found.append(texts[at])
        elif found:
            break
    return found


def _elsewhere(dialogue: Dialogue, number: int, ruled: Sequence[str]) -> Features:
    """What the rules say of the same symptom in other places."""
    one = dialogue.named[number]
    speaker = _speaker(dialogue, one)
    same = [k for k, each in enumerate(dialogue.named) if each.name == one.name]
    others = [k for k in same if k != number]
    names = []
    for k in others:
        each = dialogue.named[k]
        side = "<" if each.turn < one.turn else ">" if each.turn > one.turn else "="
        names.append(f"o{speaker}{side}{_speaker(dialogue, each)}{ruled[k]}")
    told = {ruled[k] for k in same if dialogue.turns[dialogue.named[k].turn].patient}
    summary = "none" if not told else told.pop() if len(told) == 1 else "mix"
    names += [f"pat{speaker}={summary}", f"cnt{speaker}={min(len(others), 4)}"]
    names.append(f"frac{speaker}={5 * one.turn // max(1, len(dialogue.turns))}")
    if any(dialogue.named[k].turn < one.turn for k in others):
        names.append(f"seen{speaker}")
    return dict.fromkeys(names, 1.0)


def related(dialogue: Dialogue, logits: Array) -> Array:
    """Return what the second model looks at: (n, columns) from the first model's logits (n, 3)."""
    shares = softmax(logits)
    named = dialogue.named
    rows = []
    for number, one in enumerate(named):
        others = [k for k, each in enumerate(named) if k != number and each.name == one.name]
        gap = {k: named[k].turn - one.turn for k in others}
        groups = (
            others,
            [k for k in others if dialogue.turns[named[k].turn].patient],
            [k for k in others if gap[k] <= 0],
            [k for k in others if gap[k] > 0],
            [k for k in others if 0 < gap[k] <= 3],
            [k for k in others if -3 <= gap[k] < 0],
            [k for k, each in enumerate(named) if k != number and each.turn == one.turn],
        )
        most = shares[others].max(0) - 1 / 3 if others else np.zeros(3)
        row = np.concatenate(
            [logits[number], shares[number], *(_mean(shares, group) for group in groups), most]
        )
        patient = float(dialogue.turns[one.turn].patient)
        rows.append(np.concatenate([row, row * patient, [patient]]))
    return np.array(rows)


def _mean(shares: Array, chosen: Sequence[int]) -> Array:
    """Return the mean probabilities of some mentions and that there are any; zeros for none."""
    if not chosen:
        return np.zeros(4)
    return np.concatenate([shares[list(chosen)].mean(0) - 1 / 3, [1.0]])


def as_json(first: Any, second: Any, names: Sequence[str], said: Mapping[str, Any]) -> str:
    """Return two fitted linear models (`coef_` (3, n), `intercept_` (3,)) as the JSON read here."""
    rows = np.round(np.asarray(first.coef_).T, 3)
    kept = {
        name: row.tolist()
        for name, row in zip(names, rows, strict=True)
        if np.abs(row).max() >= LEAST_WEIGHT
    }
    return json.dumps(
        {
            **said,
            "first_bias": np.round(first.intercept_, 4).tolist(),
            "second": np.round(np.asarray(second.coef_).T, 4).tolist(),
            "second_bias": np.round(second.intercept_, 4).tolist(),
            "first": dict(sorted(kept.items())),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
