"""Where a long recording fibrillates: the strips of half a minute that are asked, and the runs.

Each half minute is one strip, of the length the pack of `health.af` learnt from. Only strips whose
intervals change from beat to beat are asked, the others cannot be fibrillation; a day is then
answered in seconds. Two neighbouring strips make a run: guidelines call half a minute enough for a
diagnosis, but among the thousands of strips of a day single false ones are expected.

References: Hindricks et al., Eur Heart J 42:373, 2021 (ESC guidelines: 30 s make a diagnosis);
Sarkar et al., IEEE Trans Biomed Eng 55:1219, 2008 (changes from interval to interval).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.nouns import Band, Finding, Interval, Measure, TimeInterval
from suwen.health.af.features import NO_VALUE, Trace
from suwen.health.signals.qrs import HIGHEST_RATE, LOWEST_RATE, Numbers, qrs_times
from suwen.health.signals.tables import (
    STRETCHES,
    Stretch,
    attached,
    clock,
    read_stretches,
    stretches_attachment,
)

STRIP: Final = 30.0
"""Seconds of a strip that is asked."""
CHANGING: Final = 0.03
"""Median change between neighbouring intervals, as a share of them, from which a strip is asked:
95 % of the strips of CinC 2017 that readers called fibrillation lie above."""
FEWEST: Final = 10
"""Beats that a strip must have."""
MOST_ASKED: Final = 120
"""Most strips asked; of more, evenly chosen ones answer for their neighbours."""
SURE: Final = 2
"""Strips in a row that make a run; one alone is told as possible."""
FIBRILLATION_CODE: Final = "164889003"
"""SNOMED CT: atrial fibrillation on an ECG."""
SHOWN: Final = 6
"""Runs named as evidence, the longest first."""
BURDEN: Final = Code(
    system=f"{SUWEN}/codes",
    code="af-burden",
    name=Text(en="Atrial fibrillation burden", zh="心房颤动负荷"),
)
LONGEST: Final = Code(
    system=f"{SUWEN}/codes",
    code="af-longest",
    name=Text(en="Longest atrial fibrillation", zh="最长心房颤动持续时间"),
)
EPISODES: Final = Code(
    system=f"{SUWEN}/codes",
    code="af-episodes",
    name=Text(en="Stretches of atrial fibrillation", zh="心房颤动阵数"),
)

Asked = Callable[[Sequence[Trace]], list[Interval | None]]
"""Returns for each strip the probability of fibrillation, None where another rhythm is likelier."""


class Runs(NamedTuple):
    """Where a recording fibrillates, in order of time, and the probability of the surest strip."""

    stretches: tuple[Stretch, ...]
    surest: Interval


def changing(times: Numbers, seconds: float) -> list[int]:
    """Return which strips of `STRIP` seconds have intervals that change from beat to beat."""
    count = int(seconds // STRIP)
    edges = np.searchsorted(times, np.arange(count + 1) * STRIP)
    found = []
    for k in range(count):
        between = np.diff(times[edges[k] : edges[k + 1]])
        if len(between) < FEWEST:
            continue
        steps = np.abs(np.diff(between)) / np.median(between)
        if np.median(steps) >= CHANGING:
            found.append(k)
    return found


def runs(whole: Trace, asked: Asked) -> Runs | None:
    """Return where a recording fibrillates; None where no strip does, or its rate is no ECG's."""
    if not LOWEST_RATE <= whole.rate <= HIGHEST_RATE:
        return None
    candidates = changing(qrs_times(_values(whole), whole.rate), whole.seconds)
    step = max(1, -(-len(candidates) // MOST_ASKED))
    chosen = candidates[step // 2 :: step] or candidates[:1]
    strips = [_strip(whole, k) for k in chosen]
    answers = asked(strips) if strips else []
    known = [
        one if one is not None and strip.readable else None
        for strip, one in zip(strips, answers, strict=True)
    ]
    there = [one for one in known if one is not None]
    if not there:
        return None
    told = np.zeros(int(whole.seconds // STRIP) + 1)
    nearest = np.abs(np.subtract.outer(candidates, chosen)).argmin(1)
    told[candidates] = np.array([0.0 if one is None else one.value for one in known])[nearest]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], told > 0, [False]]).astype(int)))
    return Runs(
        tuple(
            Stretch(first * STRIP, end * STRIP, float(told[first:end].mean()))
            for first, end in edges.reshape(-1, 2).tolist()
        ),
        max(there, key=lambda one: one.value),
    )


def _values(whole: Trace) -> NDArray[np.float32]:
    """Return millivolts in as few bytes as serve for finding beats, (n,)."""
    values = whole.steps * np.float32(whole.size)
    values[whole.steps == NO_VALUE] = np.nan
    return values


def _strip(whole: Trace, number: int) -> Trace:
    first, end = (round(k * STRIP * whole.rate) for k in (number, number + 1))
    return Trace(whole.steps[first:end], whole.size, whole.rate)


def finding(said: Finding, record: str, seconds: float, found: Runs, code: Code) -> Finding:
    """Return what the runs of a recording come to.

    Parameters
    ----------
    said
        What was said of the newest part: its task and pack are those of this finding too.
    record, seconds
        The recording and its length.
    found
        Its runs.
    code
        Fibrillation.
    """
    stretches = found.stretches
    total, longest = sum(one.seconds for one in stretches), max(one.seconds for one in stretches)
    surely = longest >= SURE * STRIP
    shown = sorted(stretches, key=lambda one: (-one.seconds, one.start))[:SHOWN]
    return Finding(
        task=said.task,
        pack=said.pack,
        code=code,
        band=Band.RULE_IN if surely else Band.GREY,
        reason=_reason(stretches, seconds, surely),
        measures=(
            _exact(BURDEN, round(100 * total / seconds, 2), "%"),
            _exact(EPISODES, len(stretches), "1"),
            _exact(LONGEST, longest, "s"),
        ),
        probability=found.surest,
        evidence=tuple(_place(record, one, seconds) for one in shown),
        attachments=(stretches_attachment(stretches),),
        valid_until=said.valid_until,
    )


def fibrillating(earlier: Sequence[Finding], record: str) -> tuple[tuple[float, float], ...]:
    """Return where findings of `health.af` tell fibrillation of a recording within their budget.

    Start and end in seconds. Of the runs of a long recording those that are sure; where the table
    beside a finding is not at hand, the places it names.
    """
    found: list[tuple[float, float]] = []
    for one in earlier:
        if one.band is not Band.RULE_IN or one.code.code != FIBRILLATION_CODE:
            continue
        places = [p for p in one.evidence if isinstance(p, TimeInterval) and p.record == record]
        table = attached(one, STRETCHES)
        if not places:
            continue
        if table is not None and table.data is not None:
            found += sure(read_stretches(table.data))
        else:
            found += [(place.start, place.end) for place in places]
    return joined(found)


def sure(found: Sequence[Stretch]) -> tuple[tuple[float, float], ...]:
    """Return start and end of the runs that are no single strip."""
    return tuple((one.start, one.end) for one in found if one.seconds >= SURE * STRIP)


def joined(spans: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return spans in order of time, those that touch as one."""
    found: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def _exact(code: Code, value: float, unit: str) -> Measure:
    return Measure(code=code, interval=Interval(value=value, low=value, high=value), unit=unit)


def _place(record: str, one: Stretch, seconds: float) -> TimeInterval:
    return TimeInterval(
        record=record,
        start=one.start,
        end=min(one.end, seconds),
        weight=one.probability,
        note=Text(
            en=f"{clock(one.start)}: atrial fibrillation for {clock(one.seconds)} "
            f"(probability {one.probability:.0%})",
            zh=f"{clock(one.start)}：心房颤动，持续 {clock(one.seconds)}"
            f"（概率 {one.probability:.0%}）",
        ),
    )


def _reason(found: Sequence[Stretch], seconds: float, surely: bool) -> Text:
    total = sum(one.seconds for one in found)
    share = f"{total / seconds:.1%}"
    longest = clock(max(one.seconds for one in found))
    if surely:
        times = "once" if len(found) == 1 else f"{len(found)} times"
        return Text(
            en=f"In {clock(seconds)} the rhythm is most probably atrial fibrillation {times}, for "
            f"{share} of the time, at most {longest} at a stretch; told in steps of {STRIP:.0f} s.",
            zh=f"在 {clock(seconds)} 内，心律最可能为心房颤动 {len(found)} 阵，占总时长 {share}，"
            f"最长持续 {longest}；以 {STRIP:.0f} 秒为步长判定。",
        )
    strips = (
        f"a single strip of {STRIP:.0f} s" if len(found) == 1 else f"{len(found)} single strips"
    )
    return Text(
        en=f"In {clock(seconds)}, {strips} looks most like atrial fibrillation. Single strips are "
        "often false in a long recording: look at them.",
        zh=f"在 {clock(seconds)} 内，有 {len(found)} 个孤立的 {STRIP:.0f} 秒片段最像心房颤动。"
        "长程记录中孤立片段常为假阳性，请人工查看。",
    )
