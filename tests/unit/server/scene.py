"""A small clinic: a store with people, a phantom CT with two nodules, and a composed report."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from argon2 import PasswordHasher
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "imaging"))
import radiographs

from suwen.core import codes
from suwen.core.codes import Text
from suwen.core.errors import NotFound
from suwen.core.nouns import (
    COMPARED,
    Attachment,
    Band,
    Explanation,
    Finding,
    ImageRegion,
    Interval,
    Measure,
    RecordValue,
    Report,
    SimilarExample,
    Tracking,
)
from suwen.core.settings import Settings
from suwen.diagnosis.compose import compose
from suwen.imaging.case.series import CaseSeries, case_volumes, imaging_study
from suwen.imaging.reading.assembly import assemble
from suwen.imaging.reading.instance import read_instance
from suwen.imaging.reading.nifti import write_nifti
from suwen.imaging.reading.wrap import Label, wrap_ct
from suwen.imaging.volumes.phantom import Nodule, Phantom, chest_phantom
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle.sealed.gallery_pictures import WEBP, encoded
from suwen.records import Access, Person, Store
from suwen.server.held.jobs import JobStatus

PASSWORD = "correct horse battery"
QUICK = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
CLINICIAN = Person("dr.lin", "Dr Lin Wei", "clinician")
NURSE = Person("nurse.amy", "Amy Chan", "nurse")
OTHER = Person("dr.other", "Dr Olga Berg", "clinician")
ADMINISTRATOR = Person("admin", "Ada Root", "administrator")
SCIENTIST = Person("sci", "Sam Data", "scientist")
PEOPLE = (CLINICIAN, NURSE, OTHER, ADMINISTRATOR, SCIENTIST)
NODULES = (
    Nodule((-78.0, 10.0, 20.0), 16.0, "spiculated"),
    Nodule((70.0, 30.0, -10.0), 9.0, "solid"),
)
PACK = "lung-malignancy@1.0.0+" + "0" * 64
Grid = tuple[tuple[int, int, int], tuple[float, float, float]]
"""Shape (z, y, x) and spacing in mm."""
COARSE: Grid = (56, 128, 128), (4.0, 2.8, 2.8)
"""A phantom that is quick to draw."""
MOVED = (12.0, -7.0, 8.0)
"""How the patient lay on the table of the earlier study, against the current one (mm)."""
LATER = 6
"""Slices by which the earlier scan began higher."""
EARLIER = "1999-06-01"
"""Day of the earlier study; the phantom's own is 2000-01-01."""
NOTES = {
    "en": "58-year-old woman, former smoker (25 pack-years), cough for six weeks.\n"
    "No fever, weight stable. CT chest for clarification.",
    "zh": "患者女性，58岁，既往吸烟史25包年，咳嗽6周。\n无发热，体重稳定。行胸部CT明确诊断。",
}


class Jobs:
    """Jobs that finish at once: `work` is what a job does."""

    def __init__(self) -> None:
        self.known: dict[str, JobStatus] = {}
        self.payloads: dict[str, Mapping[str, Any]] = {}
        self.work = lambda payload: None

    def submit(self, kind: str, payload: Mapping[str, Any], key: str | None = None) -> str:
        job = key or f"job-{len(self.known) + 1}"
        now = datetime.now(UTC)
        self.payloads[job] = payload
        result = self.work(payload) or {}
        self.known[job] = JobStatus(
            id=job, kind=kind, state="done", person=payload["person"]["id"],
            patient=payload.get("patient", ""), created=now, updated=now,
            upload=payload.get("upload", ""), told=result.get("told", ""),
        )  # fmt: skip
        return job

    def status(self, job: str) -> JobStatus:
        if job not in self.known:
            raise NotFound("no such job", "a known one", "list them")
        return self.known[job]

    def list(self, prefix: str = "") -> Sequence[JobStatus]:
        return [one for one in self.known.values() if one.id.startswith(prefix)][::-1]


@dataclass
class Clinic:
    """The open store and what is in it."""

    store: Store
    settings: Settings
    jobs: Jobs
    patient: str = ""
    phantom: Phantom | None = None
    findings: list[Finding] = field(default_factory=list)

    def access(self, person: Person = CLINICIAN) -> Access:
        purpose = "audit" if person.role == "administrator" else "treatment"
        return self.store.session(person, purpose)

    def run(self, access: Access, patient: str, task: str) -> list[Finding]:
        access.case(patient)
        return [finding for finding in self.findings if finding.task == task]


def open_clinic(home: Path, **changes: Any) -> Clinic:
    """Open a store with five people in it."""
    settings = Settings(home=home, **changes)
    store = Store.open(settings)
    hashed = QUICK.hash(PASSWORD)
    for person in PEOPLE:
        store.add_person(person, hashed)
    return Clinic(store, settings, Jobs())


def copied(clinic: Clinic, home: Path) -> Clinic:
    """Open a copy of a closed clinic."""
    shutil.copytree(clinic.settings.home, home)
    settings = clinic.settings.model_copy(update={"home": home})
    store = Store.open(settings)
    return Clinic(store, settings, Jobs(), clinic.patient, clinic.phantom, clinic.findings)


def admit(
    clinic: Clinic, name: str = "Li, Na", born: str = "1968-03-02", number: str = "T-1"
) -> str:
    """Record a patient without images."""
    access = clinic.access()
    patient = access.new_patient([("urn:test", number)])
    family, given = name.split(", ")
    resource = {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:test", "value": number}],
        "name": [{"family": family, "given": [given]}],
        "birthDate": born,
        "gender": "female",
    }
    access.put([resource], patient)
    return patient


def add_ct(clinic: Clinic, patient: str, grid: Grid = COARSE) -> Phantom:
    """Record a phantom CT, a note in each language, a laboratory value and a vital sign."""
    access = clinic.access()
    phantom = chest_phantom(3, NODULES, *grid)
    files = wrap_ct(phantom.volume, Label("T-1", "Test^Phantom", "scene"))
    record_images(clinic, patient, files)
    resources = []
    for language, text in NOTES.items():
        digest = access.put_blob(patient, text.encode(), "text/plain")
        resources.append(_note(patient, digest, "Referral" if language == "en" else "门诊记录"))
    resources += _observations(patient)
    access.put(resources, patient)
    clinic.phantom = phantom
    return phantom


def _note(patient: str, digest: str, title: str) -> dict[str, Any]:
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": f"Patient/{patient}"},
        "date": "2026-03-01T08:30:00Z",
        "content": [
            {"attachment": {"contentType": "text/plain", "url": f"blob/{digest}", "title": title}}
        ],
    }


def _observations(patient: str) -> list[dict[str, Any]]:
    def one(code: str, name: str, value: float, unit: str, category: str, high: float | None):
        return {
            "resourceType": "Observation",
            "status": "final",
            "category": [{"coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                "code": category}]}],
            "code": {"coding": [{"system": codes.LOINC, "code": code, "display": name}]},
            "subject": {"reference": f"Patient/{patient}"},
            "effectiveDateTime": "2026-03-01T07:10:00Z",
            "valueQuantity": {"value": value, "unit": unit, "system": codes.UCUM, "code": unit},
            **({"referenceRange": [{"high": {"value": high, "unit": unit, "code": unit,
                                             "system": codes.UCUM}}]} if high else {}),
        }  # fmt: skip

    return [
        one("1988-5", "C reactive protein", 14.2, "mg/L", "laboratory", 5.0),
        one("718-7", "Hemoglobin", 132.0, "g/L", "laboratory", None),
        one("59408-5", "Oxygen saturation", 95.0, "%", "vital-signs", None),
        one("8867-4", "Heart rate", 82.0, "/min", "vital-signs", None),
    ]


def _region(series: CaseSeries, nodule: Nodule) -> ImageRegion:
    half = nodule.diameter_mm / 2
    return ImageRegion(
        record=series.reference,
        study_uid=series.study_uid,
        series_uid=series.series_uid,
        frame_of_reference_uid=series.frame_of_reference_uid,
        centre=nodule.centre,
        low=tuple(c - half for c in nodule.centre),
        high=tuple(c + half for c in nodule.centre),
        instance_uid=series.instance_at(nodule.centre),
    )


def _heat(mask: Volume) -> Volume:
    distance = np.linalg.norm(
        mask.to_point(np.stack(np.indices(mask.values.shape), -1).astype(float))
        - mask.to_point(np.argwhere(mask.values).mean(axis=0)),
        axis=-1,
    )
    return Volume(np.exp(-((distance / 8.0) ** 2)).astype(np.float32), mask.affine)


LIKE = SimilarExample(
    record="example/lidc_voi/LIDC-IDRI-0078_R_2",
    label=Text(en="malignant in the radiologists' opinion", zh="放射科医师判断为恶性"),
    weight=0.91,
    note=Text(en="malignancy rated 4.8 of 5, marked spiculation", zh="恶性评分 4.8/5，明显毛刺"),
)
"""A nodule of the development data like those of the phantom."""
DRAWN = tuple(
    Attachment.of(role, WEBP, encoded(np.full((72, 72), level, np.uint8)))
    for role, level in ((COMPARED, 90), (LIKE.picture_role, 160))
)
"""Small pictures of the nodule and of the one it is like."""


def find_nodules(clinic: Clinic, patient: str, hidden: Sequence[int] = (1,)) -> list[Finding]:
    """Store what both nodule tasks would say; the saliency of `hidden` nodules failed its check."""
    access, phantom = clinic.access(), clinic.phantom
    assert phantom is not None
    series = case_volumes(access.case(patient))[0]
    chances = ((0.87, 0.74, 0.94, Band.RULE_IN), (0.31, 0.17, 0.49, Band.GREY))
    findings: list[Finding] = []
    for n, (nodule, mask) in enumerate(zip(phantom.nodules, phantom.masks, strict=True)):
        tracking = Tracking(uid=f"2.25.{1000 + n}", label=f"Nodule {n + 1}")
        site = codes.RIGHT_LUNG if nodule.centre[0] < 0 else codes.LEFT_LUNG
        grid = Volume(mask, phantom.volume.affine)
        attached = Attachment.of("mask", "application/x-nifti", write_nifti(grid))
        heat = Attachment.of("saliency", "application/x-nifti", write_nifti(_heat(grid)))
        evidence = (_region(series, nodule),)
        volume = float(mask.sum() * phantom.volume.voxel_mm3)
        size = nodule.diameter_mm
        value, low, high, band = chances[n]
        why = Text(en="the map did not change with the model's weights", zh="热图不随模型权重变化")
        findings.append(
            Finding(
                task="imaging.nodule_segmentation",
                pack=PACK.replace("malignancy", "segmentation"),
                code=codes.PULMONARY_NODULE,
                band=Band.RULE_IN,
                tracking=tracking,
                site=site,
                measures=(
                    Measure(
                        code=codes.LONGEST_DIAMETER,
                        unit="mm",
                        interval=Interval(value=size + 1, low=size - 1, high=size + 3),
                    ),
                    Measure(
                        code=codes.VOLUME,
                        unit="mm3",
                        interval=Interval(value=volume, low=volume * 0.9, high=volume * 1.1),
                    ),
                ),
                evidence=evidence,
                attachments=(attached,),
            )
        )
        findings.append(
            Finding(
                task="imaging.nodule_malignancy",
                pack=PACK,
                code=codes.MALIGNANCY_PROBABILITY,
                band=band,
                probability=Interval(value=value, low=low, high=high),
                tracking=tracking,
                site=site,
                evidence=(*evidence, LIKE),
                attachments=(heat, *DRAWN),
                explanations=(
                    Explanation(
                        method="cam",
                        faithfulness=0.71,
                        randomisation_similarity=0.12,
                        hidden_because=why if n in hidden else None,
                    ),
                ),
            )
        )
        kept = (attached, heat, *DRAWN)
        access.put_blobs(patient, [(a.data or b"", a.media_type) for a in kept])
    clinic.findings = findings
    return findings


def follow_up(clinic: Clinic, patient: str, grid: Grid = COARSE) -> Finding:
    """Record an earlier CT, its patient moved, and report what became of the first nodule."""
    access, size = clinic.access(), NODULES[0].diameter_mm
    before = Nodule(NODULES[0].centre, 12.0, "spiculated")
    drawn = chest_phantom(3, (before,), *grid).volume
    affine = drawn.affine.copy()
    affine[:3, 3] += np.array(MOVED) + LATER * affine[:3, 0]
    label = Label("T-1", "Test^Phantom", "earlier", date=EARLIER.replace("-", ""))
    files = wrap_ct(Volume(drawn.values[LATER:], affine), label)
    record_images(clinic, patient, files)
    series = {one.tags["StudyDate"]: one for one in case_volumes(access.case(patient))}
    now = next(one for day, one in series.items() if day != label.date)
    place = tuple(c + m for c, m in zip(before.centre, MOVED, strict=True))
    found = Finding(
        task="imaging.nodule_followup",
        pack=PACK.replace("malignancy", "followup"),
        code=codes.VOLUME_CHANGE,
        band=Band.RULE_IN,
        tracking=Tracking(uid="2.25.1000", label="Nodule 1"),
        site=codes.RIGHT_LUNG,
        measures=(
            Measure(
                code=codes.VOLUME_CHANGE,
                unit="%",
                interval=Interval(value=137.0, low=90.0, high=190.0),
            ),
        ),
        evidence=(
            _region(now, NODULES[0]),
            _region(series[label.date], Nodule(place, size, "spiculated")),
            RecordValue(record=f"Finding/{clinic.findings[0].id}", path="Finding.measures"),
        ),
    )
    clinic.findings = [*clinic.findings, found]
    return found


def record_images(clinic: Clinic, patient: str, files: Sequence[bytes]) -> None:
    """Store DICOM files of one study and the ImagingStudy that names them."""
    access = clinic.access()
    digests = access.put_blobs(patient, [(data, "application/dicom") for data in files])
    instances = [read_instance(data, lambda data=data: data) for data in files]
    blobs = {i.text("SOPInstanceUID"): d for i, d in zip(instances, digests, strict=True)}
    access.put([imaging_study(assemble(instances), blobs, patient)], patient)


def add_radiograph(clinic: Clinic, patient: str) -> Finding:
    """Record a chest radiograph and what is found on it, with a map of warm colours."""
    record_images(clinic, patient, [radiographs.dx()])
    access = clinic.access()
    study = next(r for r in access.case(patient).of("ImagingStudy") if "DX" in str(r.content))
    series = study.content["series"][0]
    uid, instance = series["uid"], series["instance"][0]["uid"]
    out = io.BytesIO()
    Image.new("RGB", (144, 120), (220, 90, 20)).save(out, "PNG")
    heat = Attachment.of("key-image-saliency", "image/png", out.getvalue())
    access.put_blobs(patient, [(out.getvalue(), "image/png")])
    return Finding(
        task="imaging.chest_xray",
        pack=PACK.replace("lung-malignancy", "chest"),
        code=codes.PNEUMONIA,
        band=Band.GREY,
        probability=Interval(value=0.4, low=0.2, high=0.6),
        evidence=(
            RecordValue(
                record=study.reference,
                path=f"ImagingStudy.series.where(uid='{uid}').instance.where(uid='{instance}').uid",
            ),
        ),
        attachments=(heat,),
        explanations=(Explanation(method="cam", faithfulness=0.6, randomisation_similarity=0.1),),
    )


def report_on(
    clinic: Clinic, patient: str, findings: Sequence[Finding], age: timedelta = timedelta(0)
) -> Report:
    """Compose and store the draft report of `findings`."""
    access = clinic.access()
    unread = [Text(en="scan.bin: not a known kind of file", zh="scan.bin：无法识别的文件类型")]
    report = compose(access.case(patient), findings, unread, datetime.now(UTC) - age)
    access.put([report], patient)
    return report


def furnished(home: Path) -> Clinic:
    """Open a clinic with one diagnosed patient and one without images."""
    clinic = open_clinic(home)
    clinic.patient = admit(clinic)
    add_ct(clinic, clinic.patient)
    report_on(clinic, clinic.patient, find_nodules(clinic, clinic.patient))
    admit(clinic, "王, 小明", "1955-11-20", "T-2")
    return clinic
