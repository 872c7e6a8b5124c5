"""What the waves say of a monitor's alarms: true ones must not be contradicted, false ones may be.

MIT-BIH, the training records (DS1), the one lead. True: the moment after the fifth beat of a run of
five ventricular beats and more at 100 a minute (the definition of the alarm), from the reference
annotations, one a minute at most; none of these may be contradicted. False: moments drawn at
random whose last 10 s hold no ventricular beat and never five beats at 95 a minute; a monitor that
says ventricular tachycardia there should be contradicted. Floor: a monitor alone contradicts
nothing. Then the two false alarms of CinC 2015 that came with waves (a103l asystole, v102s
ventricular tachycardia). Intervals are Wilson's of the moments; runs are of few people (told).

Needs `vitals/ecg_mitdb` and `vitals/waveform_samples` in SUWEN_DATA.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import numpy as np

from suwen.core.settings import settings
from suwen.health.alerts.truth import BEATS, FAST, LOOKED_BACK, Alarm, Heard, Verdict, verdict
from suwen.health.beats.data import FOLDER, LEFT_OUT, lead_of_record
from suwen.health.signals.annotations import BEATS as BEAT_SYMBOLS
from suwen.health.signals.annotations import read_annotations
from suwen.health.signals.quality import POOR, WINDOW
from suwen.health.signals.recording import ECG, PPG, read_recording
from suwen.lifecycle.data import DataFolders
from suwen.metrics.coverage import wilson

FALSE_EACH: Final = 20
"""Moments without a tachycardia drawn of each record."""
CALM: Final = 95.0
APART: Final = 60.0
"""Seconds between two true alarms of a record."""
KINDS: Final[dict[str, Literal["ecg", "ppg"]]] = {ECG: "ecg", PPG: "ppg"}
CINC: Final[dict[str, Alarm]] = {"a103l": "asystole", "v102s": "ventricular-tachycardia"}


def runs(moments: np.ndarray, ventricular: np.ndarray) -> Iterator[float]:
    """Yield when a run of ventricular beats became an alarm, in seconds."""
    last = -APART
    for k in range(BEATS - 1, len(moments)):
        first = k - BEATS + 1
        rate = 60 * (BEATS - 1) / (moments[k] - moments[first])
        if ventricular[first : k + 1].all() and rate >= FAST and moments[k] - last >= APART:
            last = float(moments[k])
            yield last + 0.2  # the beat itself is over


def calm(moments: np.ndarray, ventricular: np.ndarray, at: float) -> bool:
    """Say whether the last window before a moment holds no ventricular beat and no fast five."""
    inside = (moments > at - WINDOW) & (moments <= at)
    own = moments[inside]
    if ventricular[inside].any() or len(own) < BEATS:
        return False
    fastest = 60 * (BEATS - 1) / (own[BEATS - 1 :] - own[: 1 - BEATS]).min()
    return bool(fastest < CALM)


def asked(lead: np.ndarray, rate: float, at: float) -> Verdict:
    """Ask about a tachycardia at a moment of a lead."""
    first, last = round((at - LOOKED_BACK) * rate), round(at * rate)
    heard = Heard("ECG", "ecg", lead[max(0, first) : last], rate)
    return verdict("ventricular-tachycardia", [heard])


def share(name: str, found: list[bool], people: int) -> None:
    """Print how many were contradicted, with Wilson's interval."""
    if not found:
        print(f"{name}: none")
        return
    value = float(np.mean(found))
    low, high = wilson(np.array(value), np.array(float(len(found))))
    print(
        f"{name}: contradicted {sum(found)} of {len(found)}, {value:.1%} "
        f"[{float(low):.1%}, {float(high):.1%}], of {people} people"
    )


def challenge(folder: Path) -> None:
    """Print what the waves say of the two false alarms of CinC 2015; alarms are at 5 minutes."""
    for name, alarm in CINC.items():
        files = {one.name: one.read_bytes() for one in folder.glob(f"{name}.*")}
        _, leads = read_recording(files, f"{name}.hea")
        heard = [
            Heard(one.name, KINDS[one.kind], one.values[: round(300 * one.rate)], one.rate)
            for one in leads
            if one.kind in KINDS
        ]
        said = verdict(alarm, heard)
        print(f"{name}, false {alarm}: contradicted {said.contradicted}. {said.reason.en}")


def main() -> None:
    """Print the shares."""
    data = DataFolders(settings().data)
    folder, rng = data.find(FOLDER), np.random.default_rng(20261127)
    true: list[bool] = []
    false: list[bool] = []
    readable, people, others = 0, set(), set()
    for name, about in sorted(json.loads((folder / "records.json").read_bytes()).items()):
        if about["split"] != "DS1" or name in LEFT_OUT:
            continue
        lead, rate = lead_of_record(folder, name, about), float(about["fs"])
        marks = read_annotations((folder / "ann" / f"{name}.atr").read_bytes())
        beat = np.array([one in BEAT_SYMBOLS for one in marks.symbols], dtype=bool)
        moments = marks.samples[beat] / rate
        ventricular = np.isin(marks.symbols[beat], ["V", "E"])
        for at in runs(moments, ventricular):
            true.append(asked(lead, rate, at).contradicted)
            people.add(name)
        drawn = rng.uniform(LOOKED_BACK, len(lead) / rate, 10 * FALSE_EACH)
        for at in [one for one in drawn if calm(moments, ventricular, one)][:FALSE_EACH]:
            said = asked(lead, rate, float(at))
            readable += any(one.index >= POOR for one in said.qualities)
            false.append(said.contradicted)
            others.add(name)
    share("true ventricular tachycardia", true, len(people))
    share("false ventricular tachycardia", false, len(others))
    print(f"  readable {readable} of {len(false)}; floor: a monitor alone contradicts none")
    challenge(data.find("vitals/waveform_samples"))


if __name__ == "__main__":
    main()
