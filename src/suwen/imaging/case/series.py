"""The image series of a Case, and the FHIR ImagingStudy they are recorded as.

An ImagingStudy holds one study; each of its instances names its stored bytes in the extension
`BLOB_EXTENSION`. A NIfTI volume is a DocumentReference whose attachment is `blob/<sha256>`.

Reference: FHIR R4 (4.0.1) ImagingStudy, DocumentReference.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any, Final

import numpy as np

from suwen.core.codes import DCM, SUWEN, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Case, Record, Reference
from suwen.imaging.anatomy import situs
from suwen.imaging.anatomy.lobes import Lobes, find_lobes
from suwen.imaging.anatomy.lungs import Lungs, find_lungs
from suwen.imaging.reading.assembly import Series, assemble
from suwen.imaging.reading.instance import Instance, read_instance
from suwen.imaging.reading.nifti import read_nifti
from suwen.imaging.reading.problem import Problem, refusal
from suwen.imaging.reading.stacks import SEPARATED
from suwen.imaging.reading.uids import uid_from
from suwen.imaging.volumes.volume import Volume

BLOB_EXTENSION: Final = f"{SUWEN}/blob"
MODALITY_EXTENSION: Final = f"{SUWEN}/modality"
NIFTI_TYPES: Final = ("application/x-nifti", "application/nifti", "application/x-nifti+gzip")
_CACHED_CASES: Final = 2
_AIR_BELOW_HU: Final = -500


@dataclass(frozen=True)
class CaseSeries:
    """One image series of a Case.

    `reference` is the versioned record it came from, `blobs` the references of its bytes.
    `volume` is built when first asked for, and kept. `source` holds the DICOM headers, for what
    is written back (SR, SEG); None for NIfTI.
    """

    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    reference: Reference
    modality: str
    instance_uids: tuple[str, ...]
    tags: Mapping[str, str] = field(repr=False)
    blobs: tuple[Reference, ...] = field(repr=False)
    build: Callable[[], Volume] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    source: Series | None = field(default=None, repr=False)

    @cached_property
    def volume(self) -> Volume:
        """Voxels (CT: Hounsfield units) with their place in the patient.

        Raises
        ------
        BadInput
            The series is refused, or its pixels cannot be decoded.
        """
        return self.build()

    @cached_property
    def lungs(self) -> Lungs:
        """The lungs seen on it, for a CT."""
        return find_lungs(self.volume)

    @cached_property
    def lobes(self) -> Lobes:
        """The lobes of these lungs."""
        return find_lobes(self.volume, self.lungs)

    @cached_property
    def mirrored(self) -> bool:
        """Whether left and right of a chest CT look exchanged."""
        return situs.mirrored(self.lungs.grid)

    @property
    def remark(self) -> Text | None:
        """What a reader of its findings has to know of how the volume came about."""
        told = [one.text for one in self.problems if one.code == SEPARATED]
        return told[0] if told else None

    @property
    def usable(self) -> bool:
        """Say whether nothing speaks against building the volume."""
        return not any(problem.refuses for problem in self.problems)

    def instance_at(self, point: tuple[float, float, float]) -> str:
        """Return the SOP Instance UID of the slice nearest to a point (LPS, mm)."""
        if self.source is None or not self.source.slices:
            return self.instance_uids[0]
        slices = self.source.slices
        normal = slices[0].normal
        away = [abs(float((np.asarray(point) - one.position) @ normal)) for one in slices]
        return slices[int(np.argmin(away))].uid


def case_volumes(case: Case) -> list[CaseSeries]:
    """Return the series of the Case from which a volume can be built."""
    return [series for series in case_series(case) if series.usable]


def answered_volumes(case: Case) -> list[CaseSeries]:
    """Return the volumes that tasks answer about: of a series of several stacks the largest.

    Of stacks with equally many slices it is the first. Findings name their series by its UID, so
    one volume a series is answered about; the reader is told (`CaseSeries.remark`).
    """
    best: dict[str, CaseSeries] = {}
    for series in case_volumes(case):
        held = best.setdefault(series.series_uid, series)
        if len(series.instance_uids) > len(held.instance_uids):
            best[series.series_uid] = series
    return list(best.values())


def case_series(case: Case) -> list[CaseSeries]:
    """Return every image series of the Case, also those refused, each with its problems.

    The last Cases are kept, so that several tasks on one Case read it once.
    """
    studies = case.of("ImagingStudy")
    documents = [record for record in case.of("DocumentReference") if _nifti(record)]
    key = (case.blob, *(record.reference for record in (*studies, *documents)))
    with _lock:
        if key in _recent:
            _recent.move_to_end(key)
            return list(_recent[key])
    found = [series for record in studies for series in _from_study(case, record)]
    found += [series for record in documents for series in _from_document(case, record)]
    with _lock:
        _recent[key] = found
        while len(_recent) > _CACHED_CASES:
            _recent.popitem(last=False)
    return list(found)


_recent: OrderedDict[tuple[Any, ...], list[CaseSeries]] = OrderedDict()
_lock = Lock()


def forget() -> None:
    """Drop the kept Cases (after a patient's key was destroyed, or to free memory)."""
    with _lock:
        _recent.clear()


def _from_study(case: Case, record: Record) -> Iterator[CaseSeries]:
    instances: list[Instance] = []
    digest_of: dict[str, str] = {}
    unread: dict[str, list[Problem]] = {}
    for entry in record.content.get("series", ()):
        for item in entry.get("instance", ()):
            digest = _blob_of(item)
            if digest is None:
                continue
            try:
                instance = read_instance(case.blob(digest), _loader(case, digest))
                digest_of[instance.text("SOPInstanceUID")] = digest
                instances.append(instance)
            except BadInput as error:
                unread.setdefault(entry.get("uid", ""), []).append(_unreadable(error))
    for series in assemble(instances):
        problems = (*series.problems, *unread.pop(series.series_uid, ()))
        yield CaseSeries(
            study_uid=series.study_uid,
            series_uid=series.series_uid,
            frame_of_reference_uid=series.frame_of_reference_uid,
            reference=record.reference,
            modality=series.modality,
            instance_uids=series.instance_uids,
            tags=series.tags,
            blobs=tuple(f"blob/{digest_of[uid]}" for uid in dict.fromkeys(series.instance_uids)),
            build=series.volume,
            problems=problems,
            source=series,
        )
    for uid, problems_of in unread.items():
        yield _refused(record, uid, tuple(problems_of))


def _loader(case: Case, digest: str) -> Callable[[], bytes]:
    return lambda: case.blob(digest)


def _unreadable(error: BadInput) -> Problem:
    return refusal(
        "unreadable-object", f"An object cannot be read: {error.got}.", "有一个对象无法读取。"
    )


def _refused(record: Record, uid: str, problems: tuple[Problem, ...]) -> CaseSeries:
    def build() -> Volume:
        raise BadInput(
            "an image series that cannot be read", "intact objects", "send the series again"
        )

    return CaseSeries("", uid, "", record.reference, "", (), {}, (), build, problems)


def _blob_of(item: Mapping[str, Any]) -> str | None:
    for extension in item.get("extension", ()):
        if extension.get("url") == BLOB_EXTENSION:
            return str(extension.get("valueString", "")) or None
    return None


def _nifti(record: Record) -> bool:
    return any(
        part.get("attachment", {}).get("contentType") in NIFTI_TYPES
        for part in record.content.get("content", ())
    )


def _from_document(case: Case, record: Record) -> Iterator[CaseSeries]:
    for part in record.content.get("content", ()):
        attachment = part.get("attachment", {})
        reference = str(attachment.get("url", ""))
        if attachment.get("contentType") not in NIFTI_TYPES or not reference.startswith("blob/"):
            continue
        digest = reference.removeprefix("blob/")
        try:
            volume = read_nifti(case.blob(digest))
        except BadInput as error:
            yield _refused(record, uid_from(f"series {digest}"), (_unreadable(error),))
            continue
        yield CaseSeries(
            study_uid=uid_from(f"study {digest}"),
            series_uid=uid_from(f"series {digest}"),
            frame_of_reference_uid=uid_from(f"frame of reference {digest}"),
            reference=record.reference,
            modality=_modality(record, volume),
            instance_uids=(uid_from(f"instance {digest}"),),
            tags={},
            blobs=(reference,),
            build=lambda volume=volume: volume,  # type: ignore[misc]
        )


def _modality(record: Record, volume: Volume) -> str:
    """NIfTI does not say its modality: take the record's word, else CT where air is seen."""
    for extension in record.content.get("extension", ()):
        if extension.get("url") == MODALITY_EXTENSION:
            return str(extension.get("valueCode", ""))
    return "CT" if float(volume.values.min()) < _AIR_BELOW_HU else ""


def imaging_study(
    series_list: Sequence[Series], blobs: Mapping[str, str], patient: str
) -> dict[str, Any]:
    """Return the FHIR R4 ImagingStudy of the series of one study.

    Parameters
    ----------
    series_list
        Series of one study, at least one.
    blobs
        SHA-256 of the stored bytes by SOP Instance UID.
    patient
        Logical id of the Patient.

    Raises
    ------
    BadInput
        The series belong to several studies, or carry no UIDs to record them by.
    """
    studies = {series.study_uid for series in series_list}
    if len(studies) != 1 or "" in studies or not all(one.series_uid for one in series_list):
        raise BadInput(
            "image series of several studies, or without UIDs",
            "series of one study with their Study and Series Instance UIDs",
            "record each study by itself",
        )
    entries = _entries(series_list, blobs)
    study: dict[str, Any] = {
        "resourceType": "ImagingStudy",
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{series_list[0].study_uid}"}],
        "status": "available",
        "modality": [
            {"system": DCM, "code": code}
            for code in sorted({entry["modality"]["code"] for entry in entries})
        ],
        "subject": {"reference": f"Patient/{patient}"},
        "numberOfSeries": len(entries),
        "numberOfInstances": sum(entry["numberOfInstances"] for entry in entries),
        "series": entries,
    }
    if started := _date(series_list[0].tags.get("StudyDate", "")):
        study["started"] = started
    return study


def _entries(series_list: Sequence[Series], blobs: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return each series once, with the instances whose bytes are stored."""
    entries: dict[str, dict[str, Any]] = {}
    for series in series_list:
        entry = entries.setdefault(series.series_uid, _entry(series))
        known = {item["uid"] for item in entry["instance"]}
        for instance in series.instances:
            uid = instance.text("SOPInstanceUID")
            if uid in blobs and uid not in known:
                known.add(uid)
                entry["instance"].append(_item(instance, uid, blobs[uid]))
    for entry in entries.values():
        entry["numberOfInstances"] = len(entry["instance"])
    return list(entries.values())


def _entry(series: Series) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "uid": series.series_uid,
        "modality": {"system": DCM, "code": series.modality or "OT"},
        "instance": [],
    }
    number = series.tags.get("SeriesNumber", "")
    if number.isdigit() and int(number) < 2**31:
        entry["number"] = int(number)
    if description := series.tags.get("SeriesDescription"):
        entry["description"] = description
    return entry


def _item(instance: Instance, uid: str, digest: str) -> dict[str, Any]:
    item: dict[str, Any] = {
        "extension": [{"url": BLOB_EXTENSION, "valueString": digest}],
        "uid": uid,
        "sopClass": {
            "system": "urn:ietf:rfc:3986",
            "code": f"urn:oid:{instance.text('SOPClassUID')}",
        },
    }
    number = instance.text("InstanceNumber")
    if number.isdigit() and int(number) < 2**31:
        item["number"] = int(number)
    return item


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else ""
