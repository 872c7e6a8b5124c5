"""Fit and measure what tells left from right on a chest CT.

`python -m suwen.imaging.detection.fit_situs` writes `knowledge/situs.json`: fitted on the training
slices of LUNA16, measured out-of-fold there by patient and on its validation slices, each slice as
it is and mirrored.
"""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.imaging.anatomy import situs
from suwen.imaging.nodules.lung_slices import LungSlice, read_slices
from suwen.lifecycle.data import DataFolders

CELL_MM: Final = 3
"""Pixels of the slices (1 mm) averaged, as the lungs' grid of a scan is."""
STRENGTH: Final = 0.3
"""Inverse of the ridge penalty; chosen out-of-fold on the training part among 0.001 to 0.3."""
FOLDS: Final = 5
DECIMALS: Final = 4


def differences(one: LungSlice) -> NDArray[np.float64] | None:
    """Return the halves of a slice; see `situs.halves`."""
    height, width = (n // CELL_MM for n in one.hu.shape)
    kept = one.hu[: height * CELL_MM, : width * CELL_MM]
    coarse = kept.reshape(height, CELL_MM, width, CELL_MM).mean((1, 3))
    return situs.halves(np.asarray(coarse, np.float32), (float(CELL_MM), float(CELL_MM)))


def fitted(halves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights that tell slices (n, k) from their mirror images."""
    from sklearn.linear_model import LogisticRegression

    labels = np.repeat([1, 0], len(halves))
    model = LogisticRegression(fit_intercept=False, C=STRENGTH, max_iter=2000)
    model.fit(np.concatenate([halves, -halves]), labels)
    return np.asarray(np.round(model.coef_[0], DECIMALS))


def measured(scores: NDArray[np.float64], patients: NDArray[np.str_]) -> dict[str, Any]:
    """Return how often slices are called right, and how often beyond the limit wrong."""
    return {
        "slices": len(scores),
        "patients": len(np.unique(patients)),
        "side right": round(float((scores > 0).mean()), 3),
        "mirrored and noticed": round(float((scores > situs.LIMIT).mean()), 3),
        "not mirrored and flagged": round(float((scores < -situs.LIMIT).mean()), 3),
    }


def main() -> None:
    """Fit, measure and write."""
    rows = [(one, differences(one)) for one in read_slices(DataFolders.from_settings())]
    found = [(one, each) for one, each in rows if each is not None]
    halves = np.array([each for _, each in found])
    patients = np.array([one.patient for one, _ in found])
    train = np.array([one.split == "train" for one, _ in found])
    order = np.random.default_rng(0).permutation(np.unique(patients[train]))
    fold = {str(patient): n % FOLDS for n, patient in enumerate(order)}
    folds = np.array([fold.get(str(patient), -1) for patient in patients])
    scores = np.zeros(len(halves))
    for k in range(FOLDS):
        scores[folds == k] = halves[folds == k] @ fitted(halves[train & (folds != k)])
    weights = fitted(halves[train])
    scores[~train] = halves[~train] @ weights
    document = {
        "source": "Fitted to LUNA16 slices of LIDC-IDRI (CC BY 3.0; Setio et al., Med Image Anal "
        "42:1-13, 2017) and their mirror images; see fit_situs.py",
        "measured": {
            "training slices, out-of-fold by patient": measured(scores[train], patients[train]),
            "validation slices": measured(scores[~train], patients[~train]),
        },
        "weights": weights.tolist(),
    }
    situs.KNOWLEDGE.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
