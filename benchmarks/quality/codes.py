"""Codes of annotated mentions: exact match, names alike by words alone, and by vectors as well.

On the development parts of BC5CDR, NCBI Disease and CHIP-CDN (its last 1000 training pairs), on
which nothing was fitted. Each way is ranked by weights fitted on the same training parts for its
own candidates. For misspelt mentions one or two letters of the words of four letters and more are
swapped, left out, added or taken for another (Damerau 1964); in Chinese one or two characters are
taken for others. Intervals are bootstrapped over documents (over pairs for CHIP-CDN).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.lifecycle.data import DataFolders
from suwen.metrics.intervals import Estimate, estimate, paired_difference
from suwen.metrics.overlap import mean
from suwen.notes.coding.candidates import Finder
from suwen.notes.coding.examples import SYSTEMS, Gold, exact, load
from suwen.notes.coding.fit import fit
from suwen.notes.coding.ranked import Coder, coder
from suwen.notes.coding.task import short
from suwen.notes.vocabulary import terms
from suwen.notes.vocabulary.names import installed

AMONG: Final = 24
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
EVERY: Final = 10
"""Of the misspelt mentions every how many-th is looked at."""


class Marks(NamedTuple):
    """Of each mention, (n,): right first, in five, in 24; whether it got a code; its document."""

    first: NDArray[np.bool_]
    five: NDArray[np.bool_]
    among: NDArray[np.bool_]
    mapped: NDArray[np.bool_]
    groups: NDArray[np.str_]


def marks(way: Coder | None, golds: Sequence[Gold], systems: tuple[str, ...]) -> Marks:
    """Return how each mention fares; exact match where no coder is given."""
    rows = []
    for gold in golds:
        if way is None:
            codes, mapped = exact(gold, systems), True
        else:
            found = way.candidates(gold.mention, gold.kind, gold.context, systems)
            codes = list(dict.fromkeys(short(one) for one in found))
            mapped = bool(found) and found[0].score >= way.weights["threshold"]
        hits = [bool(gold.codes & set(codes[:n])) for n in (1, 5, AMONG)]
        rows.append((*hits, mapped and bool(codes)))
    first, five, among, given = np.array(rows, dtype=bool).T
    return Marks(first, five, among, given, np.array([gold.document for gold in golds]))


def misspelt(gold: Gold, errors: int, draw: random.Random) -> Gold:
    """Return a mention with errors of typing; as it is where it has no word to misspell."""
    text = gold.mention
    for _ in range(errors):
        text = _wrong(text, draw)
    return replace(gold, mention=text)


def _wrong(text: str, draw: random.Random) -> str:
    if terms.is_chinese(text):
        place = draw.randrange(len(text))
        return text[:place] + chr(draw.randrange(0x4E00, 0x9FA5)) + text[place + 1 :]
    words = text.split(" ")
    long = [n for n, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    if not long:
        return text
    chosen = draw.choice(long)
    word, letter = words[chosen], draw.choice(LETTERS)
    place = draw.randrange(len(word) - 1)
    words[chosen] = draw.choice(
        (
            word[:place] + word[place + 1] + word[place] + word[place + 2 :],
            word[:place] + word[place + 1 :],
            word[:place] + letter + word[place:],
            word[:place] + letter + word[place + 1 :],
        )
    )
    return " ".join(words)


def told(one: Estimate) -> str:
    """Return an estimate with its interval."""
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def table(
    title: str, golds: Sequence[Gold], ways: dict[str, Coder | None], systems: tuple[str, ...]
) -> None:
    """Print how each way fares on some mentions, and what vectors add to words."""
    print(f"\n{title}, {len(golds)} mentions\n{'':18}{'top 1':22}{'top 5':22}{'among 24':22}"
          f"{'mapped':8}precision of mapped")  # fmt: skip
    all_marks = {name: marks(way, golds, systems) for name, way in ways.items()}
    for name, own in all_marks.items():
        cells = [told(estimate(lambda w, x=x: mean(x, w), own.groups)) for x in own[:3]]  # type: ignore[misc]
        right = own.first[own.mapped]
        precise = "none mapped"
        if own.mapped.any():
            precise = told(estimate(lambda w, x=right: mean(x, w), own.groups[own.mapped]))  # type: ignore[misc]
        print(f"{name:18}" + "".join(f"{cell:22}" for cell in cells)
              + f"{own.mapped.mean():<8.3f}{precise}")  # fmt: skip
    words, both = all_marks["words alone"], all_marks["words and vectors"]
    for name, x, y in (("top 1", both.first, words.first), ("among 24", both.among, words.among)):
        gain = paired_difference(lambda w, x=x: mean(x, w), lambda w, y=y: mean(y, w), words.groups)  # type: ignore[misc]
        print(f"  vectors add to {name}: {told(gain)}")


def words_alone(folder: Path) -> Coder:
    """Return a coder without vectors, its ranking fitted for it."""
    finder = Finder(installed(), vectors=False)
    fitted = fit(finder, folder)
    return Coder(
        installed(), {**fitted["weights"], "threshold": fitted["threshold"]}, finder=finder
    )


def main() -> None:
    """Print a table for each data set and kind, as written and misspelt."""
    folders = DataFolders.from_settings()
    folder = folders.find("text/bc5cdr/CDR_TrainingSet.PubTator.txt").parents[1]
    ways = {"exact match": None, "words alone": words_alone(folder), "words and vectors": coder()}
    for dataset, systems in SYSTEMS.items():
        golds = list(load(folders, dataset))
        for kind in sorted({gold.kind for gold in golds}):
            own = [gold for gold in golds if gold.kind == kind]
            table(f"{dataset}, {kind}", own, ways, systems)
            draw = random.Random(7)
            for errors in (1, 2):
                some = [misspelt(gold, errors, draw) for gold in own[::EVERY]]
                table(f"{dataset}, {kind}, {errors} misspelt", some, ways, systems)


if __name__ == "__main__":
    main()
