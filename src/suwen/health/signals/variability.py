"""Heart-rate variability from normal-to-normal intervals, in time and in frequency.

Only intervals between two normal beats count, and none that differs from those around it by more
than a fifth. Too short or too much left out: nothing is said.

References: Task Force of the ESC and NASPE, Circulation 93:1043, 1996 (definitions, bands,
lengths); Malik et al., Eur Heart J 10:1060, 1989 (the fifth); Brennan et al., IEEE Trans Biomed Eng
48:1342, 2001 (SD1 and SD2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import ndimage

from suwen.core.codes import LOINC, SUWEN, Code, Text
from suwen.core.nouns import Band, Finding, Interval, Measure, TimeInterval

Numbers = NDArray[np.float64]
MILLISECONDS: Final = 1000.0
SHORTEST: Final = 60.0
"""Seconds of intervals from which something is said (SDNN and RMSSD of one minute)."""
SPECTRUM_FROM: Final = 120.0
"""Seconds from which the LF band is told: ten of its longest cycles need two minutes and more."""
SEGMENT: Final = 300.0
"""Seconds of one spectrum, and of one mean for SDANN."""
SDANN_FROM: Final = 3600.0
MOST_LEFT_OUT: Final = 0.2
"""Share of intervals that may be left out."""
DIFFERENT: Final = 0.2
"""Share by which an interval may differ from those around it."""
AROUND: Final = 11
"""Intervals that tell what is usual around one."""
PLAUSIBLE: Final = (0.3, 2.5)
"""Seconds between normal beats."""
RESAMPLED: Final = 4.0
"""Hz of the evenly spaced intervals whose spectrum is taken."""
BANDS: Final[Mapping[str, tuple[float, float]]] = {"lf": (0.04, 0.15), "hf": (0.15, 0.40)}


def _code(key: str, en: str, zh: str) -> Code:
    return Code(system=f"{SUWEN}/codes", code=f"hrv-{key}", name=Text(en=en, zh=zh))


VARIABILITY: Final = _code("variability", "Heart-rate variability", "心率变异性")
_NAMES: Final[Mapping[str, tuple[Code, str]]] = {
    "mean_nn": (_code("mean-nn", "Mean NN interval", "平均 NN 间期"), "ms"),
    "sdnn": (Code(system=LOINC, code="80404-7", name=Text(en="SDNN", zh="SDNN")), "ms"),
    "sdann": (_code("sdann", "SDANN", "SDANN"), "ms"),
    "rmssd": (_code("rmssd", "RMSSD", "RMSSD"), "ms"),
    "pnn50": (_code("pnn50", "pNN50", "pNN50"), "%"),
    "sd1": (_code("sd1", "SD1 (Poincaré)", "庞加莱图 SD1"), "ms"),
    "sd2": (_code("sd2", "SD2 (Poincaré)", "庞加莱图 SD2"), "ms"),
    "lf": (_code("lf", "LF power", "低频功率"), "ms2"),
    "hf": (_code("hf", "HF power", "高频功率"), "ms2"),
    "lf_hf": (_code("lf-hf", "LF/HF", "LF/HF"), "1"),
}


@dataclass(frozen=True)
class Variability:
    """What the intervals of a recording say.

    Parameters
    ----------
    values
        By key: `mean_nn`, `sdnn`, `sdann`, `rmssd`, `sd1`, `sd2` in ms, `pnn50` in %, `lf` and
        `hf` in ms², `lf_hf`. What the recording is too short for is not there.
    seconds
        Sum of the intervals it rests on.
    left_out
        Share of intervals left out.
    """

    values: Mapping[str, float]
    seconds: float
    left_out: float

    def measures(self) -> tuple[Measure, ...]:
        """Return coded measures."""
        return tuple(
            Measure(code=code, interval=Interval(value=v, low=v, high=v), unit=unit)
            for key, (code, unit) in _NAMES.items()
            if (v := self.values.get(key)) is not None
        )


def variability(times: Numbers, normal: NDArray[np.bool_]) -> Variability | Text:
    """Return the variability of the rhythm, or why it is not told.

    Parameters
    ----------
    times
        Seconds of all beats, rising, (n,).
    normal
        Which of them are normal and readable, (n,).
    """
    between = np.diff(times)
    kept = normal[:-1] & normal[1:] & usual(between, normal)
    total = float(between[kept].sum())
    left_out = 1 - float(kept.mean()) if len(between) else 1.0
    if total < SHORTEST:
        return Text(
            en=f"Heart-rate variability needs {SHORTEST:.0f} s of normal intervals; there are "
            f"{total:.0f} s.",
            zh=f"心率变异性分析需要 {SHORTEST:.0f} 秒的正常间期，此处仅 {total:.0f} 秒。",
        )
    if left_out > MOST_LEFT_OUT:
        return Text(
            en=f"Heart-rate variability is not told: {left_out:.0%} of the intervals are ectopic, "
            f"unreadable or unlike those around them (at most {MOST_LEFT_OUT:.0%}).",
            zh=f"未给出心率变异性：{left_out:.0%} 的间期为异位、无法辨读或与邻近间期差异过大"
            f"（上限 {MOST_LEFT_OUT:.0%}）。",
        )
    values = in_time(between, kept)
    if total >= SDANN_FROM:
        values["sdann"] = _sdann(times[1:], between, kept)
    if total >= SPECTRUM_FROM and (bands := in_frequency(times[1:][kept], between[kept])):
        values |= bands
    return Variability(values, total, left_out)


def finding(
    task: str, pack: str, whole: TimeInterval, found: Variability | Text, irregular: bool
) -> Finding:
    """Return the variability of a recording as a finding, or that it is not told and why.

    Parameters
    ----------
    task, pack
        Name of the task, identity of the pack that named the beats.
    whole
        The recording.
    found
        What `variability` returned.
    irregular
        Whether the rhythm is irregular throughout, as in atrial fibrillation.
    """
    if isinstance(found, Text):
        return Finding(
            task=task,
            pack=pack,
            code=VARIABILITY,
            band=Band.ABSTAIN,
            reason=found,
            evidence=(whole,),
        )
    en = (
        f"From {found.seconds / 60:.1f} min of normal intervals, {found.left_out:.1%} left out. "
        "What is usual depends on age, posture, time of day and length: compare a person with "
        "themselves."
    )
    zh = (
        f"基于 {found.seconds / 60:.1f} 分钟的正常间期，排除 {found.left_out:.1%}。"
        "正常范围随年龄、体位、时段及记录长度而异，请与本人既往比较。"
    )
    if irregular:
        en += " The rhythm is irregular throughout: the figures do not speak of the vagal tone."
        zh += "全程节律不齐：这些指标不反映自主神经张力。"
    return Finding(
        task=task,
        pack=pack,
        code=VARIABILITY,
        band=Band.GREY,
        reason=Text(en=en, zh=zh),
        measures=found.measures(),
        evidence=(whole,),
    )


def usual(between: Numbers, normal: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which intervals are plausible and within a fifth of the normal ones around, (n - 1,)."""
    inside = (between > PLAUSIBLE[0]) & (between < PLAUSIBLE[1])
    good = np.flatnonzero(inside & normal[:-1] & normal[1:])
    if not len(good):
        return np.zeros(len(between), dtype=bool)
    middle = ndimage.median_filter(between[good], AROUND, mode="nearest")
    expected = np.interp(np.arange(len(between)), good, middle)
    return np.asarray(inside & (np.abs(between - expected) <= DIFFERENT * expected))


def in_time(between: Numbers, kept: NDArray[np.bool_]) -> dict[str, float]:
    """Return the figures in time; differences only between neighbours that both count."""
    nn = MILLISECONDS * between[kept]
    both = kept[:-1] & kept[1:]
    steps = MILLISECONDS * np.diff(between)[both]
    found = {"mean_nn": float(nn.mean()), "sdnn": float(nn.std(ddof=1))}
    if len(steps) > 1:
        sd1 = float(steps.std(ddof=1)) / np.sqrt(2)
        sums = MILLISECONDS * (between[:-1] + between[1:])[both]
        found |= {
            "rmssd": float(np.sqrt((steps * steps).mean())),
            "pnn50": 100 * float((np.abs(steps) > 50).mean()),
            "sd1": sd1,
            "sd2": float(sums.std(ddof=1)) / np.sqrt(2),
        }
    return {key: float(value) for key, value in found.items()}


def _sdann(ends: Numbers, between: Numbers, kept: NDArray[np.bool_]) -> float:
    """Return the standard deviation of the means of five minutes."""
    part = (ends[kept] // SEGMENT).astype(int)
    numbers, place = np.unique(part, return_inverse=True)
    sums = np.bincount(place, MILLISECONDS * between[kept], len(numbers))
    return float((sums / np.bincount(place)).std(ddof=1))


def in_frequency(ends: Numbers, between: Numbers) -> dict[str, float]:
    """Return the power of the bands in ms², the mean over segments of five minutes.

    Intervals are placed at their ends, interpolated by a cubic spline to 4 Hz, the trend of each
    segment removed, a Hann window laid over it.
    """
    spline = scipy.interpolate.CubicSpline(ends, MILLISECONDS * between)
    even = np.arange(ends[0], ends[-1], 1 / RESAMPLED)
    values = spline(even)
    gaps = np.flatnonzero(np.diff(ends) > 2 * PLAUSIBLE[1])
    for k in gaps.tolist():  # a spline runs wild where nothing holds it
        inside = (even > ends[k]) & (even < ends[k + 1])
        values[inside] = np.interp(even[inside], ends[k : k + 2], MILLISECONDS * between[k : k + 2])
    length = min(len(values), int(SEGMENT * RESAMPLED))
    frequency, density = scipy.signal.welch(values, RESAMPLED, "hann", length, detrend="linear")
    power = {}
    for key, (low, high) in BANDS.items():
        inside = (frequency >= low) & (frequency < high)
        power[key] = float(scipy.integrate.trapezoid(density[inside], frequency[inside]))
    if not power["hf"] > 0:
        return {}
    return power | {"lf_hf": power["lf"] / power["hf"]}
