"""The search of a chest CT: slices a second, CTs a second, and what slices and nodules cost.

Slices: the detector's network on whole slices in ONNX Runtime, against the same network in torch
(eager, channels_last), and in torch under MONAI's sliding-window inferer, as a detector is commonly
run on slices of any size. CTs: the whole search with the network of each runtime put in its place.
"""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
import torch
from monai.inferers import SlidingWindowInferer

from suwen.app import rooms
from suwen.core import registry
from suwen.core.settings import settings
from suwen.imaging.anatomy.lungs import find_lungs
from suwen.imaging.detection.detector import Detectors, channels, padded, resampled
from suwen.imaging.detection.fit import BLOCKS, CROP, WIDTH
from suwen.imaging.detection.search import search
from suwen.imaging.learning import networks
from suwen.imaging.learning.backbone import Backbone
from suwen.imaging.volumes.nodule import NoduleInput, cut_around
from suwen.imaging.volumes.phantom import Nodule, chest_phantom
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle import packs
from suwen.lifecycle.examples import Sample

ROUNDS = 5
OVERLAP = 0.25
"""MONAI's default."""
SPACING = (2.5, 0.8, 0.8)
COUNTS = (24, 48, 96)
"""Slices of the CTs whose search is timed."""
NODULE = Nodule((-75.0, 10.0, 20.0), 11.0)

Run = Callable[[np.ndarray], Sequence[np.ndarray]]


def _ways(folder: Path) -> dict[str, Run]:
    """Return the same network, by whom it is run."""
    torch.manual_seed(0)
    network = networks.DetectionNet(Backbone(BLOCKS, pretrained=False), WIDTH, 0.0).eval()
    path = folder / "net.onnx"
    networks.export(
        network, torch.zeros(1, 3, CROP, CROP), path, ("maps",), free=("height", "width")
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings().threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    last = copy.deepcopy(network).to(memory_format=torch.channels_last)
    windows = SlidingWindowInferer(roi_size=(CROP, CROP), sw_batch_size=4, overlap=OVERLAP)

    def by(net: Callable[[torch.Tensor], torch.Tensor], last: bool = False) -> Run:
        def run(batch: np.ndarray) -> list[np.ndarray]:
            shown = torch.from_numpy(batch)
            with torch.inference_mode():
                if last:
                    shown = shown.contiguous(memory_format=torch.channels_last)
                return [net(shown).numpy()]

        return run

    return {
        "ONNX Runtime": lambda batch: session.run(None, {"input": batch}),
        "torch eager": by(network),
        "torch channels_last": by(last, last=True),
        "MONAI sliding window": by(lambda shown: windows(shown, network)),
    }


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _table(title: str, unit: str, times: dict[str, list[float]]) -> None:
    print(title)
    ours = np.asarray(times["ONNX Runtime"])
    for way, values in times.items():
        low, high = np.percentile(np.asarray(values) / ours, [25, 75])
        rate, ratio = 1 / median(values), median(values) / median(ours)
        print(
            f"  {way:<22} {rate:8.3f} {unit}   {ratio:5.2f} x "
            f"ONNX Runtime's time (quartiles {low:.2f}-{high:.2f})"
        )


def _slices(ways: dict[str, Run], volume: Volume) -> None:
    flat = np.asarray(volume.values[len(volume.values) // 2], np.float32)
    batch = padded(channels(resampled(flat, volume.spacing[1:])))[None]
    for run in ways.values():
        run(batch)
    times = {
        way: [_timed(lambda run=run: run(batch)) for _ in range(ROUNDS)]
        for way, run in ways.items()
    }
    _table(f"detector, whole slices of {batch.shape[2]} x {batch.shape[3]}", "slices/s", times)


def _volumes(ways: dict[str, Run], volume: Volume) -> None:
    lungs = find_lungs(volume)
    times = {
        way: [_timed(lambda run=run: search(Detectors(run), None, volume, lungs))]
        for way, run in ways.items()
    }
    _table(f"one network searches a CT of {len(volume.values)} slices", "CTs/s", times)


def _growth(ways: dict[str, Run], volume: Volume) -> None:
    ours = Detectors(ways["ONNX Runtime"])
    print("cost against the number of slices (lungs found and one network)")
    for count in COUNTS:
        first = (len(volume.values) - count) // 2
        affine = volume.affine.copy()
        affine[:3, 3] = volume.to_point(np.array([float(first), 0.0, 0.0]))
        part = Volume(volume.values[first : first + count], affine)
        spent = _timed(lambda part=part: search(ours, None, part, find_lungs(part)))
        print(f"  {count:4d} slices {spent:7.2f} s   {1000 * spent / count:6.1f} ms a slice")


def _nodules(volume: Volume) -> None:
    rooms.load()
    tasks = [
        registry.find(name) for name in ("imaging.nodule_segmentation", "imaging.nodule_malignancy")
    ]
    current = [packs.current(task.name) for task in tasks]
    near = cut_around(volume, NODULE.centre)

    def once() -> None:
        data = NoduleInput(near, NODULE.centre, uid="1.2", label="Nodule 1")
        sample = Sample("nodule", data)
        output = tasks[0].predict(current[0], sample)
        scored = Sample("nodule", NoduleInput(near, NODULE.centre, output.mask))
        tasks[1].predict(current[1], scored)

    once()
    print("cost against the number of nodules (segmented and scored, without the explanation)")
    for count in (1, 4, 16):
        spent = _timed(lambda count=count: [once() for _ in range(count)])
        print(f"  {count:4d} nodules {spent:6.2f} s   {1000 * spent / count:6.1f} ms a nodule")


def main() -> None:
    """Print slices/s, CTs/s and both costs."""
    torch.set_num_threads(settings().threads)
    drawn = chest_phantom(3, (NODULE,), (max(COUNTS), 420, 420), SPACING)
    print(f"{settings().threads} threads, median of {ROUNDS} (CTs: one run each)")
    with tempfile.TemporaryDirectory() as folder:
        ways = _ways(Path(folder))
        _slices(ways, drawn.volume)
        _volumes(ways, drawn.volume)
        _growth(ways, drawn.volume)
    _nodules(drawn.volume)


if __name__ == "__main__":
    main()
