"""Fixtures that several rooms' tests share: a toy task and its trained packs."""

from __future__ import annotations

import fcntl
import gc
import importlib.util
import os
import shutil
import sys
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("suwen", deadline=None, database=None)
hypothesis.settings.load_profile("suwen")

os.environ.setdefault("SUWEN_SEARCH", "false")
"""A search takes half a minute for each phantom CT; the tests about it ask for it."""
os.environ.setdefault("SUWEN_THREADS", "1")
"""Workers side by side: threads of one would wait for those of the other."""

gc.set_threshold(100_000, 20, 20)
"""What tests build lives to their end: searching it for garbage often is time for nothing."""

TOYS = Path(__file__).parent / "contract"


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """A function: one of the workers side by side makes a folder, the others take it as it is."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name, make):
        folder = base / f"once-{name}"
        with (base / f"once-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                begun = base / f"begun-{name}"
                shutil.rmtree(begun, ignore_errors=True)
                make(begun)
                begun.rename(folder)
        return folder

    return made


@pytest.fixture(scope="session")
def demo_patients(once):
    """The folder of each demo patient by name; drawing them takes as long as diagnosing them."""
    from suwen.app.demo_patients import NAMES, write_demo_folders

    folder = once("demo-patients", write_demo_folders)
    return {name: folder / name for name in NAMES}


@pytest.fixture(scope="session")
def toy():
    """The module with the toy tasks."""
    return _loaded("suwen_toy", TOYS / "toy.py")


@pytest.fixture(scope="session")
def toy_places():
    """The module with the toy detection."""
    return _loaded("suwen_toy_places", TOYS / "toy_places.py")


@pytest.fixture(scope="session")
def toy_spans():
    """The module with the toy reading."""
    return _loaded("suwen_toy_spans", TOYS / "toy_spans.py")


def _loaded(name, path):
    if name not in sys.modules:
        if str(TOYS) not in sys.path:
            sys.path.insert(0, str(TOYS))
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def toy_data(toy, tmp_path_factory):
    """Data folders that hold the toy data set."""
    from suwen.lifecycle.data import DataFolders

    folder = tmp_path_factory.mktemp("toy-data")
    toy.table(folder)
    return DataFolders((folder,))


@pytest.fixture(scope="session")
def toy_home(once, tmp_path_factory):
    """The SUWEN_HOME under which the toy packs were trained."""
    home = tmp_path_factory.mktemp("toy-home")
    return Path(shutil.copytree(once("toy-key", _with_key), home, dirs_exist_ok=True))


def _with_key(home):
    from suwen.lifecycle.sealed.keys import signing_key

    signing_key(home)


@pytest.fixture(scope="session")
def toy_trained(once, toy_data, toy_home):
    """A function that trains a toy, measures and signs its pack, once for all workers."""
    from suwen.lifecycle import assemble, runs
    from suwen.lifecycle.pack import Pack
    from suwen.lifecycle.train import Trained, train

    def trained(task, recipe):
        def make(home):
            shutil.copytree(once("toy-key", _with_key), home)
            train(task, recipe, toy_data, home, progress=False)

        made = once(task.name, make)
        shutil.copytree(made, toy_home, dirs_exist_ok=True)
        (run,) = made.rglob(runs.RUN)
        folder = toy_home / run.parent.relative_to(made)
        pack = Pack.load(folder / assemble.PACK, assemble.own_key(toy_home))
        return Trained(folder, pack, runs.read_json(folder / "results.json"))

    return trained


@pytest.fixture(scope="session")
def trained(toy, toy_trained):
    """The toy classifier, trained, measured and signed."""
    from suwen.lifecycle.recipe import Recipe

    return toy_trained(toy.Squares(), Recipe(epochs=60))


@pytest.fixture(scope="session")
def trained_mask(toy, toy_trained):
    """The toy segmentation, trained, measured and signed."""
    from suwen.lifecycle.recipe import Recipe

    return toy_trained(toy.SquareMask(), Recipe(epochs=60, stress=40))


@pytest.fixture(scope="session")
def trained_kinds(toy, toy_trained):
    """The toy classifier of three classes, trained, measured and signed."""
    from suwen.lifecycle.recipe import Recipe

    return toy_trained(toy.SquareKinds(), Recipe(folds=3, epochs=60, imbalance="weights"))


@pytest.fixture(scope="session")
def trained_sum(toy, toy_trained):
    """The toy regression, trained, measured and signed."""
    from suwen.lifecycle.recipe import Recipe

    return toy_trained(toy.SquareSum(), Recipe())


@pytest.fixture(scope="session")
def trained_places(toy_places, toy_trained):
    """The toy detection, trained, measured and signed."""
    from suwen.lifecycle.recipe import Recipe

    return toy_trained(toy_places.Spots(), Recipe(folds=3))


@pytest.fixture(scope="session")
def trained_spans(toy_spans, toy_trained):
    """The toy reading, one member alone, measured on held-out lines and signed."""
    from suwen.lifecycle.recipe import Recipe

    return toy_trained(toy_spans.Words(), Recipe(folds=1))


@pytest.fixture
def settled(monkeypatch):
    """Return a function that changes settings for one test."""
    from suwen.core.settings import settings

    def change(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"SUWEN_{name.upper()}", str(value))
        settings.cache_clear()

    yield change
    settings.cache_clear()


@pytest.fixture
def at_home(toy_home, settled):
    """Make the toy's SUWEN_HOME the current one."""
    settled(home=toy_home)
    return toy_home
