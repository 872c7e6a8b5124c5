"""Real public nodules as demo folders: LIDC-IDRI crops wrapped as DICOM CT series.

Chosen by rule, not by result: the first by sorted key (patient, number) of each kind in `KINDS`.
LIDC-IDRI is CC BY 3.0; the source stands in the series and in a text beside it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from suwen.app.demo_patients.points import point_at
from suwen.core.nouns import Point
from suwen.gateway.identity import DICOM_ID
from suwen.imaging.nodules.data import LIDC_SOURCE, Crop, Nodule, read_crop, read_nodules
from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.lifecycle.data import DataFolders

KINDS: tuple[tuple[str, Callable[[Nodule], bool]], ...] = (
    ("lidc_large_malignant", lambda one: one.malignant and one.diameter_mm >= 20),
    ("lidc_small_benign", lambda one: not one.malignant and one.diameter_mm < 7 and one.rating < 3),
    ("lidc_indeterminate", lambda one: one.rating == 3 and 8 <= one.diameter_mm <= 15),
)
"""Name and rule of each kind; the label is the readers' opinion, not pathology."""


def real_nodule_folders(data: DataFolders, out: Path, n: int) -> list[Path]:
    """Write up to `n` real nodules as folders below `out`; return them in the order of `KINDS`.

    Raises
    ------
    NotFound
        `imaging/lidc_voi` is in none of the data folders.
    """
    nodules = sorted(read_nodules(data), key=lambda one: (one.patient, int(one.number)))
    found = []
    for name, fits in KINDS[:n]:
        nodule = next((one for one in nodules if fits(one)), None)
        if nodule is not None:
            found.append(_write(out / name, nodule))
    return found


def _write(folder: Path, nodule: Nodule) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "ct").mkdir(parents=True)
    crop = read_crop(nodule)
    label = Label(
        patient_id=nodule.patient,
        patient_name=nodule.patient.replace("-", "^", 1),
        seed=f"lidc {nodule.key}",
        description=f"{LIDC_SOURCE.name} ({LIDC_SOURCE.licence})",
        manufacturer="",
    )
    files = wrap_ct(crop.volume, label)
    for number, slice_ in enumerate(files, 1):
        (folder / "ct" / f"slice_{number:03d}.dcm").write_bytes(slice_)
    name = nodule.patient.lower()
    patient = {
        "resourceType": "Patient",
        "id": name,
        "identifier": [{"system": DICOM_ID, "value": nodule.patient}],
    }
    point = point_at(files, _middle(crop), name, f"{name}-nodule-{nodule.number}")
    entries = [{"resource": resource} for resource in (patient, point)]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    (folder / "records.json").write_text(json.dumps(bundle, indent=1), encoding="utf-8")
    folder.with_name(f"{folder.name}.source.txt").write_text(_source(nodule), encoding="utf-8")
    return folder


def _middle(crop: Crop) -> Point:
    """Return the centre of mass of the readers' mask (LPS, mm): where a radiologist points."""
    index = np.argwhere(crop.mask).mean(axis=0)
    x, y, z = crop.volume.to_point(index)
    return float(x), float(y), float(z)


def _source(nodule: Nodule) -> str:
    return (
        f"Real public data, not a clinical note: nodule {nodule.key} of {LIDC_SOURCE.name}.\n"
        f"Source: {LIDC_SOURCE.url}\nLicence: {LIDC_SOURCE.licence}\n"
        f"Citation: {LIDC_SOURCE.citation}\n"
        "The crop was wrapped as a DICOM CT series; header fields other than geometry, density and "
        "the public identifier are placeholders.\n"
        "真实公开数据（非病历）：LIDC-IDRI 肺结节裁剪图像，已封装为 DICOM CT 序列。\n"
    )
