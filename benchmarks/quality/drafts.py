"""Draft notes from visit talk: ROUGE beside its floors, and how much of a draft was really said.

The validation parts of MTS-Dialog and ACI-Bench, which chose nothing. Floors: the whole talk, the
beginning of it and its longest turns, the last two cut to as many words as the draft has. A line is
traceable when each stretch it names lies in a turn, and faithful when all its words, numbers and
negations are in those stretches (`suwen.notes.summary.traced`). Chinese talk (CMDD, development
part, some lines of which were read while the rules were written) has no notes to compare with.
Intervals: bootstrap over visits.
"""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.lifecycle.data import DataFolders
from suwen.metrics.intervals import Estimate, estimates
from suwen.metrics.rouge import rouge
from suwen.notes.dialogue.draft import Line, draft
from suwen.notes.dialogue.pairs import CORPORA, Visit, visits
from suwen.notes.dialogue.placing import is_long, merged
from suwen.notes.dialogue.talk import turns_of
from suwen.notes.reading.sections import headings
from suwen.notes.summary.traced import fault

MEASURES: Final = ("ROUGE-1", "ROUGE-2", "ROUGE-L")
ONE_SECTION: Final = "mts_dialog"
"""Corpus whose talks are about one section each."""
FLOOR_SECTION: Final = "social_history"
"""The most frequent of them in its training part."""
Scores = Mapping[str, NDArray[np.float64]]
"""By what produced a text: ROUGE-1, 2 and L of each visit, shape (n, 3)."""


def text_of(lines: Sequence[Line], titled: bool) -> str:
    """Return a draft as text, of a whole visit with the titles of its sections."""
    names = headings().names
    parts, section = [], ""
    for line in lines:
        if titled and line.section != section:
            section = line.section
            parts.append(names[section].en)
        parts.append(line.text.en)
    return " ".join(parts)


def floors(visit: Visit, words: int) -> dict[str, str]:
    """Return what would be handed in without any method, cut to a number of words."""
    turns = [turn.of(visit.talk) for turn in turns_of(visit.talk)]
    whole = " ".join(turns)
    kept: set[int] = set()
    for number in sorted(range(len(turns)), key=lambda n: -len(turns[n].split())):
        if sum(len(turns[n].split()) for n in kept) < words:
            kept.add(number)
    longest = " ".join(turns[number] for number in sorted(kept))
    return {
        "whole talk": whole,
        "lead": " ".join(whole.split()[:words]),
        "longest turns": " ".join(longest.split()[:words]),
    }


def scored(known: Sequence[Visit]) -> Scores:
    """Return ROUGE of drafts and floors."""
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for visit in known:
        made = text_of(draft(visit.talk), is_long(visit.talk))
        for name, text in ({"draft": made} | floors(visit, len(made.split()))).items():
            rows.setdefault(name, []).append(tuple(rouge(text, visit.note)))
    return {name: np.array(values) for name, values in rows.items()}


def shown(one: Estimate) -> str:
    """Return a value with its interval."""
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def mean_of(
    values: NDArray[np.float64],
) -> Callable[[NDArray[np.float64] | None], NDArray[np.float64]]:
    """Return the mean of values as a metric."""
    return lambda weights: np.asarray(
        np.average(values, weights=weights)
        if weights is None
        else weights @ values / weights.sum(axis=-1)
    )


def compared(scores: Scores) -> None:
    """Print each measure of drafts and floors, and the gain over the best floor of each."""
    groups = np.arange(len(scores["draft"]))
    for place, measure in enumerate(MEASURES):
        own = {name: values[:, place] for name, values in scores.items()}
        best = max((name for name in own if name != "draft"), key=lambda name: own[name].mean())
        wanted = own | {"gain": own["draft"] - own[best]}
        found = estimates({name: mean_of(values) for name, values in wanted.items()}, groups)
        told = "   ".join(f"{name} {shown(found[name])}" for name in own)
        print(f"  {measure:<8} {told}   gain over {best} {shown(found['gain'])}")


def told(talks: Sequence[str]) -> None:
    """Print how many lines are traceable and faithful."""
    found: Counter[str] = Counter()
    ways: Counter[str] = Counter()
    shares = []
    for talk in talks:
        turns, lines = turns_of(talk), draft(talk)
        faults = [fault(line, talk, turns) for line in lines]
        found.update(one or "none" for one in faults)
        ways.update(line.way for line in lines)
        if lines:
            shares.append(
                (np.mean([f != "place" for f in faults]), np.mean([not f for f in faults]))
            )
    total = sum(found.values())
    per_talk = np.array(shares)
    names = ("traceable", "faithful")
    metrics = {name: mean_of(per_talk[:, n]) for n, name in enumerate(names)}
    means = estimates(metrics, np.arange(len(per_talk)))
    print(
        f"  lines {total}: traceable {1 - found['place'] / total:.4f}, faithful"
        f" {found['none'] / total:.4f}; means over talks"
        f" {', '.join(shown(means[name]) for name in names)}"
    )
    print(f"  faults {dict(found)}; made by {dict(ways)}")


def placed(known: Sequence[Visit]) -> None:
    """Print how many lines of talks about one section stand in it; the floor puts all in one.

    A talk about one section that names a drug or an allergy in passing counts as wrong where the
    draft puts that line under medications or allergies.
    """
    shares = []
    for visit in known:
        section = merged(visit.sentences[0][0]) if visit.sentences else ""
        lines = [merged(line.section) for line in draft(visit.talk)]
        if lines and section:
            right = sum(one == section for one in lines) / len(lines)
            shares.append((right, float(section == FLOOR_SECTION)))
    values = np.array(shares)
    metrics = {name: mean_of(values[:, n]) for n, name in enumerate(("draft", "floor"))}
    found = estimates(metrics, np.arange(len(values)))
    print(
        f"  lines in the section of their talk, mean over {len(values)} talks:"
        f" {shown(found['draft'])}; all under {FLOOR_SECTION}: {shown(found['floor'])}"
    )


def chinese(folders: DataFolders) -> list[str]:
    """Return the talks of CMDD's development part."""
    path = folders.find("text/cmdd/dev.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line)["dialogue-content"] for line in file]
    return ["\n".join(f"{one['speaker']}：{one['sentence']}" for one in row) for row in rows]


def main() -> None:
    """Print the measures of each corpus."""
    folders = DataFolders.from_settings()
    for corpus in CORPORA:
        known = visits(folders, corpus, "valid")
        began = time.process_time()
        for visit in known:
            draft(visit.talk)
        seconds = (time.process_time() - began) / len(known)
        print(f"{corpus}, validation part, {len(known)} visits, {1000 * seconds:.0f} ms a draft")
        compared(scored(known))
        told([visit.talk for visit in known])
        if corpus == ONE_SECTION:
            placed(known)
    talks = chinese(folders)
    print(f"cmdd, development part, {len(talks)} talks in Chinese")
    told(talks)


if __name__ == "__main__":
    main()
