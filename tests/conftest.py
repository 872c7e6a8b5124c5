"""Fixtures that several rooms' tests share: a toy task and its trained packs."""

from __future__ import annotations

import importlib.util
import os
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

TOYS = Path(__file__).parent / "contract"


@pytest.fixture(scope="session")
def demo_patients(tmp_path_factory):
    """The folder of each demo patient by name; drawing them takes as long as diagnosing them."""
    from suwen.app.demo_patients import write_demo_folders

    folders = write_demo_folders(tmp_path_factory.mktemp("demo-patients"))
    return {folder.name: folder for folder in folders}


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
def toy_home(tmp_path_factory):
    """The SUWEN_HOME under which the toy packs were trained."""
    return tmp_path_factory.mktemp("toy-home")


@pytest.fixture(scope="session")
def trained(toy, toy_data, toy_home):
    """The toy classifier, trained, measured and signed."""
    from suwen.lifecycle.recipe import Recipe
    from suwen.lifecycle.train import train

    return train(toy.Squares(), Recipe(epochs=60), toy_data, toy_home, progress=False)


@pytest.fixture(scope="session")
def trained_mask(toy, toy_data, toy_home):
    """The toy segmentation, trained, measured and signed."""
    from suwen.lifecycle.recipe import Recipe
    from suwen.lifecycle.train import train

    recipe = Recipe(epochs=60, stress=40)
    return train(toy.SquareMask(), recipe, toy_data, toy_home, progress=False)


@pytest.fixture(scope="session")
def trained_kinds(toy, toy_data, toy_home):
    """The toy classifier of three classes, trained, measured and signed."""
    from suwen.lifecycle.recipe import Recipe
    from suwen.lifecycle.train import train

    recipe = Recipe(folds=3, epochs=60, imbalance="weights")
    return train(toy.SquareKinds(), recipe, toy_data, toy_home, progress=False)


@pytest.fixture(scope="session")
def trained_sum(toy, toy_data, toy_home):
    """The toy regression, trained, measured and signed."""
    from suwen.lifecycle.recipe import Recipe
    from suwen.lifecycle.train import train

    return train(toy.SquareSum(), Recipe(), toy_data, toy_home, progress=False)


@pytest.fixture(scope="session")
def trained_places(toy_places, toy_data, toy_home):
    """The toy detection, trained, measured and signed."""
    from suwen.lifecycle.recipe import Recipe
    from suwen.lifecycle.train import train

    return train(toy_places.Spots(), Recipe(folds=3), toy_data, toy_home, progress=False)


@pytest.fixture(scope="session")
def trained_spans(toy_spans, toy_data, toy_home):
    """The toy reading, one member alone, measured on held-out lines and signed."""
    from suwen.lifecycle.recipe import Recipe
    from suwen.lifecycle.train import train

    return train(toy_spans.Words(), Recipe(folds=1), toy_data, toy_home, progress=False)


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
