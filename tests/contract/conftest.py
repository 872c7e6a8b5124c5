"""Every registered Task and every Pack that can be found, and the toys."""

from __future__ import annotations

from pathlib import Path

import pytest

import suwen
from suwen.app import rooms
from suwen.core import registry
from suwen.core.errors import SuwenError
from suwen.lifecycle import packs
from suwen.lifecycle.pack import SETTINGS, Pack

SOURCE = Path(suwen.__file__).parent


TOYS = {
    "toy.squares": "trained",
    "toy.square_kinds": "trained_kinds",
    "toy.square_mask": "trained_mask",
    "toy.square_sum": "trained_sum",
    "toy.spots": "trained_places",
    "toy.words": "trained_spans",
}
"""One toy for each kind of answer, with the fixture that trains its pack."""


def registered():
    """The names of all registered tasks."""
    rooms.load()
    return [task.name for task in registry.tasks()]


def shipped():
    """The folders of all packs in the rooms' `packs/` folders, at any depth."""
    return sorted(path.parent for path in SOURCE.rglob(SETTINGS) if "packs" in path.parts)


def pytest_generate_tests(metafunc):
    """Run a test that asks for `task_name` or `pack_folder` once for each there is."""
    if "task_name" in metafunc.fixturenames:
        metafunc.parametrize("task_name", [*registered(), *TOYS])
    if "pack_folder" in metafunc.fixturenames:
        found = [*shipped(), *TOYS]
        metafunc.parametrize("pack_folder", found, ids=lambda f: getattr(f, "name", f))


@pytest.fixture
def task(task_name, request):
    """One registered task, or a toy."""
    if task_name.startswith("toy."):
        return toys(request)[task_name]
    return registry.find(task_name)


def toys(request):
    """All toys by name."""
    modules = ("toy", "toy_places", "toy_spans")
    return {k: v for name in modules for k, v in request.getfixturevalue(name).tasks().items()}


def toy_pack(name, request):
    """The trained pack of a toy."""
    return request.getfixturevalue(TOYS[name]).pack


@pytest.fixture
def pack(pack_folder, request):
    """One shipped pack, verified, or that of a toy."""
    if isinstance(pack_folder, str):
        return toy_pack(pack_folder, request)
    return Pack.load(pack_folder)


@pytest.fixture
def task_of_pack(pack, request):
    """The task that a pack answers."""
    if pack.task.startswith("toy."):
        return toys(request)[pack.task]
    return registry.find(pack.task)


@pytest.fixture
def answered(task, request):
    """A task with its current pack, where one is installed or shipped."""
    if task.name.startswith("toy."):
        return task, toy_pack(task.name, request)
    try:
        return task, packs.current(task.name)
    except SuwenError as error:
        pytest.skip(f"no pack for {task.name}: {error.got}")
