"""Atrial fibrillation from a single-lead ECG of 9 to 61 seconds (PhysioNet/CinC 2017).

Boosted trees on numbers of rhythm, waves and quality; with `options.network` a small network on the
curve gives half of the answer. Quality decides first: what cannot be read is not answered.

References: Clifford et al., Comput Cardiol 44, 2017 (question, classes, score); Datta et al. and
Hong et al., same volume (numbers beside networks); Lundberg et al., Nature Machine Intelligence
2:56, 2020 (exact Shapley values of trees).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.codes import SNOMED, SUWEN, Code, Text
from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Case, Finding, Interval, TimeInterval
from suwen.core.registry import register
from suwen.health.af import changes, runs
from suwen.health.af import data as af_data
from suwen.health.af.features import SHORTEST, Trace, by_name, group_of, groups, names
from suwen.health.af.fit import (
    CHANGED,
    NET,
    TREES,
    fit_network,
    fit_trees,
    typical,
    typical_scores,
)
from suwen.health.af.net import CLASSES, asked
from suwen.health.af.said import LOWEST_RATE, moving, telling, unasked
from suwen.health.readings.doubts import Moved, movement_of
from suwen.health.signals.recording import ECG, Lead, Recording, recordings
from suwen.lifecycle import packs, say
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples, Output, Sample
from suwen.lifecycle.kinds import Answers, Choice
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.reasons import explain
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.run import abstention
from suwen.lifecycle.task import Perturbation, Reads
from suwen.metrics.classification import f1

AF: Final = "health.af"
NETWORK_SHARE: Final = 0.5
"""Share of the network in the mean of the two logits, where there is one."""
LONGEST, PIECE = 61.0, 30.0
"""Seconds up to which a recording is answered as a whole, and of the piece of a longer one."""
VALID: Final = timedelta(hours=24)
"""How long the answer about a recording stands for the person."""


def _code(system: str, code: str, en: str, zh: str) -> Code:
    return Code(system=system, code=code, name=Text(en=en, zh=zh))


SINUS: Final = _code(SNOMED, "426783006", "Normal sinus rhythm", "正常窦性心律")
FIBRILLATION: Final = _code(
    SNOMED, runs.FIBRILLATION_CODE, "Atrial fibrillation on ECG", "心电图示心房颤动"
)
OTHER: Final = _code(f"{SUWEN}/codes", "other-rhythm", "Other rhythm", "其他心律")
NOISY: Final = _code(f"{SUWEN}/codes", "ecg-too-noisy", "Too noisy to read", "噪声过大无法判读")
RHYTHMS: Final = (SINUS, FIBRILLATION, OTHER, NOISY)
ARRHYTHMIA: Final = _code(SNOMED, "698247007", "Cardiac arrhythmia", "心律失常")


def _challenge(cells: Array) -> Array:
    """Return the score of the challenge from a confusion table: the mean F1 of N, A and O."""
    return np.asarray(f1(cells)[..., : CLASSES - 1].mean(-1))


def _of(number: int, cells: Array) -> Array:
    return np.asarray(f1(cells)[..., number])


FIGURES: Final[tuple[tuple[str, Callable[[Array], Array]], ...]] = (
    ("f1", _challenge),
    *((f"f1_{key}", partial(_of, number)) for number, key in enumerate("nao")),
)
"""What the challenge reads off the confusion table: noise has no part in the mean."""


class AtrialFibrillation:
    """Which rhythm a single-lead recording shows: sinus rhythm, fibrillation, another, none."""

    name = AF
    title = Text(en="Single-lead ECG: atrial fibrillation", zh="单导联心电图：心房颤动")
    reads: tuple[Reads, ...] = (
        Reads(
            "Observation",
            "",
            Text(en="Single-lead ECG, 9 s or more", zh="单导联心电图，不短于 9 秒"),
        ),
    )
    answers: Answers = Choice(
        RHYTHMS,
        ARRHYTHMIA,
        gravest=FIBRILLATION,
        figures=FIGURES,
    )
    after: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ("ecg_cinc2017_af",)
    perturbations: tuple[Perturbation, ...] = changes.PERTURBATIONS
    explanations = ("contributions",)
    imbalances = ("none",)
    recipe = Recipe(
        folds=5,
        epochs=30,
        batch_size=32,
        learning_rate=4e-3,
        weight_decay=2e-2,
        calibration="best",
        rule_in_false_alarms=0.05,
        options={CHANGED: 1},
    )
    domain_names: Mapping[str, Text] = {
        "seconds": Text(en="Length of the recording in seconds", zh="记录时长（秒）"),
        "beats": Text(en="Beats a minute found", zh="每分钟检出心搏数"),
    }

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return one sample an ECG recording of the Case, its best lead; none without any.

        Of more than `LONGEST` seconds the newest `PIECE` are asked about, and all of it is looked
        through for fibrillation.
        """
        motion = movement_of(case)
        return [
            _sample(one, lead, motion)
            for one in recordings(case)
            if (lead := one.best(ECG)) is not None and len(lead.values)
        ]

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the recordings whose rhythm is known."""
        if dataset not in self.datasets:
            raise BadInput(f"no data set {dataset!r}", f"one of {list(self.datasets)}")
        return af_data.examples(data)

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train one member, trees and if asked a network; the validation part only watches."""
        losses = fit_trees(train, valid, recipe, folder)
        made = {"trees": TREES, "net": "", "typical": typical(train), "typical_scores": [0.0] * 4}
        history = [{"epoch": k + 1.0, "valid_loss": loss} for k, loss in enumerate(losses)]
        if recipe.options.get("network", False):
            history = fit_network(train, valid, recipe, folder)
            made |= {"net": NET, "typical_scores": typical_scores(train, folder)}
        return {**made, "history": history}

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return the logits of each member."""
        trace: Trace = sample.data
        chosen = list(range(pack.members)) if members is None else list(members)
        if trace.seconds < SHORTEST or trace.rate < LOWEST_RATE:
            nothing = {"seconds": trace.seconds, "beats": 0.0}
            return Output(np.zeros((len(chosen), CLASSES)), nothing)
        scores = np.array([_scores(pack, trace, trace.features, k) for k in chosen])
        domain = {
            "seconds": trace.seconds,
            "beats": 60 * by_name(trace.features)["beats"] / max(trace.left, 1.0),
        }
        return Output(scores, domain)

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the most probable rhythm with the most telling stretch, or why there is none.

        Of a long recording a second one: where it fibrillates, if anywhere.
        """
        newest = self._newest(pack, sample, output)
        return [newest, *_runs(pack, sample, newest)]

    def _newest(self, pack: Pack, sample: Sample, output: Output) -> Finding:
        trace: Trace = sample.data
        found = pack.answers.probabilities(output.scores)
        named = int(np.argmax([one.value for one in found]))
        noisy = CLASSES - 1
        reasons = unasked(trace, found[noisy] if named == noisy else None)
        reasons = reasons or pack.guard.reasons(output.domain)
        if reasons:
            return abstention(self, pack, sample, reasons)
        said = say.finding(self, pack, sample, output)
        moved, explained = explain.check_if_shown(self, pack, sample, "contributions")
        update: dict[str, Any] = {
            "explanations": (explained,),
            "evidence": telling(trace, sample.evidence, partial(_alone, pack, named)),
        }
        if trace.at is not None:
            update["valid_until"] = trace.at + VALID
        if moved is not None and explained.hidden_because is None:
            said = say.with_sentence(said, moving(trace, moved))
        return said.model_copy(update=update)

    def input_of(self, pack: Pack, sample: Sample) -> Array:
        """Return 1 for each group of numbers and for the curve: all are there, (groups + 1,)."""
        return np.ones(len(groups()) + 1)

    def baseline(self, pack: Pack, sample: Sample) -> Array:
        """Return 0 for each: instead of it, what is typical."""
        return np.zeros(len(groups()) + 1)

    def saliency(self, pack: Pack, sample: Sample, method: str) -> Array:
        """Return how far each group, and the curve, moved the logit of the rhythm named."""
        if method not in self.explanations:
            raise BadInput(f"no explanation {method!r}", f"one of {list(self.explanations)}")
        trace: Trace = sample.data
        moved = np.mean([_moved(pack, trace, k) for k in range(pack.members)], axis=0)
        return np.asarray(moved[:, _named(pack, trace)])

    def score_of(self, pack: Pack, sample: Sample, values: Array) -> float:
        """Return the logit of the rhythm named, with what is at 0 replaced by what is typical."""
        trace: Trace = sample.data
        kept = np.asarray(values) > 0
        row = [
            np.where(kept[group_of()], trace.features, pack.member(k)["typical"])
            for k in range(pack.members)
        ]
        found = [_scores(pack, trace, one, k, bool(kept[-1])) for k, one in enumerate(row)]
        return float(np.mean(found, axis=0)[_named(pack, trace)])


def _sample(recording: Recording, lead: Lead, motion: Moved) -> Sample:
    first = 0
    if lead.seconds > LONGEST:
        first = len(lead.values) - round(PIECE * lead.rate)
    begin, at = first / lead.rate, recording.start
    known = None if at is None or at.tzinfo is None else at + timedelta(seconds=begin)
    place = TimeInterval(record=recording.record, start=begin, end=lead.seconds)
    whole = Trace.of(lead.values, lead.rate) if first else None
    newest = np.asarray(lead.values[first:], dtype=float)
    moving = motion.during(at, begin, lead.seconds)
    data = replace(Trace.of(newest, lead.rate), at=known, whole=whole, moving=moving)
    inputs = (*recording.inputs, *(motion.records if moving else ()))
    return Sample(f"{recording.record} {lead.name}", data, (place,), inputs)


def fibrillates(lead: Array, rate: float) -> tuple[tuple[float, float], ...]:
    """Return where a lead in mV, (n,), fibrillates within the error budget, in seconds.

    As the current pack tells; nowhere where none is installed.
    """
    try:
        pack = packs.current(AF)
    except NotFound:
        return ()
    found = runs.runs(Trace.of(lead, rate), partial(_fibrillating, pack))
    return () if found is None else runs.sure(found.stretches)


def _runs(pack: Pack, sample: Sample, newest: Finding) -> list[Finding]:
    """Return where a long recording fibrillates; nothing where it does nowhere."""
    whole = sample.data.whole
    place = sample.evidence[0] if sample.evidence else None
    if whole is None or not isinstance(place, TimeInterval):
        return []
    found = runs.runs(whole, partial(_fibrillating, pack))
    if found is None:
        return []
    return [runs.finding(newest, place.record, whole.seconds, found, FIBRILLATION)]


def _fibrillating(pack: Pack, strips: Sequence[Trace]) -> list[Interval | None]:
    """Return how probable fibrillation is in each strip; None where another rhythm is likelier."""
    rows = np.stack([one.features for one in strips])
    members = range(pack.members)
    trees = np.stack([_centred(_tree_scores(pack, rows, k)) for k in members], axis=1)
    found: list[Interval | None] = []
    for strip, scores in zip(strips, trees, strict=True):
        seen = pack.member(0)["net"]
        both = [_scores(pack, strip, strip.features, k) for k in members] if seen else scores
        chances = pack.answers.probabilities(np.asarray(both))
        named = int(np.argmax([one.value for one in chances]))
        found.append(chances[named] if RHYTHMS[named] is FIBRILLATION else None)
    return found


def _centred(scores: Array) -> Array:
    return np.asarray(scores - scores.mean(-1, keepdims=True))


def _scores(pack: Pack, trace: Trace, row: Array, k: int, curve: bool = True) -> Array:
    """Return the logits of a member, less their mean, from numbers (f,) and the curve, (4,).

    Without `curve` the network says what it says on average.
    """
    trees = _centred(_tree_scores(pack, row[None], k)[0])
    if not pack.member(k)["net"]:
        return trees
    usual = np.array(pack.member(k)["typical_scores"])
    network = _centred(_seen(pack, trace, k) if curve else usual)
    return np.asarray((1 - NETWORK_SHARE) * trees + NETWORK_SHARE * network)


def _tree_scores(pack: Pack, rows: Array, k: int) -> Array:
    trees = pack.booster(TREES, k)
    if (known := trees.num_feature()) != rows.shape[-1]:
        raise BadInput(
            f"{rows.shape[-1]} numbers of a strip for trees of {pack.identity} that know {known}",
            "a pack trained with this version of the room",
            f"train it again: suwen train {AF}",
        )
    return np.asarray(trees.predict(rows, raw_score=True))


@lru_cache(maxsize=64)
def _seen(pack: Pack, trace: Trace, k: int) -> Array:
    """Return what the network of a member says of the curve."""
    return asked(pack.session(NET, k), trace.seen)


def _alone(pack: Pack, named: int, pieces: Sequence[Trace]) -> Array:
    """Return the logit of a rhythm that the trees give each piece of a recording alone, (n,)."""
    rows = np.stack([one.features for one in pieces])
    each = [_centred(_tree_scores(pack, rows, k)) for k in range(pack.members)]
    return np.asarray(np.mean(each, axis=0)[:, named])


def _named(pack: Pack, trace: Trace) -> int:
    """Return the rhythm with the highest mean logit."""
    each = [_scores(pack, trace, trace.features, k) for k in range(pack.members)]
    return int(np.mean(each, axis=0).argmax())


def _moved(pack: Pack, trace: Trace, k: int) -> Array:
    """Return how far groups and curve moved the centred logits of a member, (groups + 1, 4)."""
    shares = pack.booster(TREES, k).predict(trace.features[None], pred_contrib=True)
    table = np.asarray(shares).reshape(CLASSES, len(names()) + 1)[:, :-1]
    grouped = np.stack([np.bincount(group_of(), row, len(groups())) for row in table], axis=1)
    if not pack.member(k)["net"]:
        return np.vstack([_centred(grouped), np.zeros(CLASSES)])
    usual = np.array(pack.member(k)["typical_scores"])
    curve = _centred(_seen(pack, trace, k)) - _centred(usual)
    return np.vstack([(1 - NETWORK_SHARE) * _centred(grouped), NETWORK_SHARE * curve])


register(AtrialFibrillation())
