"""Is a line of a draft what was said? Checked by words, apart from how the line was made.

Every line has to name stretches of turns, and every word, number and negation of it has to be in
them, but for the few words of the templates and for persons and endings of verbs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from suwen.notes.dialogue.draft import Line
from suwen.notes.dialogue.retelling import plain
from suwen.notes.dialogue.talk import Turn

Fault = Literal["place", "word", "number", "negation"]
TEMPLATE: Final = frozenset(
    ["the", "patient", "clinician", "family", "member", "they", "their", "theirs", "them",
     "themselves", "reports", "denies", "noted", "s", "is", "does", "has", "are", "was", "were",
     "allergy", "being", "smoking", "drinking", "using", "taking", "feeling", "problems", "with",
     *"患者医生家属诉否认有无"]
)  # fmt: skip
"""Words of the templates; the gerunds stand for the verbs of the questions they are made of."""
NEGATORS: Final = frozenset(
    ["no", "not", "never", "none", "nothing", "nobody", "neither", "nor", "without", "cannot",
     "denies", "nope", "nah", *"不没无未否非"]
)  # fmt: skip
_SIDES: Final = frozenset(["left", "right", "bilateral", "bilaterally", *"左右双"])
_ENDINGS: Final = (("ies", "y"), ("es", ""), ("s", ""))
_OPEN: Final = re.compile(r"有没有?|有无|是否|是不是|(?P<verb>[\u3400-\u9fff])[不没](?P=verb)")
"""Chinese questions that hold a negation and deny nothing."""
_AGAIN: Final = re.compile(r"(?i)\b((?:[\w']+ ){0,6}[\w']+)(?:[\s,]+\1\b)+")
"""Words said again and again at once: they count once."""
_DIGIT: Final = re.compile(r"\d")


def fault(line: Line, talk: str, turns: Sequence[Turn]) -> Fault | None:
    """Return what of a line was not said, None where all of it was.

    Parameters
    ----------
    line
        As `dialogue.draft` returns it.
    talk, turns
        What it was made from.
    """
    inside = all(any(t.start <= s.start < s.end <= t.end for t in turns) for s in line.spans)
    if not line.spans or not inside:
        return "place"
    said = [plain(_once(span.of(talk))) for span in line.spans]
    heard = Counter(word for words in said for word in words)
    told = Counter(plain(_once(line.text.en)))
    for word, count in told.items():
        if _DIGIT.search(word) and count > heard[word]:
            return "number"
        if word not in TEMPLATE and word not in NEGATORS and not _forms(word) & heard.keys():
            return "word"
        if word in _SIDES and word not in heard:
            return "word"
    return None if _as_denied(line, told, said) else "negation"


def _once(said: str) -> str:
    """Return what was said without words that are said again at once."""
    said, before = _OPEN.sub(lambda match: match["verb"] or "有", said), ""
    while before != said:
        before, said = said, _AGAIN.sub(r"\1", said)
    return said


def _forms(word: str) -> set[str]:
    """Return a word as it may have been said: verbs lose the ending of the third person."""
    return {word} | {word.removesuffix(end) + put for end, put in _ENDINGS if word.endswith(end)}


def _as_denied(line: Line, told: Counter[str], said: Sequence[Iterable[str]]) -> bool:
    """Say whether a line denies as much as what it rests on."""
    mine = sum(told[word] for word in NEGATORS)
    *asked, answer = (sum(word in NEGATORS for word in words) for words in said)
    if line.way == "denied":
        return mine == 1 + sum(asked) and answer > 0
    if line.way == "reported":
        return mine <= sum(asked) + answer and (answer == 0 or mine > 0)
    if line.way == "answered":
        return mine == sum(asked) + answer
    return mine == answer
