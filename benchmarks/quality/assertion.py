"""What rules say of mentions, beyond the figures of `suwen evaluate notes.assertion`.

Time and experiencer of the NegEx kit on our own reading of reports 1 to 60 (`readings/`; the
authors' labels of these reports were not at hand), with GenConText's published triggers in the
scopes of ConText as the floor. Negation in 150 sentences of our own and, out of domain, in 29
published case reports (Schulz et al., LREC 2020): findings and conditions that a negation word
modifies, against all others; findings with a normal value are left out. Intervals are bootstrapped
over reports, sentences and case reports.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.settings import settings
from suwen.lifecycle.data import DataFolders
from suwen.metrics import spans
from suwen.metrics.intervals import estimates
from suwen.notes.assertion.data import NEGEX, NEGEX_FILE, Marked, Row, negex_notes, negex_rows
from suwen.notes.assertion.rules import assertions
from suwen.notes.text import Language, Note, Span

READINGS: Final = Path(__file__).parent / "readings"
CASES: Final = "text/ada_case_reports/case_reports.jsonl"
FLOOR_WORDS: Final = frozenset({"no", "not", "denies", "denied", "without"})
WINDOW: Final = 40
DENIES: Final = re.compile(
    r"\b(?:no|not|non|negative|denied|denies|without|absent|absence|never|nor|neither|none|free"
    r"|excluded?|ruled out|lack)\b",
    re.IGNORECASE,
)
MENTION: Final = re.compile(r"\[([^][|]+)\|([apq])\]")
TRIGGER: Final = re.compile(r"(.*?)\s*\[(\w+)\]")
LATER: Final = 41
"""Reports from here on were looked at once before and once after the rules were worked on."""


@dataclass(frozen=True)
class Line:
    """One mention: of which report, whether it is so, and what is answered."""

    group: str
    true: bool
    said: bool


def show(name: str, lines: Sequence[Line]) -> None:
    """Print precision, recall and F1 with 95 % intervals."""
    true, said = (np.array([getattr(one, key) for one in lines], float) for key in ("true", "said"))

    def share(of: Any) -> Any:
        return lambda w: spans.share(*(one.sum() if w is None else w @ one for one in of))

    rates = {"P": share((true * said, said)), "R": share((true * said, true))}
    rates["F1"] = lambda w: spans.f1(rates["P"](w), rates["R"](w))
    found = estimates(rates, np.array([one.group for one in lines]))
    told = "  ".join(f"{k} {v.value:.3f} [{v.low:.3f}, {v.high:.3f}]" for k, v in found.items())
    print(f"  {name:<38} n {int(true.sum()):>4}  {told}")


def reading() -> list[list[str]]:
    """Return our labels: row, report, concept, temporality, experiencer, sure."""
    text = (READINGS / "negex_1_60.tsv").read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if not line.startswith("#")][1:]


def published(folder: Path, name: str) -> list[tuple[str, str]]:
    """Return the kit's own triggers with their kinds, the longest first."""
    lines = (folder / name).read_text(encoding="latin-1").lower().splitlines()
    found = [(one[1].strip(), one[2]) for line in lines if (one := TRIGGER.match(line.strip()))]
    return sorted(found, key=lambda one: -len(one[0]))


def by_published(text: str, at: int, triggers: Sequence[tuple[str, str]]) -> bool:
    """Say whether the nearest trigger before a mention reaches it, as in ConText."""
    taken: set[int] = set()
    kinds: dict[int, tuple[int, str]] = {}
    for phrase, kind in triggers:
        for one in re.finditer(rf"\b{re.escape(phrase)}\b", text[:at]):
            if taken.isdisjoint(range(*one.span())):
                taken.update(range(*one.span()))
                kinds[one.start()] = (one.end(), kind)
    if not kinds:
        return False
    end, kind = kinds[max(kinds)]
    return kind == "pren" or (kind == "onew" and len(text[end:at].split()) <= 1)


def kit(folder: Path) -> None:
    """Print time and experiencer on our reading of the kit."""
    rows, labels = negex_rows(folder / NEGEX_FILE), reading()
    notes = negex_notes(rows)
    mine = [one for note in notes for one in assertions(note.note, note.mentions)]
    axes = {
        "historical": ("Historical", [one.temporality == "historical" for one in mine], "history"),
        "hypothetical": (
            "Not particular",
            [one.presence == "hypothetical" for one in mine],
            "hypothetical",
        ),
        "experiencer": ("", [one.experiencer != "patient" for one in mine], "experiencer"),
    }
    for axis, (value, said, file) in axes.items():
        floor = _floor(notes, published(folder, f"{file}_triggers.txt"))
        true = [label[3] == value if value else label[4] != "Patient" for label in labels]
        parts = {
            "all": range(len(rows)),
            "sure": [i for i, label in enumerate(labels) if label[5] == "yes"],
            "reports 1-40": [i for i, row in enumerate(rows) if row.report < LATER],
            "reports 41-60": [i for i, row in enumerate(rows) if row.report >= LATER],
        }
        for part, chosen in parts.items():
            if not any(true[i] for i in chosen):
                continue
            for name, answer in ((axis, said), ("  published triggers", floor)):
                show(f"{name} ({part})", [_line(rows[i], true[i], answer[i]) for i in chosen])
        if value == "Historical":
            other = [so != (label[5] == "no") for so, label in zip(true, labels, strict=True)]
            show(
                f"{axis} (unsure read the other way)",
                [_line(row, so, answer) for row, so, answer in zip(rows, other, said, strict=True)],
            )


def _line(row: Row, true: bool, said: bool) -> Line:
    return Line(str(row.report), true, said)


def _floor(notes: Sequence[Marked], triggers: Sequence[tuple[str, str]]) -> list[bool]:
    found = []
    for note in notes:
        for mention in note.mentions:
            start = note.note.text.rfind("\n", 0, mention.start) + 1
            line = note.note.text[start : mention.start].lower()
            found.append(by_published(line + "x", len(line), triggers))
    return found


def sentences(language: Language) -> Iterator[Line]:
    """Yield the mentions of our own sentences."""
    path = READINGS / f"negation_{language}.txt"
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        text, places, at = "", [], 0
        for one in MENTION.finditer(line):
            text += line[at : one.start()]
            places.append((Span(len(text), len(text) + len(one[1])), one[2] == "a"))
            text, at = text + one[1], one.end()
        said = assertions(Note(text + line[at:], language), [span for span, _ in places])
        for (_, true), answer in zip(places, said, strict=True):
            yield Line(line, true, answer.presence == "absent")


def cases(path: Path) -> Iterator[tuple[Line, Line]]:
    """Yield the findings of published case reports: by rule, and by words before them."""
    for line in path.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        named = {one["id"]: one for one in case["entities"]}
        denied, otherwise = set(), set()
        for relation in case["relations"]:
            both = [named[node["ref"]] for node in relation["nodes"] if node["ref"] in named]
            by = [one["text"] for one in both if one["type"] == "modifier"]
            if relation["type"] == "modifies" and by:
                found = denied if DENIES.search(by[0]) else otherwise
                found.update(one["id"] for one in both if one["type"] != "modifier")
        kept = [
            one
            for one in case["entities"]
            if one["type"] in ("finding", "condition")
            and len(one["spans"]) == 1
            and one["id"] not in otherwise - denied
        ]
        places = [Span(*one["spans"][0]) for one in kept]
        for one, place, said in zip(
            kept, places, assertions(Note(case["text"], "en"), places), strict=True
        ):
            before = case["text"][max(0, place.start - WINDOW) : place.start].lower().split()
            true = one["id"] in denied
            yield (
                Line(case["id"], true, said.presence == "absent"),
                Line(case["id"], true, not FLOOR_WORDS.isdisjoint(before)),
            )


def main() -> None:
    """Print all tables for which the data are there."""
    data = DataFolders(settings().data)
    if data.have(NEGEX):
        print("NegEx kit, reports 1 to 60, our own reading")
        kit(data.find(NEGEX))
    print("negation in our own sentences")
    for language in ("en", "zh"):
        show(language, list(sentences(language)))
    if data.have(CASES):
        print("negation in published case reports (out of domain)")
        found = list(cases(data.find(CASES)))
        show("rules", [one for one, _ in found])
        show("words before", [one for _, one in found])


if __name__ == "__main__":
    main()
