"""What a pack says about one sample as a Finding: the part that is the same for every room.

A room adds what is its own (explanations, attachments, tracking, site) with `model_copy`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import PROBABILITY, Band, Finding, Interval, Measure
from suwen.lifecycle.bands import HALF
from suwen.lifecycle.kinds import Answers, Calculated, Choice, Mask, Places, Ranked, Spans
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.spanned import ROW
from suwen.lifecycle.task import Array, Output, Sample


def finding(task: Any, pack: Pack, sample: Sample, output: Output) -> Finding:
    """Return the calibrated finding of a choice or a value.

    Two classes: the probability of the one looked for, with its band. More: the class that is
    most probable with its probability and band; when that is the first class, the question as a
    whole with the probability of anything else. The probabilities of the other classes stand
    beside it as measures. A value: a measure with its prediction interval.
    """
    answers: Answers = task.answers
    if isinstance(answers, Mask):
        raise TypeError("a mask is measured by its own room")
    if isinstance(answers, Places):
        raise TypeError("places have a finding each: ask `marked`")
    if isinstance(answers, Spans):
        raise TypeError("stretches have a finding each: ask `spanned`")
    if isinstance(answers, Ranked):
        raise TypeError("a ranking is put into words by its own room")
    if isinstance(answers, Calculated):
        raise TypeError("a calculation is put into words by its own room")
    if isinstance(answers, Choice) and len(answers.classes) > 2:
        return _several(task, answers, pack, sample, output)
    if isinstance(answers, Choice):
        probability = pack.answers.probability(output.scores)
        band, reason = pack.answers.band(probability)
        return Finding(
            task=task.name,
            pack=pack.identity,
            code=answers.asked,
            band=band,
            reason=reason,
            probability=probability,
            evidence=sample.evidence,
        )
    value = pack.answers.value(output.scores, output.spread)
    return Finding(
        task=task.name,
        pack=pack.identity,
        code=answers.code,
        band=Band.GREY,
        reason=_held(value),
        measures=(Measure(code=answers.code, interval=value, unit=answers.unit),),
        evidence=sample.evidence,
    )


def marked(task: Any, pack: Pack, sample: Sample, output: Output) -> list[tuple[Array, Finding]]:
    """Return each mark that is shown, the most probable first, with its calibrated finding.

    Marks below the operating threshold are left out. The evidence is that of the whole sample; the
    room replaces it by the place of the mark (`model_copy`), which tells the findings apart.
    """
    found = []
    for mark in pack.answers.shown(np.asarray(output.marks, dtype=float)):
        probability, band, reason = pack.answers.of_mark(float(mark[0]))
        said = Finding(
            task=task.name,
            pack=pack.identity,
            code=task.answers.asked,
            band=band,
            reason=reason,
            probability=probability,
            evidence=sample.evidence,
        )
        found.append((mark, said))
    return found


def spanned(task: Any, pack: Pack, sample: Sample, output: Output) -> list[tuple[Array, Finding]]:
    """Return each stretch in the order of the text, with its calibrated finding.

    The band is rule-in from even odds of being right on, else grey. The evidence is that of the
    whole sample; the room replaces it by the place of the stretch (`model_copy`).

    Raises
    ------
    BadInput
        The pack has no calibrator: rules say what they know in their own words.
    """
    answers: Spans = task.answers
    rows = np.asarray(output.marks, dtype=float).reshape(-1, ROW)
    found = []
    for row in rows[np.lexsort((rows[:, 2], rows[:, 1]))]:
        probability = pack.answers.of_span(float(row[0]))
        if probability is None:
            raise BadInput(f"the pack of {task.name} has no calibrator", "a trained pack")
        said = Finding(
            task=task.name,
            pack=pack.identity,
            code=answers.types[int(row[3])],
            band=Band.RULE_IN if probability.value >= HALF else Band.GREY,
            reason=_right(probability),
            probability=probability,
            evidence=sample.evidence,
        )
        found.append((row, said))
    return found


def _right(probability: Interval) -> Text:
    """Say what the probability of a stretch means."""
    return Text(
        en=f"Of stretches scored like this one about {probability.value:.0%} were right in "
        "validation: beginning, end and type.",
        zh=f"验证中，评分与此相同的片段约有 {probability.value:.0%} 完全正确（起止与类型）。",
    )


def _several(task: Any, answers: Choice, pack: Pack, sample: Sample, output: Output) -> Finding:
    found = pack.answers.probabilities(output.scores)
    named, band, reason = pack.answers.decide(found, answers.classes)
    code, probability = answers.classes[named], found[named]
    if named == 0:
        code, probability = answers.asked, complement(found[0])
    return Finding(
        task=task.name,
        pack=pack.identity,
        code=code,
        band=band,
        reason=reason,
        probability=probability,
        measures=tuple(
            Measure(code=other, interval=one, unit=PROBABILITY)
            for other, one in zip(answers.classes, found, strict=True)
            if other != code
        ),
        evidence=sample.evidence,
    )


def complement(first: Interval) -> Interval:
    """Return the probability of anything but the first class, with its interval."""
    return Interval(
        value=1 - first.value, low=1 - first.high, high=1 - first.low, level=first.level
    )


def _held(value: Interval) -> Text:
    """Say what the interval of a value promises."""
    return Text(
        en=f"Prediction interval: about {value.level:.0%} of true values lie inside such intervals "
        "on data like the development data.",
        zh=f"预测区间：在与开发数据相似的数据上，约 {value.level:.0%} 的真实值落在此类区间内。",
    )


def with_sentence(finding: Finding, said: Text | None) -> Finding:
    """Return a finding whose reason ends in one more sentence."""
    if said is None:
        return finding
    before = finding.reason or Text(en="", zh="")
    reason = Text(en=f"{before.en} {said.en}".strip(), zh=f"{before.zh}{said.zh}")
    return finding.model_copy(update={"reason": reason})
