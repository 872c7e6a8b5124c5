"""What the classes of all beats of a recording come to, in words and with the places to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from suwen.core.codes import LOINC, SUWEN, Code, Text
from suwen.core.nouns import Band, Evidence, Finding, Interval, Measure, TimeInterval
from suwen.health.af.task import AF
from suwen.health.beats.features import IRREGULAR, Beats, names
from suwen.health.beats.named import PAUSE, RUN, Run, Said
from suwen.health.readings.doubts import moved_meanwhile
from suwen.health.signals.qrs import Numbers
from suwen.health.signals.tables import beats_attachment, clock
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.pack import Pack


def _code(code: str, en: str, zh: str) -> Code:
    return Code(system=f"{SUWEN}/codes", code=code, name=Text(en=en, zh=zh))


NORMAL: Final = _code("n", "Normal and bundle branch block beats (N)", "正常及束支阻滞搏动（N）")
SUPRAVENTRICULAR: Final = _code("s", "Supraventricular ectopic beats (S)", "室上性异位搏动（S）")
VENTRICULAR: Final = _code("v", "Ventricular ectopic beats (V)", "室性异位搏动（V）")
FUSION: Final = _code("f", "Fusion beats (F)", "融合搏动（F）")
CLASSES: Final = (NORMAL, SUPRAVENTRICULAR, VENTRICULAR, FUSION)
ECTOPIC: Final = _code("ectopic-beats", "Ectopic beats", "异位搏动")
ALL: Final = _code("beats", "Beats read", "分析的搏动数")
BURDENS: Final = {
    1: _code("s-burden", "Supraventricular ectopic burden", "室上性异位搏动负荷"),
    2: _code("v-burden", "Ventricular ectopic burden", "室性异位搏动负荷"),
}
LONGEST_RUN: Final = _code(
    "v-longest-run", "Longest run of ventricular beats", "室性搏动最长连续数"
)
LONGEST: Final = _code("longest-interval", "Longest time without a beat", "最长无搏动时间")
RATE: Final = Code(system=LOINC, code="8867-4", name=Text(en="Heart rate", zh="心率"))
NAMES: Final = {
    1: Text(en="supraventricular", zh="室上性"),
    2: Text(en="ventricular", zh="室性"),
    3: Text(en="fusion", zh="融合"),
}
LEAST_BEATS, LEAST_SECONDS = 10, 10.0
MOST_POOR: Final = 0.5
"""Share of a recording that may be unreadable before nothing is said."""
SHOWN: Final = 6
"""Places named as evidence."""
DOUBTS: Final = 2
"""Unreadable places named beside them."""
ROUND_IT: Final = 0.4
"""Seconds shown on both sides of a beat."""


def unread(data: Beats) -> list[Text]:
    """Say why nothing is said of a recording; nothing where something is.

    One beat alone, as in the development data, is read.
    """
    if data.seconds == 0 and len(data):
        return []
    if data.seconds < LEAST_SECONDS:
        return [
            Text(
                en=f"The recording of {data.seconds:.0f} s is shorter than {LEAST_SECONDS:.0f} s.",
                zh=f"记录仅 {data.seconds:.0f} 秒，短于 {LEAST_SECONDS:.0f} 秒。",
            )
        ]
    lost = float((data.poor[:, 1] - data.poor[:, 0]).sum()) / data.seconds
    if lost > MOST_POOR:
        moved = moved_meanwhile(data.moving)
        return [
            Text(
                en=f"{lost:.0%} of the recording cannot be read: signal missing, flat, clipped or "
                f"too noisy. {moved.en}".rstrip(),
                zh=f"记录中有 {lost:.0%} 无法辨读：信号缺失、平直、削顶或噪声过大。{moved.zh}",
            )
        ]
    if len(data) < LEAST_BEATS:
        return [
            Text(
                en=f"Only {len(data)} beats were found in {data.seconds:.0f} s: what is usual for "
                "this person cannot be told from so few. If the electrodes were on, look at the "
                "recording at once.",
                zh=f"{data.seconds:.0f} 秒内仅检出 {len(data)} 个搏动，不足以判断此人的常态。"
                "若电极连接良好，请立即查看原始记录。",
            )
        ]
    return []


def irregular(data: Beats) -> bool:
    """Say whether intervals scatter throughout, as they do in atrial fibrillation."""
    return bool(np.median(data.rows[:, names().index("scatter")]) > IRREGULAR)


def finding(pack: Pack, sample: Sample, said: Said, task: str) -> Finding:
    """Return what is said of a recording: counts, burdens, the band, and the places to look at."""
    runs = said.runs()
    band = _band(pack, said)
    return Finding(
        task=task,
        pack=pack.identity,
        code=ECTOPIC,
        band=band,
        reason=_reason(said, runs, band),
        measures=tuple(_measures(said, runs)),
        evidence=_places(sample, said, runs) or sample.evidence,
        attachments=(beats_attachment(said.table()),) if said.data.seconds else (),
    )


def _band(pack: Pack, said: Said) -> Band:
    """Return rule-in with one sure ectopic beat, rule-out where every beat is surely normal."""
    cuts = pack.answers.class_thresholds
    chances = said.probability[said.read]
    sure = np.take_along_axis(chances, chances.argmax(1)[:, None], axis=1)[:, 0]
    limits = np.array(cuts.rule_in)[chances.argmax(1)]
    if (said.ectopic[said.read] & (sure >= limits)).any():
        return Band.RULE_IN
    start, end = said.longest
    quiet = not said.doubtful and end - start < PAUSE
    if not said.ectopic.any() and quiet and (1 - chances[:, 0] < cuts.rule_out).all():
        return Band.RULE_OUT
    return Band.GREY


def _measures(said: Said, runs: Sequence[Run]) -> list[Measure]:
    read = int(said.read.sum())
    found = [_exact(ALL, read, "1")]
    for kind in (1, 2, 3):
        count = said.count(kind)
        if kind == 3 and not count.high:
            continue
        found.append(Measure(code=CLASSES[kind], interval=count, unit="1"))
        if kind in BURDENS:
            share = {name: 100 * getattr(count, name) / read for name in ("value", "low", "high")}
            found.append(Measure(code=BURDENS[kind], interval=Interval(**share), unit="%"))
    longest = max((len(run) for run in runs if run.kind == 2), default=0)
    if longest > 1:
        found.append(_exact(LONGEST_RUN, longest, "1"))
    if said.data.seconds:
        start, end = said.longest
        found.append(_exact(LONGEST, round(end - start, 2), "s"))
        found.append(_exact(RATE, round(60 / float(np.median(np.diff(said.data.at)))), "/min"))
    return found


def _exact(code: Code, value: float, unit: str) -> Measure:
    return Measure(code=code, interval=Interval(value=value, low=value, high=value), unit=unit)


def _reason(said: Said, runs: Sequence[Run], band: Band) -> Text:
    read, named = int(said.read.sum()), said.named[said.read]
    counts = {kind: int((named == kind).sum()) for kind in NAMES}
    some = [kind for kind in NAMES if counts[kind]]
    en = ", ".join(f"{counts[k]} {NAMES[k].en} ({_share(counts[k], read)})" for k in some)
    zh = "，".join(f"{NAMES[k].zh} {counts[k]} 个（{_share(counts[k], read)}）" for k in some)
    salvos = [run for run in runs if len(run) >= RUN and run.kind == 2]
    if salvos:
        runs_en = "run" if len(salvos) == 1 else "runs"
        en += f"; {len(salvos)} ventricular {runs_en} of {RUN} and more, the longest "
        en += f"{len(salvos[0])}"
        zh += f"；连续 {RUN} 个及以上的室性搏动 {len(salvos)} 阵，最长 {len(salvos[0])} 个"
    start, end = said.longest
    if end - start >= PAUSE:
        en = f"{en or 'no ectopic beat'}; no beat was found for {end - start:.1f} s"
        zh = f"{zh or '未见异位搏动'}；有 {end - start:.1f} 秒未检出搏动"
    length = clock(said.data.seconds)
    tail = _with_doubts(said, _TAILS[band])
    if counts[1] and not said.data.fibrillating and irregular(said.data):
        tail = Text(en=f"{_FIBRILLATION.en} {tail.en}", zh=f"{_FIBRILLATION.zh}{tail.zh}")
    if said.data.fibrillating:
        why = _left_out(said.data)
        tail = Text(en=f"{why.en} {tail.en}", zh=f"{why.zh}{tail.zh}")
    return Text(
        en=f"In {length}, {read} beats were read: {en or 'no ectopic beat'}. {tail.en}",
        zh=f"在 {length} 内分析 {read} 个搏动：{zh or '未见异位搏动'}。{tail.zh}",
    )


def _with_doubts(said: Said, tail: Text) -> Text:
    """Say too how much could not be read, and that something there looks ventricular."""
    gone = float((said.data.poor[:, 1] - said.data.poor[:, 0]).sum())
    if not gone:
        return tail
    en, zh = f"{tail.en} {gone:.0f} s could not be read", f"{tail.zh}有 {gone:.0f} 秒无法辨读"
    if said.doubtful:
        en += "; something there looks ventricular, or is noise: look at it"
        zh += "，其中有疑似室性波形或噪声，请人工查看"
    moved = moved_meanwhile(said.data.moving)
    return Text(en=f"{en}. {moved.en}".rstrip(), zh=f"{zh}。{moved.zh}")


def _left_out(data: Beats) -> Text:
    """Say that early beats of fibrillation are no ectopy, and of how long that is."""
    seconds = sum(end - start for start, end in data.fibrillating)
    return Text(
        en=f"{clock(seconds)} of it is atrial fibrillation ({AF}): early beats there are not "
        "counted as supraventricular, wide ones are counted as ventricular.",
        zh=f"其中 {clock(seconds)} 为心房颤动（{AF}）：其间提前的搏动不计为室上性异位，"
        "宽大搏动仍计为室性。",
    )


_FIBRILLATION: Final = Text(
    en="The rhythm is irregular throughout: if it is atrial fibrillation, its early beats are no "
    "supraventricular ectopy.",
    zh="心律自始至终不齐：若为心房颤动，其中提前的搏动不属于室上性异位搏动。",
)
_TAILS: Final[Mapping[Band, Text]] = {
    Band.RULE_IN: Text(
        en="At least one of them is beyond the stated share of false alarms; look at the places "
        "named.",
        zh="其中至少一个超过既定假警报界限；请查看所列时段。",
    ),
    Band.GREY: Text(
        en="None is sure enough to be called so within the stated error budget, and not all "
        "beats are surely normal.",
        zh="在既定误差预算内尚无足够把握的异位搏动，也不能断定全部搏动正常。",
    ),
    Band.RULE_OUT: Text(
        en="Every beat that was read is normal within the stated share of misses.",
        zh="在既定漏检界限内，所分析的搏动均属正常。",
    ),
}


def _places(sample: Sample, said: Said, runs: Sequence[Run]) -> tuple[Evidence, ...]:
    """Return the runs first, then the surest beats of each class in turn."""
    record = sample.evidence[0].record if sample.evidence else ""
    if not record or not said.data.seconds:
        return ()
    chosen = [run for run in runs if len(run) >= RUN][: SHOWN // 2]
    rest = [run for run in runs if run not in chosen]
    rest.sort(key=lambda run: (-run.chance, run.first))
    while rest and len(chosen) < SHOWN:
        fewest = min({run.kind for run in rest}, key=[run.kind for run in chosen].count)
        chosen.append(next(run for run in rest if run.kind == fewest))
        rest.remove(chosen[-1])
    places = [_place(record, said.data, run) for run in chosen]
    start, end = said.longest
    if end - start >= PAUSE:
        places.insert(0, _pause(record, start, end))
    return (*places, *(_doubt(record, start, end) for start, end in said.doubtful[:DOUBTS]))


def _pause(record: str, start: float, end: float) -> TimeInterval:
    return TimeInterval(
        record=record,
        start=start,
        end=end,
        note=Text(
            en=f"{clock(start)}: no beat was found for {end - start:.1f} s: pause, or beats lost",
            zh=f"{clock(start)}：{end - start:.1f} 秒未检出搏动：停搏或漏检",
        ),
    )


def _doubt(record: str, start: float, end: float) -> TimeInterval:
    return TimeInterval(
        record=record,
        start=start,
        end=end,
        weight=0.0,
        note=Text(
            en=f"{clock(start)}: cannot be read; ventricular beats or noise",
            zh=f"{clock(start)}：无法辨读；室性搏动或噪声",
        ),
    )


def _place(record: str, data: Beats, run: Run) -> TimeInterval:
    start, end = (float(data.at[k]) for k in (run.first, run.last))
    name, count = NAMES[run.kind], len(run)
    chance = f"{run.chance:.0%}"
    return TimeInterval(
        record=record,
        start=max(0.0, start - ROUND_IT),
        end=min(data.seconds, end + ROUND_IT),
        weight=run.chance,
        note=Text(
            en=f"{clock(start)}: "
            + (f"{count} {name.en} beats in a row" if count > 1 else f"{name.en} beat")
            + f" (probability up to {chance})",
            zh=f"{clock(start)}："
            + (f"连续 {count} 个{name.zh}搏动" if count > 1 else f"{name.zh}搏动")
            + f"（概率最高 {chance}）",
        ),
    )


def _share(count: int, of: int) -> str:
    return "<0.1%" if count < 0.001 * of else f"{count / of:.1%}"


def with_reasons(
    evidence: Sequence[Evidence], at: float, moved: Numbers, groups: Sequence[Text]
) -> tuple[Evidence, ...]:
    """Return the evidence with what moved the answer of the beat at `at` told where it stands."""
    first, second = np.argsort(-np.asarray(moved), kind="stable")[:2].tolist()
    en = f"most for it: {groups[first].en}, {groups[second].en}"
    zh = f"主要依据：{groups[first].zh}、{groups[second].zh}"
    found: list[Evidence] = []
    for one in evidence:
        if isinstance(one, TimeInterval) and one.start <= at <= one.end and one.note:
            note = Text(en=f"{one.note.en}; {en}", zh=f"{one.note.zh}；{zh}")
            found.append(one.model_copy(update={"note": note}))
        else:
            found.append(one)
    return tuple(found)
