"""What a pack says about one sample as a Finding: the part that is the same for every room.

A room adds what is its own (explanations, attachments, tracking, site) with `model_copy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from suwen.core.codes import Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import PROBABILITY, Band, Finding, Interval, Measure, PossibleAnswers
from suwen.lifecycle.calibration.bands import HALF
from suwen.lifecycle.examples import Array, Output, Sample
from suwen.lifecycle.kinds import Answers, Calculated, Choice, Mask, Places, Ranked, Spans
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.spanned import ROW

YES_NO = (Text(en="no", zh="否"), Text(en="yes", zh="是"))
"""What two classes are called where names of diseases would read oddly."""


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
        sets = pack.answers.sets
        possible = sets.possible([probability.value], answers.classes) if sets else None
        if possible is not None:
            named = int(band is Band.RULE_IN)
            band, reason = settled(band, reason, possible, answers.classes, named)
        return Finding(
            task=task.name,
            pack=pack.identity,
            code=answers.asked,
            band=band,
            reason=reason,
            probability=probability,
            evidence=sample.evidence,
            possible=possible,
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
    for mark in pack.answers.place_thresholds.shown(np.asarray(output.marks, dtype=float)):
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
    sets, told = pack.answers.sets, [each.value for each in found]
    possible = sets.possible(told, answers.classes) if sets else None
    code, probability = answers.classes[named], found[named]
    if possible is not None:
        band, reason = settled(band, reason, possible, answers.classes, named)
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
        possible=possible,
    )


def settled(
    band: Band, reason: Text, possible: PossibleAnswers, classes: Sequence[Code], named: int
) -> tuple[Band, Text]:
    """Return the band and its reason, with what remains possible where that is not one answer.

    High and low are said only where the answer that is named is the only one left: else the case
    lies in the grey zone, and the sentence says between what.

    Parameters
    ----------
    band, reason
        By the thresholds.
    possible, classes
        What remains possible, of all classes.
    named
        Number of the class that the band is about.
    """
    only = possible.codes == (classes[named],)
    if band is not Band.GREY and only:
        return band, reason
    said = _left(possible, classes)
    if band is not Band.GREY:
        reason = Text(en="", zh="")
        if len(classes) > 2:
            name = classes[named].name
            reason = Text(en=f"Most probable: {name.en}.", zh=f"最可能：{name.zh}。")
    return Band.GREY, Text(en=f"{reason.en} {said.en}".strip(), zh=f"{reason.zh}{said.zh}")


def _left(possible: PossibleAnswers, classes: Sequence[Code]) -> Text:
    """Say which answers remain possible; of two classes as yes and no."""
    level, codes = possible.level, possible.codes
    if not codes:
        return Text(
            en=f"Unlike anything learnt: {level:.0%} of the known cases of each answer are more "
            "typical of it.",
            zh=f"与已学习的病例均不相似：每一类已知病例中有 {level:.0%} 更为典型。",
        )
    names = [code.name.inside() for code in codes]
    if len(classes) == 2:  # the one looked for first: yes or no
        names = [YES_NO[classes.index(code)] for code in reversed(codes)]
    if len(codes) == 1:
        return Text(
            en=f"At the level of {level:.0%} only “{names[0].en}” remains possible.",
            zh=f"在 {level:.0%} 水平上仅“{names[0].zh}”仍有可能。",
        )
    return Text(
        en=f"Possible: {' or '.join(name.en for name in names)}. Such sets hold the true answer in "
        f"about {level:.0%} of cases.",
        zh=f"可能为：{'或'.join(name.zh for name in names)}。"
        f"此类集合在约 {level:.0%} 的病例中包含真实答案。",
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
