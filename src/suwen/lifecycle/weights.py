"""Weights of a pack as open ONNX Runtime sessions and LightGBM boosters, each opened once."""

from __future__ import annotations

import importlib
import sys
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suwen.core.settings import settings
from suwen.lifecycle.manifest import Files
from suwen.lifecycle.task import Array


class Weights:
    """The weight files of one pack folder.

    Parameters
    ----------
    files
        Files of the pack, as they were signed.
    listed
        What `list_initialisers` found, by file.
    seed
        When given, ONNX weights are replaced by noise made from it.
    """

    def __init__(self, files: Files, listed: Mapping[str, Any], seed: int | None = None) -> None:
        self._files = files
        self._listed = listed
        self._seed = seed
        self._open: dict[Path, Any] = {}
        self._noise: list[Any] = []
        self._lock = threading.Lock()

    def session(self, path: Path) -> Any:
        """Return the inference session of an ONNX file."""
        return self._opened(path, self._session)

    def booster(self, path: Path) -> Any:
        """Return the booster of a LightGBM text file."""
        lightgbm = _lightgbm()

        def make(path: Path) -> Any:
            return lightgbm.Booster(model_str=self._files.read(self._name(path)).decode())

        return self._opened(path, make)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._files.folder).as_posix()

    def _opened(self, path: Path, make: Callable[[Path], Any]) -> Any:
        with self._lock:
            if path not in self._open:
                self._open[path] = make(path)
            return self._open[path]

    def _session(self, path: Path) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings().threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_cpu_mem_arena = False  # it keeps the peak of every session for good
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if self._seed is not None:
            listed = self._listed.get(self._name(path), [])
            for weight, values in _random_weights(listed, self._seed).items():
                value = onnxruntime.OrtValue.ortvalue_from_numpy(values)
                self._noise.append(value)  # the session does not keep it alive itself
                options.add_initializer(weight, value)
        signed = self._files.read(self._name(path))
        return onnxruntime.InferenceSession(signed, options, providers=["CPUExecutionProvider"])


def _lightgbm() -> Any:
    """Return lightgbm, imported without scikit-learn.

    It imports scikit-learn wherever that is installed, for wrappers that no pack needs: most of a
    second and 60 MB of a short process.
    """
    if "lightgbm" in sys.modules or "sklearn" in sys.modules:
        return importlib.import_module("lightgbm")
    sys.modules["sklearn"] = None  # type: ignore[assignment] # an import of it now fails
    try:
        return importlib.import_module("lightgbm")
    finally:
        del sys.modules["sklearn"]


def _random_weights(listed: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Array]:
    """Return noise for each listed weight: normal, with the weight's own mean and spread."""
    found = {}
    for weight in listed:
        rng = np.random.default_rng([seed, zlib.crc32(weight["name"].encode())])
        noise = rng.normal(weight["mean"], weight["spread"], weight["shape"])
        found[weight["name"]] = np.ascontiguousarray(noise.astype(weight["dtype"]))
    return found


def list_initialisers(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return name, shape, type, mean and spread of the float weights of each ONNX file.

    Only weights with two or more axes are listed (kernels and matrices), since noise in scales and
    offsets of normalisation mostly breaks the numbers. Needs the extra [train].
    """
    import onnx
    from onnx import numpy_helper

    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.rglob("*.onnx")):
        rows = []
        for tensor in onnx.load(str(path)).graph.initializer:
            values = numpy_helper.to_array(tensor)
            if values.ndim >= 2 and values.dtype in (np.float32, np.float16, np.float64):
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
