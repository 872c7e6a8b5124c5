"""Fit `suwen.notes.dialogue.placing` on the training parts of MTS-Dialog and ACI-Bench.

Run: SUWEN_DATA=... python scripts/fit_placing.py
"""

from __future__ import annotations

from suwen.lifecycle.data import DataFolders
from suwen.notes.dialogue.pairs import CORPORA, visits
from suwen.notes.dialogue.placing import WEIGHTS
from suwen.notes.dialogue.placing_fit import fit


def main() -> None:
    """Write `placing.npz`."""
    folders = DataFolders.from_settings()
    known = [visit for corpus in CORPORA for visit in visits(folders, corpus)]
    WEIGHTS.write_bytes(fit(known).saved())


if __name__ == "__main__":
    main()
