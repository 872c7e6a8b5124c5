"""One furnished clinic a module, and people signed in to its server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import scene
from desk import QUESTIONS, Desk

from suwen.core import registry


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> scene.Clinic:
    """A clinic that stays closed: tests work on copies of it."""
    made = scene.furnished(tmp_path_factory.mktemp("clinic") / "home")
    made.store.close()
    return made


@pytest.fixture(scope="module")
def clinic(
    furnished: scene.Clinic, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[scene.Clinic]:
    opened = scene.copied(furnished, tmp_path_factory.mktemp("copy") / "home")
    yield opened
    opened.store.close()


@pytest.fixture
def fresh(furnished: scene.Clinic, tmp_path: Path) -> Iterator[scene.Clinic]:
    opened = scene.copied(furnished, tmp_path / "home")
    yield opened
    opened.store.close()


@pytest.fixture
def ward(written: scene.Clinic, tmp_path: Path) -> Iterator[scene.Clinic]:
    """A copy of the clinic that a module has `written`."""
    opened = scene.copied(written, tmp_path / "home")
    yield opened
    opened.store.close()


@pytest.fixture
def desk(ward: scene.Clinic) -> Iterator[Desk]:
    """A clinician in that ward."""
    made = Desk(ward, "dr.lin")
    yield made
    made.http.close()


@pytest.fixture
def guest(clinic: scene.Clinic) -> Iterator[Desk]:
    desk = Desk(clinic)
    yield desk
    desk.http.close()


@pytest.fixture
def clinician(clinic: scene.Clinic) -> Iterator[Desk]:
    desk = Desk(clinic, "dr.lin")
    yield desk
    desk.http.close()


@pytest.fixture
def administrator(clinic: scene.Clinic) -> Iterator[Desk]:
    desk = Desk(clinic, "admin")
    yield desk
    desk.http.close()


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_tasks", {one.name: one for one in QUESTIONS})
    monkeypatch.setattr(registry, "_rooms", [])
