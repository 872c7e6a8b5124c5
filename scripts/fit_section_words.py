"""Fit the models of `suwen.notes.reading.headless` on MTS-Dialog's training part, and write them.

Run: SUWEN_DATA=... python scripts/fit_section_words.py
"""

from __future__ import annotations

import csv

from suwen.lifecycle.data import DataFolders
from suwen.notes.reading.headless import KNOWLEDGE, fit

COLUMNS = {"text": "section_text", "talk": "dialogue"}


def main() -> None:
    """Write `section_words_text.npz` and `section_words_talk.npz`."""
    path = DataFolders.from_settings().find("text/mts_dialog/MTS-Dialog-TrainingSet.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for name, column in COLUMNS.items():
        model = fit([row[column] for row in rows], [row["section_header"] for row in rows])
        (KNOWLEDGE / f"section_words_{name}.npz").write_bytes(model.saved())


if __name__ == "__main__":
    main()
