"""A folder of one patient's files, written file by file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suwen.core.settings import Settings
from suwen.imaging.reading.nifti import write_nifti
from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.imaging.volumes.volume import Volume
from suwen.records import Access, Person, Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for the patient's files."""
    path = tmp_path / "files"
    path.mkdir()
    return path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(Settings(home=tmp_path / "home")) as opened:
        yield opened


@pytest.fixture
def access(store: Store) -> Access:
    """A clinician who treats."""
    return store.session(Person("li.na", "Dr. Li Na", "clinician"), "treatment")


def small_volume(seed: int = 1) -> Volume:
    values = np.random.default_rng(seed).integers(-900, 100, (4, 16, 16)).astype(np.int16)
    affine = np.array([[0, 0, 1, -8], [0, 1, 0, -8], [2.0, 0, 0, -4], [0, 0, 0, 1]])
    return Volume(values, affine)


@pytest.fixture
def ct(folder: Path) -> Callable[..., list[Path]]:
    """Writes a small CT series of a patient into the folder."""

    def write(patient: str = "P-1", name: str = "Wang^Fang", seed: str = "a") -> list[Path]:
        label = Label(patient_id=patient, patient_name=name, seed=seed, study_seed="s", sex="F")
        paths = []
        for number, data in enumerate(wrap_ct(small_volume(), label)):
            paths.append(folder / f"{seed}{number}")
            paths[-1].write_bytes(data)
        return paths

    return write


@pytest.fixture
def nifti(folder: Path) -> Path:
    """A NIfTI volume in the folder."""
    path = folder / "volume"
    path.write_bytes(write_nifti(small_volume()))
    return path


@pytest.fixture
def fhir(folder: Path) -> Callable[..., Path]:
    """Writes a FHIR document into the folder."""

    def write(document: Any, name: str = "records") -> Path:
        path = folder / name
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    return write


def _patient(identifier: str = "P-1", **elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"system": "https://hospital.example/id", "value": identifier}],
        "name": [{"family": "Wang", "given": ["Fang"]}],
        "gender": "female",
        "birthDate": "1970-01-02",
        **elements,
    }


def _lab(name: str = "o1", value: float = 1.0, subject: str = "Patient/p") -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "1988-5"}]},
        "subject": {"reference": subject},
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "mg/L"},
    }


def _bundle(*resources: dict[str, Any], kind: str = "collection", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [{"resource": resource} for resource in resources],
        **more,
    }


@pytest.fixture
def patient() -> Callable[..., dict[str, Any]]:
    """Builds a FHIR Patient."""
    return _patient


@pytest.fixture
def lab() -> Callable[..., dict[str, Any]]:
    """Builds a laboratory Observation."""
    return _lab


@pytest.fixture
def bundle() -> Callable[..., dict[str, Any]]:
    """Builds a Bundle of resources."""
    return _bundle
