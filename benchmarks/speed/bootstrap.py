"""Bootstrap by patient: one matrix product against a loop over scikit-learn, same resamples.

The size of the nodule set: 787 samples of 436 patients, 2,000 resamples.
"""

from __future__ import annotations

import time

import numpy as np
from sklearn import metrics

from suwen.metrics import discrimination
from suwen.metrics.intervals import RESAMPLES, distribution, resampled_weights

SAMPLES, PATIENTS, LOOPED = 787, 436, 200
METRICS = {
    "AUROC": (discrimination.auroc, metrics.roc_auc_score),
    "AUPRC": (discrimination.auprc, metrics.average_precision_score),
}


def main() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(SAMPLES) < 0.35
    scores = rng.normal(size=SAMPLES) + truth
    groups = rng.integers(0, PATIENTS, SAMPLES)
    for name, (own, other) in METRICS.items():
        start = time.perf_counter()
        drawn = distribution(lambda w, metric=own: metric(truth, scores, w), groups)
        ours = time.perf_counter() - start
        start = time.perf_counter()
        looped = []
        for counts in resampled_weights(groups, RESAMPLES, 0)[:LOOPED]:
            index = np.repeat(np.arange(SAMPLES), counts.astype(int))
            looped.append(other(truth[index], scores[index]))
        theirs = (time.perf_counter() - start) * RESAMPLES / LOOPED
        gap = np.abs(drawn[:LOOPED] - looped).max()
        print(
            f"{name}: {RESAMPLES} resamples in {ours:.2f} s, scikit-learn loop {theirs:.2f} s "
            f"(from {LOOPED}): {theirs / ours:.0f} times; largest difference {gap:.1e}"
        )


if __name__ == "__main__":
    main()
