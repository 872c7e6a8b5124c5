"""Nodule inference: ONNX Runtime against torch eager and torch channels_last.

The same network, weights of the same shape, threads and batch, in one process, interleaved.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
import torch

from suwen.core.settings import settings
from suwen.imaging.learning import networks
from suwen.imaging.learning.backbone import Backbone
from suwen.imaging.nodules import malignancy
from suwen.imaging.nodules.fit_malignancy import BLOCKS
from suwen.imaging.nodules.fit_segmentation import WIDTHS
from suwen.imaging.volumes.patches import PIXELS

ROUNDS = 40


def _case(name: str, network: torch.nn.Module, shape: tuple[int, ...], outputs: tuple[str, ...]):
    network.eval()
    example = torch.randn(shape)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        networks.export(network, example, path, outputs)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings().threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    array = example.numpy()
    last = network.to(memory_format=torch.channels_last)
    last_example = (
        example.contiguous(memory_format=torch.channels_last) if example.ndim == 4 else example
    )

    def eager(net: torch.nn.Module, value: torch.Tensor) -> Callable[[], object]:
        def run() -> object:
            with torch.inference_mode():
                return net(value)

        return run

    import copy

    contiguous = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    ways = {
        "torch eager": eager(contiguous, example),
        "torch channels_last": eager(last, last_example),
        "ONNX Runtime": lambda: session.run(None, {"input": array}),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    for way in ways.values():
        way()
    for _ in range(ROUNDS):
        for way, run in ways.items():
            start = time.perf_counter()
            run()
            times[way].append(time.perf_counter() - start)
    ours = median(times["ONNX Runtime"])
    print(f"{name} {shape}, {settings().threads} threads, median of {ROUNDS}")
    for way, values in times.items():
        ratio = np.asarray(values) / np.asarray(times["ONNX Runtime"])
        low, high = np.percentile(ratio, [25, 75])
        print(
            f"  {way:<20} {1000 * median(values):8.1f} ms   {median(values) / ours:5.2f} x "
            f"ONNX Runtime's time (quartiles {low:.2f}-{high:.2f})"
        )


def main() -> None:
    """Print both networks of the nodule tasks."""
    torch.set_num_threads(settings().threads)
    torch.manual_seed(0)
    _case(
        "segmentation network",
        networks.SegmentationNet(WIDTHS, 0.0),
        (24, networks.SEGMENTATION_CHANNELS, PIXELS, PIXELS),
        ("logits",),
    )
    _case(
        "malignancy network",
        networks.MalignancyNet(Backbone(BLOCKS, pretrained=False), 2, 0.0),
        (1, len(malignancy.HEIGHTS), malignancy.CHANNELS, malignancy.PIXELS, malignancy.PIXELS),
        ("outputs", "features"),
    )


if __name__ == "__main__":
    main()
