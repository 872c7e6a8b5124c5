"""Latency and memory of a pack, in a process of its own that imports no training library.

`python -m suwen.lifecycle.footprint PACK MODULE FILE TASK` predicts the golden cases and prints
JSON.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from suwen.core import registry
from suwen.core.errors import BadInput, NotFound
from suwen.core.settings import settings
from suwen.lifecycle import golden
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.runs import processor
from suwen.lifecycle.task import Task

REPEATS = 20
ROUNDS = 3
TIMEOUT_S = 600
UNWANTED = ("torch", "monai", "sklearn", "matplotlib")


def measured(task: Task, pack: Pack) -> dict[str, Any]:
    """Start the measuring process on a pack (a draft too) and return what it found.

    Raises
    ------
    BadInput
        The process failed: the pack does not work without the training libraries.
    """
    module = sys.modules[type(task).__module__]
    command = [sys.executable, "-m", "suwen.lifecycle.footprint", str(pack.folder)]
    command += [module.__name__, str(module.__file__), task.name]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=os.environ
    )
    if done.returncode:
        raise BadInput(
            f"the pack of {task.name} does not predict its golden cases in a process of its own: "
            f"{done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no message'}",
            "a pack that serves with the base installation",
            "import training libraries only inside `fit`",
        )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def side_by_side(task: Task, packs: Mapping[str, Pack]) -> dict[str, dict[str, Any]]:
    """Measure packs in turn, `ROUNDS` times, and return the quickest round of each, by name.

    What else the machine does meanwhile slows single rounds, not one pack rather than another.
    """
    rounds = [{name: measured(task, pack) for name, pack in packs.items()} for _ in range(ROUNDS)]
    return {
        name: min((each[name] for each in rounds), key=lambda cost: float(cost["median_ms"]))
        for name in packs
    }


def _task(module: str, file: str, name: str) -> Any:
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError:
        spec = importlib.util.spec_from_file_location(module, file)
        if spec is None or spec.loader is None:
            raise
        sys.path.insert(0, str(Path(file).parent))  # as when the file itself is run
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[module] = loaded
        spec.loader.exec_module(loaded)
    own = [value for value in vars(loaded).values() if getattr(value, "name", None) == name]
    instances = [value for value in own if not isinstance(value, type)]
    if instances:
        return instances[0]
    try:
        return registry.find(name)
    except NotFound:
        return own[0]()


def peak_mb() -> float:
    """Return the largest resident memory of this process in MiB.

    Linux keeps `ru_maxrss` over fork and exec, so a process started by a large one (a training run)
    would report its parent's; `VmHWM` belongs to the program that is running now.
    """
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    scale = 2**20 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def main(arguments: list[str]) -> None:
    """Measure one pack and print JSON on one line."""
    folder, module, file, name = arguments
    task = _task(module, file, name)
    pack = Pack.draft(Path(folder))
    samples = [sample for sample, _, _ in golden.cases(task, pack)]
    before = peak_mb()
    start = time.perf_counter()
    task.predict(pack, samples[0])
    first = time.perf_counter() - start
    times: list[float] = []
    while len(times) < REPEATS:
        for sample in samples:
            start = time.perf_counter()
            task.predict(pack, sample)
            times.append(time.perf_counter() - start)
    peak = peak_mb()
    found = {
        "median_ms": 1000 * float(np.median(times)),
        "p95_ms": 1000 * float(np.quantile(times, 0.95)),
        "first_ms": 1000 * first,
        "peak_mb": peak,
        "own_mb": peak - before,
        "threads": settings().threads,
        "members": pack.members,
        "processor": processor(),
        "unwanted_imports": [name for name in UNWANTED if name in sys.modules],
        "pack_mb": sum(p.stat().st_size for p in pack.folder.rglob("*") if p.is_file()) / 2**20,
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
