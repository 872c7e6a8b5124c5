"""Does a readable signal contradict an arrhythmia alarm of a monitor?

An alarm is contradicted where a signal of good quality shows a heart at work that cannot be
reconciled with it; an unreadable signal contradicts nothing, so that no noise silences an alarm,
and a pulse wave taken in movement contradicts nothing either: steps look like pulses.

References: Clifford et al., Comput Cardiol 42:273, 2015 (the alarms and what defines them:
asystole, no beat for 4 s; ventricular tachycardia, five beats at 100 a minute and more);
Aboukhalil et al., J Biomed Inform 41:442, 2008 (pulse against ECG alarms).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import Text
from suwen.health.signals.quality import POOR, WINDOW, Quality, ecg_quality, overall, ppg_quality
from suwen.health.signals.strip import RATE, Signal, lost_parts, pulses_of, strip_of

Alarm = Literal["asystole", "ventricular-tachycardia"]
NO_BEAT: Final = 4.0
"""Seconds without a beat that are an asystole."""
FAST, BEATS = 100.0, 5
"""So many beats at so many a minute are a tachycardia."""
LOOKED_BACK: Final = 2 * WINDOW
"""Seconds before the alarm that are looked at; the newest window decides about quality."""


@dataclass(frozen=True)
class Heard:
    """One signal up to the moment of the alarm.

    `kind` is `ecg` or `ppg`, `values` (n,) with NaN for gaps, `rate` samples a second; `moving`
    where the person moved in its newest window, as far as anything tells.
    """

    name: str
    kind: Literal["ecg", "ppg"]
    values: Signal
    rate: float
    moving: bool = False


@dataclass(frozen=True)
class Verdict:
    """Whether the alarm is contradicted, the quality of each signal, and why."""

    contradicted: bool
    qualities: tuple[Quality, ...]
    reason: Text


def verdict(alarm: Alarm, signals: Sequence[Heard]) -> Verdict:
    """Judge an alarm by the seconds before it.

    Parameters
    ----------
    alarm
        What the monitor said.
    signals
        Each up to the alarm, `LOOKED_BACK` or more.
    """
    qualities, against, moved = list[Quality](), list[str](), list[str]()
    for one in signals:
        piece = one.values[-round(LOOKED_BACK * one.rate) :]
        found = (ecg_quality if one.kind == "ecg" else ppg_quality)(piece, one.rate)
        qualities.append(overall(found[-1:]))
        # an ECG alarm came from the ECG: only a pulse speaks against a missing beat
        asked = one.kind == "ppg" or alarm == "ventricular-tachycardia"
        if asked and found[-1].index >= POOR and _denies(alarm, _beats(one, piece)):
            (moved if one.kind == "ppg" and one.moving else against).append(one.name)
    if against:
        names = ", ".join(against)
        reason = Text(
            en=f"{names}: readable, and a heart beats in it that this alarm denies.",
            zh=f"{names}：信号可判读，其中的心搏与该报警矛盾。",
        )
    elif moved:
        reason = Text(
            en="A pulse stands against it, but taken in movement, where steps look like pulses: "
            "look at the patient.",
            zh="脉搏波与之矛盾，但在运动中测得，不足为凭：请查看患者。",
        )
    elif any(one.index >= POOR for one in qualities):
        reason = Text(en="Nothing readable contradicts it.", zh="可判读的信号未与之矛盾。")
    else:
        reason = Text(
            en="No signal is readable: look at the patient.", zh="无可判读信号：请查看患者。"
        )
    return Verdict(bool(against), tuple(qualities), reason)


def _beats(one: Heard, piece: Signal) -> NDArray[np.float64]:
    """Return the beats of the newest window, in seconds from its start."""
    filled = lost_parts(piece, one.rate).filled
    beats = (
        strip_of(filled, one.rate).beats if one.kind == "ecg" else pulses_of(filled, one.rate)[1]
    )
    at = beats / RATE - (len(piece) / one.rate - WINDOW)
    return np.asarray(at[at >= 0])


def _denies(alarm: Alarm, at: NDArray[np.float64]) -> bool:
    if alarm == "asystole":
        return bool(np.diff([0.0, *at, WINDOW]).max() < NO_BEAT)
    if len(at) < BEATS:
        return False
    fastest = 60 * (BEATS - 1) / (at[BEATS - 1 :] - at[: -(BEATS - 1)]).min()
    return bool(fastest < FAST)
