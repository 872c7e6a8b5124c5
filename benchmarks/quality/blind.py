"""Identifiers in texts written before anyone looked at the rules: recall, and what goes too far.

Two sets of own texts in English and Chinese with planted identifiers of the 18 HIPAA kinds and the
Chinese ones, in formats as people write them, and texts without any. The `mended` set (60 texts a
language) was measured once blind and then used to mend rules; the `sealed` set (30 a language) was
written at the same time and never looked at while rules were written. An identifier counts as found
when every letter and digit of it is covered; clinical letters and digits that are covered besides
are over-redaction. `[[~...]]` marks what may go or stay: titles, departments, days of the week.

First blind measurement (before any rule was mended): mended set English 207 of 281, Chinese 186 of
244; sealed set English 83 of 113, Chinese 82 of 108.

`places_english`: 40 later texts with 91 places and nothing else that identifies, written before the
rules of places were read (53 found) and then used to mend those; beside them 20 texts of capitals
that are no places. `places_later_english`: 50 more with 70 places, written and used alike (54 found
before), and `places_terse_english` 25 with 31 in the short hand of forms (14 before).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from suwen.privacy.texts.text import ONLY_PLACE, identifiers

FOLDER: Final = Path(__file__).parent / "blind"
MARK: Final = re.compile(r"\[\[(?:(\w+):|~)(.*?)\]\]", re.DOTALL)


@dataclass(frozen=True)
class Planted:
    """A text, where identifiers of which kind stand in it, and what may go or stay."""

    text: str
    rows: tuple[tuple[int, int, str], ...]
    free: tuple[tuple[int, int], ...]


def read(name: str) -> Iterator[Planted]:
    """Yield the texts of a file without their marks."""
    content = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    for part in re.split(r"^== .*\n", content, flags=re.MULTILINE)[1:]:
        text, rows, free, at = "", [], [], 0
        body = part.rstrip("\n")
        for mark in MARK.finditer(body):
            text += body[at : mark.start()]
            start, text, at = len(text), text + mark[2], mark.end()
            if mark[1]:
                rows.append((start, len(text), mark[1]))
            else:
                free.append((start, len(text)))
        yield Planted(text + body[at:], tuple(rows), tuple(free))


def wilson(found: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson score)."""
    z, share = 1.96, found / of
    middle = (share + z * z / of / 2) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / of / of / 4) / (1 + z * z / of)
    return middle - half, middle + half


def measure(name: str) -> None:
    """Print recall by kind and over-redaction of one file."""
    every, found = Counter[str](), Counter[str]()
    over = clinical = 0
    for one in read(name):
        covered, meant = bytearray(len(one.text)), bytearray(len(one.text))
        for hit in identifiers(one.text):
            covered[hit.start : hit.end] = b"\1" * (hit.end - hit.start)
        for start, end, kind in one.rows:
            meant[start:end] = b"\1" * (end - start)
            every[kind] += 1
            found[kind] += all(covered[i] for i in range(start, end) if one.text[i].isalnum())
        for start, end in one.free:
            meant[start:end] = b"\1" * (end - start)
        rest = [i for i, letter in enumerate(one.text) if letter.isalnum() and not meant[i]]
        clinical, over = clinical + len(rest), over + sum(covered[i] for i in rest)
    low, high = wilson(found.total(), every.total())
    print(
        f"{name}: recall {found.total()} of {every.total()} = "
        f"{found.total() / every.total():.3f} [{low:.3f}, {high:.3f}], "
        f"over-redaction {over / clinical:.4f} of {clinical} clinical letters and digits"
    )
    print("   " + ", ".join(f"{kind} {found[kind]}/{every[kind]}" for kind in sorted(every)))


def main() -> None:
    for part in ("mended", "sealed", "places", "places_later", "places_terse"):
        for language in ("english",) if part.startswith("places") else ("english", "chinese"):
            measure(f"{part}_{language}")
            clean = [one.text for one in read(f"{part}_{language}_clean")]
            touched = sum(
                any(hit.certainty > ONLY_PLACE for hit in identifiers(text)) for text in clean
            )
            print(f"   texts without identifiers that were touched: {touched} of {len(clean)}")


if __name__ == "__main__":
    main()
