"""An intake into the store: the same folder twice adds nothing, a fuller one adds what is new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from suwen.core.errors import Conflict
from suwen.gateway.identity import claim_of_patient, disagreement
from suwen.gateway.intake import SELF, Blob, Intake, Resource
from suwen.imaging.case.series import BLOB_EXTENSION
from suwen.records import Access

BATCH_BYTES = 64 * 1024 * 1024
"""Most bytes of blobs held and stored in one transaction."""
BATCH_BLOBS = 200


def store_intake(access: Access, intake: Intake) -> str:
    """Store everything of an intake; return the store's id of the patient.

    The blobs come first, so that no resource ever names bytes that are not there; stopping between
    them and the resources leaves nothing wrong, and storing again completes it.

    Raises
    ------
    Conflict
        The identifiers are those of a stored patient whom name, birth date or sex contradict, or an
        image is stored already under the same UID with other bytes.
    Denied
        The person does not belong to the care team of the patient that is stored already.
    """
    patient = access.new_patient(list(intake.identity.identifiers))
    person = _person(access, patient, intake.identity.patient)
    for batch in _batches(intake.blobs):
        access.put_blobs(patient, batch)
    resources = [about(resource, f"Patient/{patient}") for resource in intake.resources]
    resources = [_merged(access, patient, resource) for resource in resources]
    access.put([person, *resources], patient)
    return patient


def _person(access: Access, patient: str, stated: Resource) -> Resource:
    """Return the Patient to store: what is stored already, completed by what the files say."""
    person = {**stated, "id": patient}
    for record in access.search("Patient", patient):
        stored = record.content
        fields = disagreement(claim_of_patient("", stored), claim_of_patient("", stated))
        if fields:
            raise Conflict(
                f"the identifiers are those of a stored patient who differs in {', '.join(fields)}",
                "files of that patient",
                "check the patient's identifiers at their source",
            )
        known = stored.get("identifier") or []
        added = [one for one in stated.get("identifier") or () if one not in known]
        person = {**person, **stored}
        if known or added:
            person["identifier"] = [*known, *added]
    return person


def _batches(blobs: Iterable[Blob]) -> Iterator[list[tuple[bytes, str]]]:
    batch: list[tuple[bytes, str]] = []
    size = 0
    for blob in blobs:
        data = blob.checked()
        batch.append((data, blob.media_type))
        size += len(data)
        if size >= BATCH_BYTES or len(batch) >= BATCH_BLOBS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def about(value: Any, patient: str) -> Any:
    """Return a copy with every reference to `SELF` made one to the patient."""
    if isinstance(value, list):
        return [about(item, patient) for item in value]
    if not isinstance(value, dict):
        return value
    out = {name: about(item, patient) for name, item in value.items()}
    if out.get("reference") == SELF:
        out["reference"] = patient
    return out


def _merged(access: Access, patient: str, resource: Resource) -> Resource:
    """Return an ImagingStudy with the series stored for that study before; others unchanged."""
    if resource["resourceType"] != "ImagingStudy":
        return resource
    one = resource["identifier"][0]
    found = access.search("ImagingStudy", patient, identifier=f"{one['system']}|{one['value']}")
    for record in found:
        resource = _united(record.content, resource)
    return resource


def _united(stored: Resource, new: Resource) -> Resource:
    series = {one["uid"]: dict(one) for one in stored.get("series") or ()}
    for one in new["series"]:
        known = series.get(one["uid"])
        series[one["uid"]] = one if known is None else _united_series(known, one)
    modalities = {one["code"]: one for one in [*(stored.get("modality") or ()), *new["modality"]]}
    return {
        **new,
        "modality": [modalities[code] for code in sorted(modalities)],
        "numberOfSeries": len(series),
        "numberOfInstances": sum(len(one["instance"]) for one in series.values()),
        "series": list(series.values()),
    }


def _united_series(stored: Resource, new: Resource) -> Resource:
    instances = {one["uid"]: one for one in stored.get("instance") or ()}
    for one in new["instance"]:
        known = instances.setdefault(one["uid"], one)
        if _digest(known) != _digest(one):
            raise Conflict(
                "an image is stored already under the same UID with other bytes",
                "one image a SOP Instance UID",
                "ask the sender which of the two is right",
            )
    return {**stored, "instance": list(instances.values()), "numberOfInstances": len(instances)}


def _digest(instance: Resource) -> str:
    extensions = instance.get("extension") or ()
    return next((str(e["valueString"]) for e in extensions if e.get("url") == BLOB_EXTENSION), "")
