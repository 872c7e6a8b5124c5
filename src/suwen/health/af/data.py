"""Labelled single-lead recordings: PhysioNet/Computing in Cardiology Challenge 2017.

`index.csv` names records, labels and where each lies in `signals.d16.xz` (first differences of
16-bit samples, 300 a second, 1,000 steps a millivolt). Only the part called train is developed on.
"""

from __future__ import annotations

import lzma
from functools import cache
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from suwen.core.errors import BadInput
from suwen.health.af.features import STEP, Trace
from suwen.lifecycle.data import DataFolders, read_table
from suwen.lifecycle.examples import Array, Examples, Sample, Source

FOLDER: Final = "vitals/ecg_cinc2017_af"
RATE: Final = 300.0
LABELS: Final = ("N", "A", "O", "~")
"""In the order of the classes of the task."""
TRAIN, TEST = "train", "test"
IRREGULAR: Final = 0.14
"""Spread of the steepest slopes' distances from which the trivial rule says fibrillation: the
middle between the medians of N and A in the training part."""
LOOKED_AT: Final = 2700
"""Samples that the trivial rule looks at: 9 seconds."""
SOURCE: Final = Source(
    name="PhysioNet/Computing in Cardiology Challenge 2017, part of the public training set",
    url="https://physionet.org/content/challenge-2017/",
    licence="ODC-By 1.0",
    citation="Clifford et al., Computing in Cardiology 44, 2017 (AF classification from a short "
    "single lead ECG recording)",
    shippable=True,
    limits=(
        "One hand-held device (AliveCor, 300 Hz, lead I, 9 to 61 seconds), people who recorded "
        "themselves: patches, watches and hospital monitors were not learnt from.",
        "Fibrillation and noise were drawn in full, the others in part: where fibrillation is "
        "rarer the probabilities have to be calibrated anew.",
        "'Other' is everything else in one: ectopic beats, flutter, block, too fast, too slow.",
        "F1 is the score of the challenge: the mean over normal, fibrillation and other; noise has "
        "no part in it.",
        "Readers agreed only moderately on the labels (Clifford: kappa 0.64 before relabelling "
        "of the hidden set); nobody knows which recordings are of the same person.",
    ),
)


def examples(data: DataFolders) -> Examples:
    """Return the recordings of the training part; of a test folder its test part, or all.

    Raises
    ------
    NotFound
        The data set is in none of the folders.
    BadInput
        A row names a label or samples that are not there.
    """
    folder = data.find(FOLDER)
    rows = read_table(folder / "index.csv", "record", "label", "offset", "n_samples")
    if data.test is None:
        rows = [row for row in rows if row.get("split", TRAIN) == TRAIN]
    elif any(row.get("split") == TEST for row in rows):
        rows = [row for row in rows if row["split"] == TEST]
    with lzma.open(folder / "signals.d16.xz") as file:
        steps = np.frombuffer(file.read(), dtype="<i2")
    keys = tuple(row["record"] for row in rows)
    places = [_place(row, len(steps)) for row in rows]

    @cache
    def load(i: int) -> Sample:
        return Sample(keys[i], _lead(steps, *places[i]))

    seconds = np.array([count / RATE for _, count in places])
    spread = np.array([_spread(steps[first : first + LOOKED_AT]) for first, _ in places])
    return Examples(
        source=SOURCE,
        keys=keys,
        groups=np.array(keys),
        labels=np.array([LABELS.index(row["label"]) for row in rows]),
        load=load,
        columns={"length": np.array(["under 29 s", "29 s and more"])[(seconds >= 29).astype(int)]},
        floors={
            "irregular slopes (rule)": np.where(spread > IRREGULAR, 1, 0),
            "irregular slopes": spread,
        },
    )


def _place(row: dict[str, str], total: int) -> tuple[int, int]:
    """Return first sample and number of samples of a row."""
    try:
        first, count = int(row["offset"]), int(row["n_samples"])
    except ValueError:
        first, count = -1, 0
    if row["label"] not in LABELS or first < 0 or count < 1 or first + count > total:
        raise BadInput(
            f"record {row['record']} with a label or samples that are not there",
            f"a label of {' '.join(LABELS)} and samples within signals.d16.xz",
            "compare the folder with the data set's README",
        )
    return first, count


def _lead(steps: NDArray[np.int16], first: int, count: int) -> Trace:
    values = np.cumsum(steps[first : first + count].astype(np.int64))
    return Trace.of(np.asarray(values * STEP, dtype=np.float64), RATE)


def _spread(changes: Array) -> float:
    """Return the relative spread of the distances between the steepest slopes: a trivial floor."""
    slope = uniform_filter1d(changes[1:].astype(float) ** 2, 30)
    peaks, _ = scipy.signal.find_peaks(
        slope, distance=90, height=0.3 * float(np.quantile(slope, 0.98))
    )
    gaps = np.diff(peaks)
    return float(gaps.std() / gaps.mean()) if len(gaps) > 2 else 1.0
