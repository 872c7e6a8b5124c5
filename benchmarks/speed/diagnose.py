"""`suwen diagnose` of one CT crop series: wall time and peak memory of the whole process.

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


def _measure(code: str, home: Path) -> tuple[float, float]:
    """Return seconds and peak MiB of a Python process that runs `code`."""
    environment = os.environ | {"SUWEN_HOME": str(home)}
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the measured process failed ({status})")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main() -> None:
    """Print the medians of fresh processes; the first one also makes the store."""
    with tempfile.TemporaryDirectory() as root:
        folders = write_demo_folders(Path(root) / "patients")
        ours, theirs = [], []
        for number in range(ROUNDS):
            folder = folders[number % len(folders)]
            code = CODE.format(folder=str(folder), out=str(Path(root) / f"out-{number}"))
            ours.append(_measure(code, Path(root) / "home"))
            theirs.append(_measure("import torch, monai", Path(root) / "home"))
    seconds, memory = (median(column) for column in zip(*ours, strict=True))
    their_seconds, their_memory = (median(column) for column in zip(*theirs, strict=True))
    print(f"suwen diagnose, one CT series  {seconds:6.2f} s   {memory:6.0f} MiB")
    print(f"import torch, monai (no work)  {their_seconds:6.2f} s   {their_memory:6.0f} MiB")
    print(
        f"ratio                          {seconds / their_seconds:6.2f}     "
        f"{memory / their_memory:6.2f}"
    )
    print("targets: <= 3 s, <= 600 MiB, torch not imported (checked in the process)")


if __name__ == "__main__":
    main()
