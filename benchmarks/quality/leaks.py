"""Identifiers planted into notes of both languages, every disguise and mode: how many survive.

Templates and what is planted were written for this (`privacy/knowledge/planted.toml`); nobody is
meant. Target: none of at least 2,000. For Chinese, of which no openly licensed notes with marked
identifiers exist, the share of planted identifiers that are found (all their letters and digits
covered) and of characters that were not planted but went stand beside it, by type of slot.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Final, get_args

from suwen.privacy.planting import DISGUISES, Planted, plant, survivors
from suwen.privacy.subjects.subject import Subject
from suwen.privacy.texts.deidentify import Mode, deidentify
from suwen.privacy.texts.text import identifiers

SEEDS: Final = (101, 102)
SUBJECT: Final = Subject.of(bytes(range(32)), "Patient/leaks")


def leaks() -> int:
    """Print how many planted identifiers survive in each mode; return their number."""
    total: Counter[str] = Counter()
    left: Counter[str] = Counter()
    started = time.perf_counter()
    for seed in SEEDS:
        for planted in plant(seed):
            for mode in get_args(Mode):
                total[mode] += len(planted.values)
                found = survivors(planted, deidentify(planted.text, mode, SUBJECT).text)
                left[mode] += len(found)
                for slot, _ in found:
                    print(f"  survived: {planted.language} {planted.disguise} {mode} {{{slot}}}")
    for mode, count in total.items():
        print(f"{mode:<10} planted {count:>6}   survived {left[mode]}")
    print(f"{sum(total.values())} in {time.perf_counter() - started:.0f} s")
    return sum(left.values())


def found_in(language: str) -> None:
    """Print the share of planted identifiers found, and of other characters that went."""
    found: Counter[str] = Counter()
    count: Counter[str] = Counter()
    other = taken = 0
    for seed in SEEDS:
        for planted in plant(seed, {"plain": DISGUISES["plain"]}):
            if planted.language != language:
                continue
            covered = {i for one in identifiers(planted.text) for i in range(one.start, one.end)}
            own: set[int] = set()
            for slot, start, end in _places(planted):
                own.update(range(start, end))
                count[slot] += 1
                letters = (i for i in range(start, end) if planted.text[i].isalnum())
                found[slot] += all(i in covered for i in letters)
            other += len(planted.text) - len(own)
            taken += len(covered - own)
    for slot, number in sorted(count.items()):
        print(f"  {slot:<10} {found[slot]:>4} of {number:<4} {found[slot] / number:.3f}")
    print(f"  all        {found.total()} of {count.total()}  {found.total() / count.total():.4f}")
    print(f"  characters that were not planted but went: {taken / other:.4f} of {other}")


def _places(planted: Planted) -> list[tuple[str, int, int]]:
    places, at = [], 0
    for slot, _, written in planted.values:
        at = planted.text.index(written, at)
        places.append((slot, at, at + len(written)))
        at += len(written)
    return places


if __name__ == "__main__":
    survived = leaks()
    for language in ("en", "zh"):
        print(f"\nfound in plain {language} notes written for this")
        found_in(language)
    raise SystemExit(1 if survived else 0)
