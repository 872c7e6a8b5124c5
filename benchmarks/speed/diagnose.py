"""`suwen diagnose` of a CT crop series and of a whole phantom CT: wall, CPU time, peak memory.

The named alternative is what it would cost to import torch and MONAI alone, without any work.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from suwen.app.demo_patients import write_demo_folders
from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.imaging.volumes.phantom import Nodule, chest_phantom
from suwen.imaging.volumes.volume import Volume

ROUNDS = 5
CODE = """
import sys
sys.argv = ["suwen", "diagnose", {folder!r}, "--out", {out!r}]
from suwen.app.main import main
try:
    main()
finally:
    assert "torch" not in sys.modules, "torch was imported"
"""
PEAK = """
import atexit
from pathlib import Path

def write():
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM"))
    Path({place!r}).write_text(peak.split()[1])

atexit.register(write)
"""
"""Writes the peak in KiB that the program reached itself: `wait4` counts its parent's too."""


def _measure(code: str, home: Path) -> tuple[float, float, float]:
    """Return wall seconds, CPU seconds and peak MiB of a Python process that runs `code`."""
    # An installation has its bytecode; without it a process compiles every module anew.
    environment = os.environ | {"SUWEN_HOME": str(home), "PYTHONDONTWRITEBYTECODE": ""}
    place = home.with_suffix(".peak")
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", PEAK.format(place=str(place)) + code],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the measured process failed ({status})")
    wall = time.perf_counter() - start
    return wall, usage.ru_utime + usage.ru_stime, int(place.read_text()) / 1024


def _crop_series(folder: Path) -> Path:
    """Write a crop of 64 x 64 x 16 voxels around one phantom nodule as a DICOM series."""
    centre = (-75.0, 10.0, 20.0)
    drawn = chest_phantom(3, (Nodule(centre, 11.0, "spiculated"),), (90, 384, 384), (2.0, 0.9, 0.9))
    z, y, x = (round(float(value)) for value in drawn.volume.to_index(centre))
    near = drawn.volume.values[z - 8 : z + 8, y - 32 : y + 32, x - 32 : x + 32]
    affine = drawn.volume.affine.copy()
    affine[:3, 3] = drawn.volume.to_point([z - 8, y - 32, x - 32])
    folder.mkdir(parents=True)
    label = Label(patient_id="BENCH-1", patient_name="SYNTHETIC^Crop", seed="bench crop")
    for number, data in enumerate(wrap_ct(Volume(near, affine), label)):
        (folder / f"slice_{number:02d}.dcm").write_bytes(data)
    return folder


def main() -> None:
    """Print the medians of fresh processes; the first one also makes the store."""
    with tempfile.TemporaryDirectory() as root:
        whole = write_demo_folders(Path(root) / "patients")[0]
        cases = {"one CT crop series": _crop_series(Path(root) / "crop"), "a whole CT": whole}
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in cases}
        found["import torch, monai (no work)"] = []
        _measure(CODE.format(folder=str(whole), out=str(Path(root) / "first")), Path(root) / "once")
        for number in range(ROUNDS):
            for name, folder in cases.items():
                out = Path(root) / f"out-{number}-{folder.name}"
                code = CODE.format(folder=str(folder), out=str(out))
                found[name].append(_measure(code, Path(root) / f"home-{number}-{folder.name}"))
            found["import torch, monai (no work)"].append(
                _measure("import torch, monai", Path(root) / "home")
            )
        theirs = median(wall for wall, _, _ in found["import torch, monai (no work)"])
        for name, values in found.items():
            wall, cpu, memory = (median(column) for column in zip(*values, strict=True))
            times = f"{wall:6.2f} s {cpu:6.2f} s CPU"
            print(f"{name:<30} {times} {memory:6.0f} MiB {wall / theirs:6.2f} x")
    print("target for the crop: <= 3 s, <= 600 MiB, torch not imported (checked in the process)")


if __name__ == "__main__":
    main()
