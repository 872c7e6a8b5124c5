"""What `health.af` says in words: why nothing, where it is seen, and what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from suwen.core.codes import Text
from suwen.core.nouns import Evidence, Interval, TimeInterval
from suwen.health.af.features import SHORTEST, Trace, by_name, groups
from suwen.health.readings.doubts import moved_meanwhile
from suwen.health.signals.quality import POOR
from suwen.health.signals.strip import RATE
from suwen.lifecycle.examples import Array

STRETCH, STEP = 8.0, 2.0
"""Seconds of the most telling stretch, and between those that are tried."""
LOWEST_RATE: Final = 90.0
"""Samples a second below which QRS complexes lose their shape."""
SHOWN: Final = 3
"""Groups named in the reason: those that moved the answer most."""
CURVE: Final = Text(en="the curve as the network sees it", zh="网络所见的曲线")


def unasked(trace: Trace, noisy: Interval | None) -> list[Text]:
    """Say why nothing is said of a recording: too short, too coarse, unreadable.

    `noisy` is the probability of noise where that is the most probable answer.
    """
    if trace.seconds < SHORTEST:
        return [
            Text(
                en=f"The recording lasts {trace.seconds:.1f} s; no rhythm is named below "
                f"{SHORTEST:g} s.",
                zh=f"记录时长 {trace.seconds:.1f} 秒；短于 {SHORTEST:g} 秒不判定心律。",
            )
        ]
    if trace.rate < LOWEST_RATE:
        return [
            Text(
                en=f"{trace.rate:g} samples a second; at least {LOWEST_RATE:g} are needed.",
                zh=f"采样率为每秒 {trace.rate:g} 次；至少需要 {LOWEST_RATE:g} 次。",
            )
        ]
    quality, moved = trace.quality, moved_meanwhile(trace.moving)
    if quality.index < POOR:
        why = quality.reason or Text(en="", zh="")
        return [
            Text(
                en=f"Signal quality {quality.index:.2f} (readable from {POOR:g}): {why.en} "
                f"{moved.en}Repeat the recording at rest.",
                zh=f"信号质量 {quality.index:.2f}（{POOR:g} 以上可判读）：{why.zh}"
                f"{moved.zh}请静息后重新记录。",
            )
        ]
    if not trace.readable:
        return [
            Text(
                en=f"Only {trace.left:.1f} s can be read, the rest is moved or missing; no rhythm "
                f"is named below {SHORTEST:g} s. {moved.en}Repeat the recording at rest.",
                zh=f"仅有 {trace.left:.1f} 秒可判读，其余部分受运动干扰或缺失；"
                f"少于 {SHORTEST:g} 秒不判定心律。{moved.zh}请静息后重新记录。",
            )
        ]
    if noisy is not None:
        return [
            Text(
                en=f"Most probably too noisy to read ({noisy.value:.0%}). Repeat the recording "
                "at rest.",
                zh=f"很可能因噪声过大无法判读（{noisy.value:.0%}）。请静息后重新记录。",
            )
        ]
    return []


def telling(
    trace: Trace, evidence: tuple[Evidence, ...], scored: Callable[[Sequence[Trace]], Array]
) -> tuple[Evidence, ...]:
    """Return the stretch that by itself speaks most for the rhythm named, with its beats in words.

    Parameters
    ----------
    trace, evidence
        The recording, and where it lies; left as it is where that is no time interval.
    scored
        Returns the logit of the rhythm named for pieces of the recording.
    """
    if not evidence or not isinstance(evidence[0], TimeInterval):
        return evidence
    whole = evidence[0]
    last = max(0.0, trace.seconds - STRETCH)
    starts = np.linspace(0.0, last, 1 + int(np.ceil(last / STEP)))
    width = round(STRETCH * trace.rate)
    firsts = [round(float(one) * trace.rate) for one in starts]
    pieces = [replace(trace, steps=trace.steps[k : k + width]) for k in firsts]
    start = float(starts[int(np.argmax(scored(pieces)))]) if len(pieces) > 1 else 0.0
    end = min(trace.seconds, start + STRETCH)
    told = TimeInterval(
        record=whole.record,
        start=round(whole.start + start, 2),
        end=round(whole.start + end, 2),
        weight=1.0,
        note=_beats(trace, start, end),
    )
    return (told, *evidence)


def _beats(trace: Trace, start: float, end: float) -> Text:
    at = trace.still.strip.beats / RATE
    inside = at[(at >= start) & (at <= end)]
    gaps = 1000 * trace.intervals(start, end)
    if len(gaps) < 2:
        return Text(en="Most telling stretch", zh="最有提示意义的片段")
    return Text(
        en=f"Most telling stretch: {len(inside)} beats, {gaps.min():.0f} to {gaps.max():.0f} ms "
        "apart",
        zh=f"最有提示意义的片段：{len(inside)} 次心搏，间期 {gaps.min():.0f} 至 "
        f"{gaps.max():.0f} 毫秒",
    )


def moving(trace: Trace, moved: Array) -> Text | None:
    """Say rate and irregularity, and which groups moved the answer most; None of too few beats."""
    known = by_name(trace.features)
    if not np.isfinite(known["rr_median"]):
        return None
    order = np.argsort(-np.abs(moved), kind="stable")[:SHOWN].tolist()
    own: Sequence[Text] = (*groups(), CURVE)
    en = "; ".join(f"{own[k].en} {moved[k]:+.2f}" for k in order)
    zh = "；".join(f"{own[k].zh} {moved[k]:+.2f}" for k in order)
    rate = 60 / max(known["rr_median"], 0.1)
    return Text(
        en=f"Heart rate {rate:.0f}/min, intervals vary by {known['rr_cv']:.0%}. Its log odds moved "
        f"most by: {en}.",
        zh=f"心率 {rate:.0f} 次/分，间期变异 {known['rr_cv']:.0%}。对其对数几率影响最大：{zh}。",
    )
