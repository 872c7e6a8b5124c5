"""Which heart beats of an ECG are ectopic? Each beat's AAMI class, told once for the recording.

Boosted trees on numbers of each beat against the person's own usual (`health.beats.features`), one
lead, any rate. Explained by Shapley values of groups of numbers, for the beat that tells most.

References: ANSI/AAMI EC57:2012 (the classes); de Chazal et al., IEEE Trans Biomed Eng 51:1196, 2004
(the split between patients); Sundararajan and Najmi, ICML 2020 (Shapley values against a baseline).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from math import comb
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Case, Finding, TimeInterval
from suwen.core.registry import register
from suwen.core.settings import settings
from suwen.health.af.runs import fibrillating
from suwen.health.af.task import AF
from suwen.health.beats import changes
from suwen.health.beats import corrected as ecg_corrected
from suwen.health.beats import data as ecg_beats_data
from suwen.health.beats import fit as ecg_beats_fit
from suwen.health.beats import said as ecg_beats_said
from suwen.health.beats.features import Beats, Together, names
from suwen.health.beats.fit import TREES
from suwen.health.beats.named import Said, merged, readable
from suwen.health.beats.read import read_beats
from suwen.health.beats.said import CLASSES, ECTOPIC
from suwen.health.readings.doubts import movement_of
from suwen.health.signals import variability
from suwen.health.signals.recording import ECG, recordings
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples, Output, Sample
from suwen.lifecycle.kinds import Answers, Choice
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.reasons import explain
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.run import abstention
from suwen.lifecycle.task import Perturbation, Reads
from suwen.metrics.classification import j_kappa
from suwen.records import Access

ECG_BEATS: Final = "health.ecg_beats"
GROUPS: Final[Mapping[str, Text]] = {
    "timing": Text(en="time before and after the beat", zh="该搏动前后的间期"),
    "rhythm": Text(en="regularity of the rhythm around it", zh="周围节律的规整程度"),
    "QRS": Text(en="shape of the QRS", zh="QRS 波形"),
    "P": Text(en="P wave", zh="P 波"),
    "T": Text(en="T wave", zh="T 波"),
    "kind": Text(en="what beats of the same shape are like", zh="同形态搏动的特点"),
}
"""What the numbers of a beat are explained by."""
MANY: Final = 1000
"""Beats from which several threads pay."""
_BEGINS: Final = {"P ": "P", "before P": "P", "usual P": "P", "T ": "T", "its kind": "kind"}
_RHYTHM: Final = ("spread of intervals", "irregularity", "scatter")


@cache
def group_of() -> Array:
    """Return the number of the group of each number of a beat, (features,)."""
    order = list(GROUPS)
    found = []
    for name in names():
        key = next((key for begin, key in _BEGINS.items() if name.startswith(begin)), "")
        if not key and "of its kind" in name:
            key = "kind"
        if not key and name in _RHYTHM:
            key = "rhythm"
        if not key and ("QRS" in name or "like" in name or name.endswith("distance")):
            key = "QRS"
        found.append(order.index(key or "timing"))
    return np.array(found)


class EcgBeats:
    """The AAMI class of each beat of an ECG, and what they come to over the recording."""

    name = ECG_BEATS
    title = Text(en="ECG: ectopic beats", zh="心电图：异位搏动")
    reads: tuple[Reads, ...] = (
        Reads(
            "DocumentReference",
            "",
            Text(en="ECG recording (EDF, WFDB)", zh="心电记录（EDF、WFDB）"),
        ),
        Reads("Observation", "", Text(en="Sampled ECG", zh="采样心电数据")),
    )
    answers: Answers = Choice(CLASSES, ECTOPIC, figures=(("j_kappa", j_kappa),))
    after: tuple[str, ...] = (AF,)
    datasets: tuple[str, ...] = ("ecg_mitdb",)
    perturbations: tuple[Perturbation, ...] = changes.PERTURBATIONS
    explanations = ("contributions",)
    imbalances = ("none",)
    recipe = Recipe(folds=6, epochs=1, calibration="temperature", rule_in_false_alarms=0.001)
    domain_names: Mapping[str, Text] = {
        "rate": Text(en="Heart rate per minute", zh="心率（次/分）"),
        "distance": Text(
            en="Distance of QRS complexes from the usual one (in heights of it)",
            zh="QRS 波与常见形态的差异（以其波幅为单位）",
        ),
        "alike": Text(en="Share of beats like the usual one", zh="与常见搏动形态一致的比例"),
    }

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return each recording with an ECG lead, its beats found.

        Where `health.af` tells fibrillation within its error budget, early beats are not counted.
        """
        found, motion = [], movement_of(case)
        for recording in recordings(case):
            lead = recording.best(ECG)
            if lead is None:
                continue
            whole = TimeInterval(record=recording.record, start=0, end=lead.seconds)
            beats = read_beats(lead.values, lead.rate)
            moving = sum(motion.during(recording.start, *span) for span in beats.poor.tolist())
            spans = fibrillating(earlier, recording.record)
            beats = replace(beats, fibrillating=spans, moving=moving)
            inputs = (*recording.inputs, *(motion.records if moving else ()))
            found.append(Sample(recording.record, beats, (whole,), inputs))
        return found

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the labelled beats, one a sample."""
        if dataset not in self.datasets:
            raise BadInput(f"no data set {dataset!r}", f"one of {list(self.datasets)}")
        return ecg_beats_data.examples(data)

    def corrected(self, access: Access) -> Examples | None:
        """Return the beats that people judged, as far as this person may see them."""
        return ecg_corrected.examples(access)

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train one member: a fixed number of boosted trees."""
        return ecg_beats_fit.fit(train, valid, recipe, folder)

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return the logits of the beat that tells most; those of all beats in `parts`."""
        data: Beats = sample.data
        chosen = list(range(pack.members)) if members is None else list(members)
        if not len(data):
            return Output(
                np.zeros((len(chosen), len(CLASSES))), dict.fromkeys(self.domain_names, 0.0)
            )
        logits = _logits_of(pack, data, chosen)
        asked = _telling(logits.mean(0), data)
        middle = np.median(data.setting, axis=0)
        domain = dict(zip(self.domain_names, middle.tolist(), strict=True))
        return Output(logits[:, asked], domain, parts={"logits": logits.mean(0), "asked": asked})

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return how many beats of each class there are, with those that tell most."""
        data: Beats = sample.data
        reasons = ecg_beats_said.unread(data) or pack.guard.reasons(output.domain)
        if reasons:
            return [abstention(self, pack, sample, reasons)]
        calibrator: Any = pack.answers.calibrator
        said = Said.of(data, calibrator.probability(output.parts["logits"]))
        found = ecg_beats_said.finding(pack, sample, said, self.name)
        moved, explained = explain.check_if_shown(self, pack, sample, "contributions")
        update: dict[str, Any] = {"explanations": (explained,)}
        if moved is not None and explained.hidden_because is None and said.ectopic.any():
            update["evidence"] = ecg_beats_said.with_reasons(
                found.evidence, data.at[output.parts["asked"]], moved, list(GROUPS.values())
            )
        return [found.model_copy(update=update), *_variability(self.name, pack, sample, said)]

    def input_of(self, pack: Pack, sample: Sample) -> Array:
        """Return 1 for each group of numbers: all of them are there, (groups,)."""
        return np.ones(len(GROUPS))

    def baseline(self, pack: Pack, sample: Sample) -> Array:
        """Return 0 for each group: instead of each, what is typical of the others.

        Of normal beats where the beat is ectopic, of ectopic ones where it is normal.
        """
        return np.zeros(len(GROUPS))

    def saliency(self, pack: Pack, sample: Sample, method: str) -> Array:
        """Return how far each group moved the log odds of the beat that tells most, (groups,).

        Exact Shapley values over all sets of groups, against what is typical of the others.
        """
        if method not in self.explanations:
            raise BadInput(f"no explanation {method!r}", f"one of {list(self.explanations)}")
        count = len(GROUPS)
        sets = np.arange(1 << count)[:, None] >> np.arange(count) & 1
        worth = _grouped(pack, sample.data, sets)
        size = sets.sum(1)
        found = []
        for k in range(count):
            without = np.flatnonzero(sets[:, k] == 0)
            share = 1 / (count * np.array([comb(count - 1, int(n)) for n in size[without]]))
            found.append(float(share @ (worth[without | 1 << k] - worth[without])))
        return np.array(found)

    def score_of(self, pack: Pack, sample: Sample, values: Array) -> float:
        """Return the log odds of that beat's class with the groups at 0 made typical of others."""
        return float(_grouped(pack, sample.data, np.asarray(values)[None])[0])


def _variability(task: str, pack: Pack, sample: Sample, said: Said) -> list[Finding]:
    """Return the variability of the rhythm where the recording is long enough to ask for it."""
    data = said.data
    if data.seconds < variability.SHORTEST or not isinstance(sample.evidence[0], TimeInterval):
        return []
    told = variability.variability(data.at, said.read & ~said.ectopic)
    irregular = ecg_beats_said.irregular(data)
    return [variability.finding(task, pack.identity, sample.evidence[0], told, irregular)]


def _logits(pack: Pack, rows: Array, members: Sequence[int]) -> Array:
    """Return the logits of each member, (members, n, classes)."""
    threads = 1 if len(rows) < MANY else settings().threads
    return np.array(
        [pack.booster(TREES, k).predict(rows, raw_score=True, num_threads=threads) for k in members]
    )


def _logits_of(pack: Pack, data: Beats, members: Sequence[int]) -> Array:
    """Return the logits of each member; of one beat of a recording from those of all of it.

    In fibrillation none speaks for supraventricular beats.
    """
    whole = data.unchanged
    if whole is None:
        return merged(_own_logits(pack, data, tuple(members)), data)
    return merged(np.stack([_whole_logits(pack, whole, k)[[data.place]] for k in members]), data)


@lru_cache(maxsize=2)
def _own_logits(pack: Pack, data: Beats, members: tuple[int, ...]) -> Array:
    return _logits(pack, data.rows, members)


@lru_cache(maxsize=24)
def _whole_logits(pack: Pack, whole: Together, member: int) -> Array:
    """Return one member's logits of all beats of a recording, (n, classes)."""
    return np.asarray(_logits(pack, whole.rows, [member])[0])


def _telling(logits: Array, data: Beats) -> int:
    """Return the readable beat that is least likely normal."""
    other = np.logaddexp.reduce(logits[:, 1:], axis=1) - logits[:, 0]
    return int(np.argmax(np.where(readable(data), other, -np.inf)))


@lru_cache(maxsize=2)
def _asked(pack: Pack, data: Beats) -> tuple[Array, int]:
    """Return the row of the beat that tells most, (1, features), and its class."""
    logits = _logits_of(pack, data, range(pack.members)).mean(0)
    asked = _telling(logits, data)
    return data.rows[asked : asked + 1], int(logits[asked].argmax())


def _grouped(pack: Pack, data: Beats, kept: Array) -> Array:
    """Return the log odds of that beat with groups left out; `kept` is (m, groups) of 0 and 1.

    A class is compared with normal beats, normal with the mean of the others.
    """
    row, named = _asked(pack, data)
    weights = np.zeros(len(CLASSES))
    weights[named] = 1.0
    weights[[0] if named else slice(1, None)] -= 1.0 if named else 1 / (len(CLASSES) - 1)
    others = "normal" if named else "ectopic"
    typical = np.mean([pack.member(k)[others] for k in range(pack.members)], axis=0)
    there = np.asarray(kept)[:, group_of()] > 0
    rows = np.where(there, row, typical)
    return np.asarray(_logits(pack, rows, range(pack.members)).mean(0) @ weights)


register(EcgBeats())
