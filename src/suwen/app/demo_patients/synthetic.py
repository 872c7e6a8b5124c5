"""Three synthetic patients as folders: CT phantom series, notes in two languages, labs, vitals."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suwen.app.demo_patients.points import point_at
from suwen.app.demo_patients.records import collection
from suwen.core.nouns import digest_of
from suwen.imaging.reading import wrap
from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.imaging.volumes import phantom
from suwen.imaging.volumes.phantom import Nodule, chest_phantom

HERE = Path(__file__).parent
NAMES = ("alder", "birch", "cedar")
SHAPE = (90, 384, 384)
SPACING = (2.0, 0.9, 0.9)
"""A usual chest CT; coarser voxels lie outside what the nodule packs were validated on."""
STAMP = ".demo-version"
RECORDS = "records.json"
UNKNOWN = b"SPIRO\x00\x02\x07" + bytes(range(256)) * 4
"""What a spirometer's own format might look like: no reader here knows it."""


def write_demo_folders(out: Path) -> list[Path]:
    """Write the folder of each synthetic patient below `out`; return them in order.

    Everything follows from fixed seeds: written twice, the files are the same, byte for byte, and
    folders this version wrote are left as they are.
    """
    folders = [out / name for name in NAMES]
    stamp, version = out / STAMP, _version()
    done = stamp.is_file() and stamp.read_text(encoding="ascii") == version
    if done and all((folder / RECORDS).is_file() for folder in folders):
        return folders
    labs = tomllib.loads((HERE / "labs.toml").read_text(encoding="utf-8"))
    for folder in folders:
        _write(folder, labs)
    stamp.write_text(version, encoding="ascii")
    return folders


def _version() -> str:
    """Return a digest of everything the folders follow from, the phantom's code included."""
    sources = [path for path in sorted(HERE.rglob("*")) if path.suffix in (".py", ".toml", ".txt")]
    sources += [*sorted(HERE.rglob("*.csv")), *map(Path, (phantom.__file__, wrap.__file__))]
    return digest_of(b"".join(path.read_bytes() for path in sources))


def _write(folder: Path, labs: Mapping[str, Any]) -> None:
    source = HERE / folder.name
    patient = tomllib.loads((source / "patient.toml").read_text(encoding="utf-8"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        if path.suffix in (".txt", ".csv"):
            text = path.read_text(encoding="utf-8")
            encoding = "gb18030" if path.name in patient.get("gb18030", ()) else "utf-8"
            (folder / path.name).write_bytes(text.encode(encoding))
    if unknown := patient.get("unknown_file"):
        (folder / unknown).write_bytes(UNKNOWN)
    points = _write_ct(folder / "ct", patient)
    bundle = collection(patient, labs, points)
    text = json.dumps(bundle, ensure_ascii=False, indent=1)
    (folder / RECORDS).write_text(text, encoding="utf-8")


def _write_ct(folder: Path, patient: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Write the phantom series; return the points at which a radiologist would place nodules."""
    nodules = tuple(
        Nodule(tuple(one["centre"]), one["diameter_mm"], one["kind"]) for one in patient["nodule"]
    )
    drawn = chest_phantom(patient["seed"], nodules, SHAPE, SPACING)
    voxels = digest_of(drawn.volume.values.tobytes())
    label = Label(
        patient_id=patient["id"],
        patient_name=f"SYNTHETIC^{patient['given']}",
        seed=f"suwen demo {patient['id']} {voxels}",
        sex=patient["sex"][0].upper(),
        age=f"{patient['age']:03d}Y",
        date=patient["study_date"].replace("-", ""),
        description=patient["series"],
        kernel=patient["kernel"],
    )
    folder.mkdir()
    files = wrap_ct(drawn.volume, label)
    for number, data in enumerate(files, 1):
        (folder / f"slice_{number:03d}.dcm").write_bytes(data)
    name = patient["id"].lower()
    return [
        point_at(files, nodule.centre, name, f"{name}-nodule-{place}")
        for place, nodule in enumerate(nodules, 1)
    ]
