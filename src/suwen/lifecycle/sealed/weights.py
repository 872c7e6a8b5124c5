"""Weights of a pack as open ONNX Runtime sessions and LightGBM boosters, each opened once."""

from __future__ import annotations

import importlib
import sys
import threading
import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from suwen.core.settings import settings
from suwen.lifecycle.examples import Array
from suwen.lifecycle.onnx.smaller import SCALE
from suwen.lifecycle.sealed import trees
from suwen.lifecycle.sealed.manifest import Files

Hear = Callable[[str, Mapping[str, Array]], None]
"""Is told the file (`member-0/net.onnx`) and the input of each run of a network."""


EXACT = "session.x64quantprecision"
"""Asks processors without instructions for 8-bit products (AVX2, AVX512 without VNNI) for sums that
do not overflow: slower, but then a network in whole numbers answers alike on all of them."""
WRAPPED = ("sklearn", "pandas")
"""Libraries that lightgbm wraps."""
WEIGHTS = (np.float32, np.float16, np.float64, np.int8, np.uint8)
"""Types of numbers that are weights."""


class Weights:
    """The weight files of one pack folder.

    Parameters
    ----------
    files
        Files of the pack, as they were signed.
    listed
        What `list_initialisers` found, by file.
    seed
        When given, ONNX weights are replaced by noise made from it, and the splits and leaves of
        trees are dealt out anew.
    hear
        Is told of every run of a network.
    """

    def __init__(
        self,
        files: Files,
        listed: Mapping[str, Any],
        seed: int | None = None,
        hear: Hear | None = None,
    ) -> None:
        self._files = files
        self._listed = listed
        self._seed = seed
        self._hear = hear
        self._open: dict[Path, Any] = {}
        self._noise: list[Any] = []
        self._locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)

    def session(self, path: Path) -> Any:
        """Return the inference session of an ONNX file."""
        return self._opened(path, self._session)

    def run(self, paths: Sequence[Path], output: str, feed: Mapping[str, Array]) -> list[Array]:
        """Return one output of several ONNX files for the same input, in the order of `paths`.

        The files are opened and run side by side, as many at a time as `SUWEN_THREADS`, each on one
        thread: small networks gain less from more threads than from each other's company, and the
        sums of each are made in the same order on every machine.
        """

        def one(path: Path) -> Array:
            values: Array = self.session(path).run([output], dict(feed))[0]
            return values

        if len(paths) == 1 or settings().threads == 1:
            return [one(path) for path in paths]
        with ThreadPoolExecutor(settings().threads) as pool:
            return list(pool.map(one, paths))

    def booster(self, path: Path) -> Any:
        """Return the booster of a file of trees, text or compressed text."""
        lightgbm = _lightgbm()

        def make(path: Path) -> Any:
            name = self._name(path)
            text = trees.text_of(name, self._files.read(name))
            if self._seed is not None:
                text = trees.shuffled(text, self._seed)
            return lightgbm.Booster(model_str=text)

        return self._opened(path, make)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._files.folder).as_posix()

    def _opened(self, path: Path, make: Callable[[Path], Any]) -> Any:
        with self._locks[path]:
            if path not in self._open:
                self._open[path] = make(path)
            return self._open[path]

    def _session(self, path: Path) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_cpu_mem_arena = False  # it keeps the peak of every session for good
        options.add_session_config_entry(EXACT, "1")
        if self._seed is not None:
            # else weights kept in half precision are widened before the noise takes their place
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            listed = self._listed.get(self._name(path), [])
            for weight, values in _random_weights(listed, self._seed).items():
                value = onnxruntime.OrtValue.ortvalue_from_numpy(values)
                self._noise.append(value)  # the session does not keep it alive itself
                options.add_initializer(weight, value)
        signed = self._files.read(self._name(path))
        made = onnxruntime.InferenceSession(signed, options, providers=["CPUExecutionProvider"])
        return made if self._hear is None else _Overheard(made, self._name(path), self._hear)


class _Overheard:
    """A session that tells somebody what it is asked."""

    def __init__(self, session: Any, name: str, hear: Hear) -> None:
        self._session, self._name, self._hear = session, name, hear

    def run(self, outputs: Sequence[str] | None, feed: Mapping[str, Array]) -> Any:
        """Run the session."""
        self._hear(self._name, feed)
        return self._session.run(outputs, dict(feed))


def _lightgbm() -> Any:
    """Return lightgbm, imported without what it takes along wherever that is installed.

    Its wrappers for scikit-learn and data frames are what no pack needs: most of a second and
    100 MB of a short process.
    """
    hidden = [name for name in WRAPPED if name not in sys.modules]
    if "lightgbm" not in sys.modules:
        sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # an import now fails
    try:
        return importlib.import_module("lightgbm")
    finally:
        for name in hidden:
            if name in sys.modules and sys.modules[name] is None:
                del sys.modules[name]


def _random_weights(listed: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Array]:
    """Return noise for each listed weight: normal, with the weight's own mean and spread."""
    found = {}
    for weight in listed:
        rng = np.random.default_rng([seed, zlib.crc32(weight["name"].encode())])
        noise = rng.normal(weight["mean"], weight["spread"], weight["shape"])
        kind = np.dtype(weight["dtype"])
        if kind.kind in "iu":
            noise = np.clip(np.round(noise), np.iinfo(kind).min, np.iinfo(kind).max)
        found[weight["name"]] = np.ascontiguousarray(noise.astype(kind))
    return found


def list_initialisers(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return name, shape, type, mean and spread of the weights of each ONNX file.

    Weights are floats, or bytes where they were quantised. Only those with two or more axes are
    listed (kernels and matrices), since noise in scales and offsets of normalisation mostly breaks
    the numbers. Needs the extra [train].
    """
    import onnx
    from onnx import numpy_helper

    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.rglob("*.onnx")):
        rows = []
        for tensor in onnx.load(str(path)).graph.initializer:
            values = numpy_helper.to_array(tensor)
            if tensor.name.endswith(SCALE):
                continue
            if values.ndim >= 2 and values.dtype in WEIGHTS:
                rows.append(
                    {
                        "name": tensor.name,
                        "shape": list(values.shape),
                        "dtype": str(values.dtype),
                        "mean": float(values.astype(np.float64).mean()),
                        "spread": float(values.astype(np.float64).std()),
                    }
                )
        found[path.relative_to(folder).as_posix()] = rows
    return found
