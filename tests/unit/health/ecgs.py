"""Made-up ECGs whose beats are known: waves as Gaussian bells around each R wave."""

from __future__ import annotations

import json
import lzma

import numpy as np

WAVES = {
    "N": ((-0.17, 0.12, 0.025), (-0.03, -0.12, 0.01), (0, 1.0, 0.011), (0.03, -0.2, 0.012)),
    "V": ((0, 1.4, 0.035), (0.09, -0.7, 0.05)),
}
T_WAVE = {"N": (0.28, 0.28, 0.05), "V": (0.33, -0.5, 0.07)}


def ecg(beats, kinds, rate, seconds, noise=0.01, seed=0):
    """Return a lead in mV with beats at these seconds; `S` is an `N` without its P wave."""
    at = np.arange(int(seconds * rate)) / rate
    lead = np.random.default_rng(seed).normal(0, noise, len(at)) + 0.05 * np.sin(0.9 * at)
    for beat, kind in zip(beats, kinds, strict=True):
        shape = "V" if kind == "V" else "N"
        waves = WAVES[shape][1:] if kind == "S" else WAVES[shape]
        for shift, height, width in (*waves, T_WAVE[shape]):
            near = slice(*np.searchsorted(at, [beat + shift - 6 * width, beat + shift + 6 * width]))
            lead[near] += height * np.exp(-0.5 * ((at[near] - beat - shift) / width) ** 2)
    return lead


def rhythm(seconds, interval=0.8, jitter=0.03, seed=1):
    """Return the seconds of regular beats that vary a little."""
    intervals = interval + jitter * np.random.default_rng(seed).standard_normal(
        int(seconds / interval)
    )
    beats = 0.5 + np.cumsum(intervals)
    return beats[beats < seconds - 0.5]


def wfdb(leads, rate, names=("II",), form=16, start="10:00:00 24/12/2025"):
    """Return the files of a WFDB record of leads in mV, (leads, n), by name."""
    raw = np.rint(np.atleast_2d(leads).T * 200).astype(int)
    count, size = raw.shape[1], len(raw)
    lines = [f"rec {count} {rate} {size} {start}"]
    lines += [f"rec.dat {form} 200(0)/mV 12 0 0 0 0 {name}" for name in names]
    if form == 16:
        data = raw.astype("<i2").tobytes()
    else:
        flat = raw.ravel() & 0xFFF
        flat = np.concatenate([flat, flat[: len(flat) % 2]]).reshape(-1, 2)
        packed = [flat[:, 0] & 255, flat[:, 0] >> 8 | flat[:, 1] >> 8 << 4, flat[:, 1] & 255]
        data = np.stack(packed, axis=1).astype(np.uint8).tobytes()
    return {"rec.hea": "\n".join(lines).encode() + b"\n", "rec.dat": data}


def edf(lead, rate, patient="X X X X", unit="uV", label="ECG II", records=None):
    """Return an EDF+ file of one lead in mV, one second a data record."""
    seconds = len(lead) // rate
    raw = np.clip(np.rint(lead[: seconds * rate] * 1000 / 0.5), -32768, 32767).astype("<i2")
    count = seconds if records is None else records
    fields = [("0", 8), (patient, 80), ("Startdate 24-DEC-2025 X X X", 80), ("24.12.25", 8)]
    fields += [("10.00.00", 8), (512, 8), ("EDF+C", 44), (count, 8), (1, 8), (1, 4)]
    fields += [(label, 16), ("", 80), (unit, 8), (-16384, 8), (16383.5, 8), (-32768, 8)]
    fields += [(32767, 8), ("", 80), (rate, 8), ("", 32)]
    head = "".join(f"{value!s:{width}}" for value, width in fields)
    return head.encode("latin-1") + raw.tobytes()


def written(root, name, lead, moments, symbols, split="DS1"):
    """Write a record as the folder of the data set holds it."""
    folder = root / "vitals" / "ecg_mitdb"
    (folder / "sig").mkdir(parents=True, exist_ok=True)
    (folder / "ann").mkdir(exist_ok=True)
    raw = np.rint(lead * 200 + 1024).astype("<i2")
    steps = np.diff(raw, prepend=raw[:1] * 0).astype("<i2")
    (folder / "sig" / f"{name}.d16.xz").write_bytes(lzma.compress(steps.tobytes()))
    words, last = [], 0
    for at, symbol in zip(np.rint(moments * 360).astype(int).tolist(), symbols, strict=True):
        code = {"N": 1, "V": 5, "A": 8}[symbol]
        words.append(code << 10 | at - last)
        last = at
    (folder / "ann" / f"{name}.atr").write_bytes(np.array([*words, 0], "<u2").tobytes())
    (folder / "ann" / f"{name}.hea").write_text("x\n# 71 F 1 2 x1\n")
    table = folder / "records.json"
    about = json.loads(table.read_text()) if table.exists() else {}
    about[name] = {"fs": 360, "gain": 200.0, "baseline": 1024, "split": split}
    table.write_text(json.dumps(about))
