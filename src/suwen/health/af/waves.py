"""What the beats of a strip look like: QRS and T waves, P waves before them, the line between.

References: Zabihi et al. and Datta et al., Comput Cardiol 44, 2017 (features of the challenge);
Petrenas et al., Comput Biol Med 2015 (line between beats after the beats are taken away).
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray

from suwen.health.signals.strip import RATE, Signal, Strip

BEFORE, AFTER = round(0.30 * RATE), round(0.50 * RATE)
P_FROM, P_TO = round(0.26 * RATE), round(0.06 * RATE)
QRS_HALF: Final = round(0.07 * RATE)
T_FROM, T_TO = round(0.12 * RATE), round(0.42 * RATE)
SHAPE: Final = 32
"""Points of the average beat that are kept as numbers."""


def waves(strip: Strip) -> dict[str, float]:
    """Return numbers of the waves of a strip; few where it has hardly a beat."""
    inside = strip.beats[(strip.beats >= BEFORE) & (strip.beats < len(strip.clean) - AFTER)]
    if len(inside) < 4:
        return {}
    beats = strip.clean[inside[:, None] + np.arange(-BEFORE, AFTER)]
    beats = beats - np.median(beats, axis=1, keepdims=True)
    average = np.median(beats, axis=0)
    alike = _likeness(beats[:, BEFORE - QRS_HALF : BEFORE + QRS_HALF], average)
    good = beats[alike >= min(0.9, float(np.median(alike)))]
    average = np.median(good, axis=0)
    height = float(np.ptp(average[BEFORE - QRS_HALF : BEFORE + QRS_HALF])) + 1e-6
    gaps = np.diff(strip.beats) / RATE
    found = _agreement(beats, average, height) | _qrs(average, height) | _t(average, height, gaps)
    found |= _p(good, average, height) | _shape(average, height)
    found |= _between(strip, inside, average, height, gaps)
    return found | _kinds(beats, inside, strip, height)


def _likeness(pieces: Signal, average: Signal) -> Signal:
    own = average[BEFORE - QRS_HALF : BEFORE + QRS_HALF]
    return correlation(pieces, own)


def correlation(pieces: Signal, template: Signal) -> Signal:
    """Return the correlation of each row, (..., m), with a template, (m,): (...)."""
    one = pieces - pieces.mean(-1, keepdims=True)
    other = template - template.mean()
    size = np.sqrt((one**2).sum(-1) * (other**2).sum())
    return np.asarray(one @ other / (size + 1e-9))


def _agreement(beats: Signal, average: Signal, height: float) -> dict[str, float]:
    """Say how alike the beats are: their QRS, the whole of them, their first component."""
    whole, qrs = (
        correlation(beats, average),
        correlation(
            beats[:, BEFORE - QRS_HALF : BEFORE + QRS_HALF],
            average[BEFORE - QRS_HALF : BEFORE + QRS_HALF],
        ),
    )
    heights = np.ptp(beats[:, BEFORE - QRS_HALF : BEFORE + QRS_HALF], axis=1)
    found = {
        "alike": float(np.median(whole)),
        "alike_mean": float(whole.mean()),
        "alike_low": float(np.quantile(whole, 0.1)),
        "qrs_alike": float(np.median(qrs)),
        "qrs_alike_mean": float(qrs.mean()),
        "qrs_alike_low": float(np.quantile(qrs, 0.1)),
        "qrs_unlike": float((qrs < 0.8).mean()),
        "heights_cv": float(heights.std() / heights.mean()),
        "heights_max": float(heights.max() / np.median(heights)),
        "noise": float(np.median((beats - average).std(1)) / height),
        "height": height,
    }
    for name, piece in (
        ("first", beats),
        ("p_first", beats[:, BEFORE - P_FROM : BEFORE - P_TO]),
        ("t_first", beats[:, BEFORE + T_FROM : BEFORE + T_TO]),
    ):
        power = np.linalg.svd(piece - piece.mean(1, keepdims=True), compute_uv=False) ** 2
        found[f"{name}_component"] = float(power[0] / (power.sum() + 1e-12))
    return found


def _qrs(average: Signal, height: float) -> dict[str, float]:
    piece = average[BEFORE - 45 : BEFORE + 45]
    steep = np.abs(np.gradient(piece))
    over = np.flatnonzero(steep > 0.12 * steep.max())
    close = over[np.abs(over - 45) < 33]
    level = np.median(average[BEFORE - P_TO : BEFORE - QRS_HALF // 2])
    tall = np.flatnonzero(piece - level > 0.5 * (piece[45] - level))
    return {
        "qrs_width": float(np.ptp(close) / RATE) if len(close) else 0.0,
        "qrs_half_width": float(len(tall) / RATE),
        "q_depth": float((level - piece[45 - 18 : 45].min()) / height),
        "s_depth": float((level - piece[45 : 45 + 24].min()) / height),
        "r_height": float((piece[45] - level) / height),
        "qrs_area": float(np.abs(piece[27:66] - level).mean() / height),
        "slope_up": float(np.gradient(piece)[20:46].max() / height),
        "slope_down": float(-np.gradient(piece)[44:70].min() / height),
        "turns": float((np.diff(np.sign(np.diff(piece[15:75]))) != 0).sum()),
    }


def _t(average: Signal, height: float, gaps: Signal) -> dict[str, float]:
    level = float(np.median(average[BEFORE - P_TO - 6 : BEFORE - P_TO + 6]))
    end = BEFORE + min(T_TO, round(0.7 * float(np.median(gaps)) * RATE))
    piece = average[BEFORE + T_FROM : max(end, BEFORE + T_FROM + 20)] - level
    top = int(np.argmax(np.abs(piece)))
    return {
        "t_height": float(piece[top] / height),
        "t_max": float(piece.max() / height),
        "t_min": float(piece.min() / height),
        "t_at": float((T_FROM + top) / RATE),
        "t_at_corrected": float((T_FROM + top) / RATE / np.sqrt(np.median(gaps))),
        "st_level": float((average[BEFORE + round(0.08 * RATE)] - level) / height),
        "st_slope": float(
            (average[BEFORE + round(0.12 * RATE)] - average[BEFORE + round(0.07 * RATE)]) / height
        ),
    }


def levelled(pieces: Signal) -> Signal:
    """Take the straight line between both ends from each row."""
    edge = max(1, pieces.shape[1] // 10)
    first, last = pieces[:, :edge].mean(1), pieces[:, -edge:].mean(1)
    line = np.linspace(0, 1, pieces.shape[1])
    return np.asarray(pieces - first[:, None] - (last - first)[:, None] * line)


def _p(beats: Signal, average: Signal, height: float) -> dict[str, float]:
    """Look for one wave before each QRS, always the same."""
    pieces = levelled(beats[:, BEFORE - P_FROM : BEFORE - P_TO])
    mean = np.median(pieces, axis=0)
    own = correlation(pieces, mean)
    rest = pieces - mean
    bump = np.exp(-0.5 * ((np.arange(-15, 16)) / 6.5) ** 2)
    bump -= bump.mean()
    views = np.lib.stride_tricks.sliding_window_view(mean, len(bump))
    fits = correlation(views, bump)
    each = correlation(np.lib.stride_tricks.sliding_window_view(pieces, len(bump), axis=1), bump)
    where = each.argmax(1)
    top = int(np.argmax(mean))
    return {
        "p_height": float(mean.max() / height),
        "p_low": float(mean.min() / height),
        "p_at": float((P_FROM - top) / RATE),
        "p_alike": float(np.median(own)),
        "p_alike_mean": float(own.mean()),
        "p_share": float((own > 0.7).mean()),
        "p_signal": float(mean.std() / (rest.std() + 1e-9)),
        "p_std": float(mean.std() / height),
        "p_noise": float(rest.std() / height),
        "p_fit": float(fits.max()),
        "p_fit_at": float((P_FROM - 15 - int(fits.argmax())) / RATE),
        "p_each_fit": float(np.median(each.max(1))),
        "p_each_spread": float(where.std() / RATE),
        "p_each_same": float((np.abs(where - np.median(where)) < 5).mean()),
        "p_area": float(mean.mean() / height),
    }


def _shape(average: Signal, height: float) -> dict[str, float]:
    """Return the average beat itself, at `SHAPE` places."""
    edges = np.linspace(0, len(average), SHAPE + 1).astype(int)
    return {
        f"shape_{k:02d}": float(average[a:b].mean() / height)
        for k, (a, b) in enumerate(itertools.pairwise(edges))
    }


def _between(
    strip: Strip, beats: NDArray[np.int64], average: Signal, height: float, gaps: Signal
) -> dict[str, float]:
    """Take the average beat away from each beat; what is left between them are f waves, or not."""
    rest = strip.clean.copy()
    last = BEFORE + min(AFTER, round(0.75 * float(np.median(gaps)) * RATE))
    piece = average[:last] * np.hanning(2 * last)[:last].clip(0.0, 1.0).clip(1.0)
    for beat in beats.tolist():
        part = strip.clean[beat - BEFORE : beat - BEFORE + last]
        scale = float(np.clip(part @ piece / (piece @ piece + 1e-9), 0, 2))
        rest[beat - BEFORE : beat - BEFORE + last] -= scale * piece
    hidden = np.zeros(len(rest), dtype=bool)
    for beat in strip.beats.tolist():
        hidden[max(0, beat - 24) : beat + 30] = True
    quiet = np.where(hidden, 0.0, rest)
    quiet = np.clip(quiet, -0.5 * height, 0.5 * height)
    at, power = scipy.signal.welch(quiet, RATE, nperseg=min(len(quiet), 4 * RATE), nfft=4 * RATE)
    known = (at >= 1) & (at <= 25)
    total = float(power[known].sum()) + 1e-12
    found = {
        f"rest_{low}_{high}": float(power[(at >= low) & (at < high)].sum()) / total
        for low, high in ((1, 3), (3, 5), (5, 7), (7, 9), (9, 12), (12, 25))
    }
    wave = (at >= 3.5) & (at <= 10)
    peak = int(np.argmax(np.where(wave, power, 0)))
    near = (np.abs(at - at[peak]) <= 0.6) & wave
    share = power[wave] / (power[wave].sum() + 1e-12)
    return found | {
        "rest_peak": float(at[peak]),
        "rest_peaked": float(power[near].sum() / (power[wave].sum() + 1e-12)),
        "rest_entropy": float(-(share * np.log(share + 1e-12)).sum()),
        "rest_size": float(quiet[~hidden].std() / height) if (~hidden).any() else 0.0,
        "rest_wave": float(np.sqrt(power[wave].sum()) / height),
    }


def _kinds(
    beats: Signal, inside: NDArray[np.int64], strip: Strip, height: float
) -> dict[str, float]:
    """Group the beats by shape: how many are of another kind, how early and wide are they?"""
    pieces = beats[:, BEFORE - 30 : BEFORE + 42]
    labels = _grouped(pieces)
    counts = np.sort(np.bincount(labels))[::-1]
    main = int(np.bincount(labels).argmax())
    other = labels != main
    gaps = np.diff(strip.beats, prepend=strip.beats[0]) / RATE
    before = gaps[np.searchsorted(strip.beats, inside)]
    typical = float(np.median(gaps[1:]))
    wide = _widths(pieces)
    areas = np.abs(pieces).mean(1) / height
    usual_width, usual_area = float(np.median(wide[~other])), float(np.median(areas[~other]))
    early = other & (before < 0.88 * typical)
    return {
        "kinds": float(len(counts)),
        "kinds_share": float(counts[0] / len(pieces)),
        "kinds_second": float(counts[1] / len(pieces)) if len(counts) > 1 else 0.0,
        "other_early": float(early.sum()),
        "other_early_share": float(early.mean()),
        "other_wide": float((other & (wide > usual_width + 0.03)).sum()),
        "other_early_wide": float((early & (wide > usual_width + 0.03)).sum()),
        "other_area": float(areas[other].max() / usual_area) if other.any() else 1.0,
        "width_spread": float(wide.std()),
        "width_max": float(np.quantile(wide, 0.95) - usual_width),
        "area_max": float(areas.max() / usual_area),
        "early_same": float(((before < 0.85 * typical) & ~other).mean()),
    }


def _grouped(pieces: Signal) -> NDArray[np.int64]:
    """Return the kind of each beat, (n,): that whose running mean it is like, or a new one."""
    labels = np.zeros(len(pieces), dtype=np.int64)
    kinds, count = np.empty_like(pieces), 0
    for i, piece in enumerate(pieces):
        likes = correlation(kinds[:count], piece)
        best = int(likes.argmax()) if count else 0
        if count and likes[best] > 0.85:
            labels[i] = best
            kinds[best] = 0.8 * kinds[best] + 0.2 * piece
        else:
            labels[i], kinds[count] = count, piece
            count += 1
    return labels


def _widths(pieces: Signal) -> Signal:
    """Return how long each QRS stays above a third of its largest deflection, in seconds, (n,)."""
    own = np.abs(pieces - np.median(pieces, axis=1, keepdims=True))
    return np.asarray((own > 0.33 * own.max(1, keepdims=True)).sum(1) / RATE)
