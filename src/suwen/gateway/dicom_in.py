"""DICOM and NIfTI in: instances become ImagingStudies, volumes become DocumentReferences."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from suwen.core.codes import Text
from suwen.core.errors import BadInput, SuwenError
from suwen.gateway.identity import DICOM_ID, meaningful, name_forms, sex_of
from suwen.gateway.intake import SELF, Claim, Reading, Resource, SourceFile, local_id
from suwen.imaging.case.series import imaging_study
from suwen.imaging.planar.case import holds_pictures
from suwen.imaging.reading.assembly import Series, assemble
from suwen.imaging.reading.instance import Instance, read_instance
from suwen.imaging.reading.nifti import read_nifti

DIRECTORY = "1.2.840.10008.1.3.10"
"""SOP class of a DICOMDIR, the index of a disc."""


class DicomReader:
    """Collects DICOM files one by one, then puts them together."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._instances: list[Instance] = []
        self._files: dict[str, SourceFile] = {}
        self._unread: dict[str, list[str]] = {}

    def add(self, file: SourceFile, data: bytes) -> None:
        """Read one file's header; what cannot be read is noted."""
        try:
            instance = read_instance(data, file.checked)
            claim = claim_of(file.name, instance)
            uid = instance.text("SOPInstanceUID")
        except SuwenError as error:
            self._unread.setdefault(error.got, []).append(file.name)
            return
        if instance.header.file_meta.get("MediaStorageSOPClassUID") == DIRECTORY:
            self._reading.refuse(
                file.name,
                "the index of a DICOM disc; the images themselves are read",
                "DICOM 光盘索引；直接读取图像文件",
            )
            return
        self._instances.append(instance)
        self._files.setdefault(uid, file)
        if claim.says_who or claim.birth_date:
            self._reading.claims.append(claim)

    def finish(self) -> None:
        """Assemble the series and add their studies."""
        for got, names in self._unread.items():
            more = f" (+{len(names) - 1})" if len(names) > 1 else ""
            self._reading.refuse(f"{names[0]}{more}", f"{got}.", f"DICOM 无法读取：{got}。")
        studies: dict[str, list[Series]] = {}
        for series in assemble(self._instances):
            if not series.study_uid or not series.series_uid:
                self._tell_problems(series)
                continue
            studies.setdefault(series.study_uid, []).append(series)
        for uid, found in studies.items():
            self._study(uid, found)

    def _study(self, uid: str, found: list[Series]) -> None:
        blobs: dict[str, str] = {}
        for series in found:
            for instance in series.instances:
                sop = instance.text("SOPInstanceUID")
                if sop and sop not in blobs:
                    blob = self._files[sop].blob("application/dicom")
                    self._reading.blobs.append(blob)
                    blobs[sop] = blob.digest
            self._tell(series)
        try:
            study = imaging_study(found, blobs, "self")
        except BadInput as error:
            self._reading.refuse("DICOM", f"{error.got}.", f"DICOM 检查无法记录：{error.got}。")
            return
        self._reading.resources.append({**study, "id": local_id("study", uid)})

    def _tell(self, series: Series) -> None:
        if not series.usable and holds_pictures(series):
            count = sum(instance.has_pixels for instance in series.instances)
            kind = series.modality
            self._reading.accept(
                f"DICOM {kind}, {count} picture(s)", f"DICOM {kind}，{count} 幅图像"
            )
            return
        if not series.usable:
            self._tell_problems(series)
            return
        kind, count = series.modality or "?", len(series.slices)
        notes = [problem.text for problem in series.problems]
        en = " ".join(note.en for note in notes)
        zh = "".join(note.zh for note in notes)
        self._reading.accept(
            f"DICOM {kind} series of {count} slice(s)" + (f" (note: {en})" if en else ""),
            f"DICOM {kind} 序列，共 {count} 层" + (f"（注意：{zh}）" if zh else ""),
        )

    def _tell_problems(self, series: Series) -> None:
        reasons = [problem.text for problem in series.problems if problem.refuses]
        reasons = reasons or [Text(en="it has no image to use.", zh="没有可用的图像。")]
        count = len(series.instances)
        self._reading.not_understood.append(
            Text(
                en=f"DICOM {series.modality or '?'} series of {count} object(s): "
                + " ".join(reason.en for reason in reasons),
                zh=f"DICOM {series.modality or '?'} 序列（{count} 个对象）："
                + "".join(reason.zh for reason in reasons),
            )
        )


def claim_of(file: str, instance: Instance) -> Claim:
    """Return what a DICOM header says about the patient."""
    number, issuer = instance.text("PatientID"), instance.text("IssuerOfPatientID")
    system = f"{DICOM_ID}/{issuer}" if issuer else DICOM_ID
    name = instance.text("PatientName")
    shown = " ".join(part for part in name.replace("=", "^").split("^") if part)
    return Claim(
        file,
        "DICOM header",
        frozenset({(system, number)} if meaningful(number) else ()),
        name_forms(name),
        _date(instance.text("PatientBirthDate")),
        sex_of(instance.text("PatientSex")),
        "",
        {"name": [{"text": shown}]} if meaningful(name) else None,
    )


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if len(text) in (8, 10) else ""
    except ValueError:
        return ""


def read_volume(file: SourceFile, data: bytes, reading: Reading) -> None:
    """Add one NIfTI file as a DocumentReference, or the reason why not."""
    try:
        volume = read_nifti(data)
    except SuwenError as error:
        reading.refuse(file.name, f"{error.got}.", f"NIfTI 无法读取：{error.got}。")
        return
    blob = file.blob("application/x-nifti")
    reading.blobs.append(blob)
    reading.resources.append(
        document(file, "application/x-nifti", {"text": "Image volume (NIfTI)"}, file.digest)
    )
    size = " x ".join(str(length) for length in reversed(volume.values.shape))
    reading.accept(f"NIfTI volume, {size} voxels", f"NIfTI 体数据，{size} 体素")


def document(file: SourceFile, media_type: str, kind: Resource, digest: str) -> Resource:
    """Return a DocumentReference to a stored file."""
    return {
        "resourceType": "DocumentReference",
        "id": local_id("document", digest),
        "status": "current",
        "type": kind,
        "subject": {"reference": SELF},
        "content": [
            {
                "attachment": {
                    "contentType": media_type,
                    "url": f"blob/{digest}",
                    "title": file.name,
                }
            }
        ],
    }


Reader = Callable[[SourceFile, bytes, Reading], None]
