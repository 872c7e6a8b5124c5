"""FHIR R4 JSON in: a resource, a Bundle, or one resource a line.

Each resource is validated by itself; a Bundle also as a whole. References by full URL or
`urn:uuid:` become `Type/id`, and those to the patient become `intake.SELF`.

Reference: HL7 FHIR R4 Bundle, section 2.36.4 (resolving references); NDJSON of bulk data export.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from typing import Any

from suwen.core.errors import BadInput, SuwenError, UnsafeInput
from suwen.core.nouns import digest_of
from suwen.gateway.identity import claim_of_patient
from suwen.gateway.intake import SELF, Blob, Claim, Reading, Resource, SourceFile, local_id
from suwen.records.fhir import door as fhir

SUBJECTS = ("subject", "patient", "beneficiary", "individual")
"""Elements whose reference says whose record it is."""
SHOWN = 3
RESOURCE_CAP = 50_000
"""Most resources read from one folder: in the making each takes 10 to 20 kB."""
_RESOURCE = b'"resourceType"'


def read_fhir(file: SourceFile, data: bytes, reading: Reading) -> None:
    """Add the resources of one file to `reading`, or the reason why not."""
    try:
        _check_count(data, reading)
        entries = _entries(file, data, reading)
        sound = [pair for pair in entries if _sound(file, pair[1], reading)]
        if not sound:
            raise BadInput("no FHIR resource that can be stored", "at least one")
        resources = _linked(sound)
    except SuwenError as error:
        reading.refuse(file.name, f"not read as FHIR: {error}", f"无法作为 FHIR 读取：{error}")
        return
    patients = [one for one in resources if one["resourceType"] == "Patient"]
    names = _patient_references(resources)
    reading.claims.extend(claim_of_patient(file.name, patient) for patient in patients)
    known = {f"Patient/{patient['id']}" for patient in patients if "id" in patient}
    for name in sorted(names - known):
        short = "/".join(name.split("/")[-2:])
        if short not in known:
            reading.claims.append(Claim(file.name, "FHIR reference to a patient", reference=short))
    own = names | known
    blob = file.blob("application/fhir+json")
    reading.blobs.append(blob)
    for resource in _renamed(resources, dict.fromkeys(own, SELF)):
        if resource["resourceType"] != "Patient":
            reading.resources.append(_sourced(_unpacked(resource, reading), blob.digest))
    counts = Counter(str(one["resourceType"]) for one in resources)
    listed = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    reading.accept(f"FHIR R4: {listed}", f"FHIR R4：{listed}")


def _check_count(data: bytes, reading: Reading) -> None:
    """Refuse a file with too many resources before it is parsed."""
    if data.count(_RESOURCE) + len(reading.resources) > RESOURCE_CAP:
        raise UnsafeInput(
            f"more than {RESOURCE_CAP} resources",
            "the records of one patient that a person can look through",
            "split the file by time; readings of a device: suwen import FILE --patient ID",
        )


def _entries(file: SourceFile, data: bytes, reading: Reading) -> list[tuple[str, Resource]]:
    """Return (full URL, resource) of each resource in the file."""
    try:
        whole = fhir.parse(data)
    except BadInput:
        if len(lines := [line for line in data.splitlines() if line.strip()]) < 2:
            raise
        return list(_lines(file, lines, reading))
    if whole["resourceType"] != "Bundle":
        return [("", whole)]
    return _bundle(file, whole, reading)


def _lines(
    file: SourceFile, lines: list[bytes], reading: Reading
) -> Iterator[tuple[str, Resource]]:
    first = True
    for number, line in enumerate(lines, 1):
        try:
            yield "", fhir.parse(line)
        except SuwenError as error:
            if first:
                raise
            reading.refuse(
                file.name, f"line {number} was left out: {error}", f"第 {number} 行未读取：{error}"
            )
        first = False


def _bundle(file: SourceFile, bundle: Resource, reading: Reading) -> list[tuple[str, Resource]]:
    kept, out = [], []
    for entry in bundle.get("entry") or ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict):
            continue
        if (entry.get("request") or {}).get("method") == "DELETE":
            reading.refuse(file.name, "a deletion was not carried out", "未执行其中的删除操作")
            continue
        if _errors(resource):
            out.append((str(entry.get("fullUrl", "")), resource))
            continue
        kept.append(entry)
    if kept and (broken := _errors({**bundle, "entry": kept})):
        raise BadInput(f"the Bundle is not valid: {_told(broken)}", "a valid FHIR R4 Bundle")
    return out + [(str(entry.get("fullUrl", "")), entry["resource"]) for entry in kept]


def _errors(resource: Resource) -> list[fhir.Problem]:
    return [problem for problem in fhir.validate([resource])[0] if problem.severity == "error"]


def _told(problems: list[fhir.Problem]) -> str:
    shown = "; ".join(f"{p.path}: {p.message}" for p in problems[:SHOWN])
    more = len(problems) - SHOWN
    return shown + (f" and {more} more" if more > 0 else "")


def _sound(file: SourceFile, resource: Resource, reading: Reading) -> bool:
    broken = _errors(resource)
    if not broken:
        return True
    kind = str(resource.get("resourceType"))
    if kind == "Patient":
        raise BadInput(f"the Patient is not valid: {_told(broken)}", "a valid FHIR R4 Patient")
    told = _told(broken)
    reading.refuse(file.name, f"one {kind} was left out: {told}", f"一个 {kind} 未读取：{told}")
    return False


def _linked(pairs: list[tuple[str, Resource]]) -> list[Resource]:
    """Give every resource an id and make references between them `Type/id`."""
    names: dict[str, str] = {}
    named: list[Resource] = []
    for url, resource in pairs:
        whole = resource
        if "id" not in resource and url:
            whole = {**resource, "id": local_id("full-url", url)}
        if url:
            names[url] = f"{whole['resourceType']}/{whole['id']}"
        named.append(whole)
    return [_renamed(resource, names) for resource in named]


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """Return a copy with each reference found in `names` replaced; a version is kept apart."""
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    out = {name: _renamed(item, names) for name, item in value.items()}
    text = out.get("reference")
    if isinstance(text, str):
        plain = text.partition("/_history/")[0]
        if plain in names:
            out["reference"] = names[plain]
    return out


def _patient_references(resources: list[Resource]) -> set[str]:
    """Return the references by which resources say whose record they are."""
    found: set[str] = set()
    for resource in resources:
        for element in SUBJECTS:
            value = resource.get(element)
            text = value.get("reference") if isinstance(value, dict) else None
            if isinstance(text, str) and "Patient/" in text:
                found.add(text.partition("/_history/")[0])
    return found


def _unpacked(resource: Resource, reading: Reading) -> Resource:
    """Return a DocumentReference with its inline documents stored as blobs."""
    if resource["resourceType"] != "DocumentReference":
        return resource
    content = []
    for part in resource["content"]:
        attachment = part.get("attachment") or {}
        if "data" in attachment and "url" not in attachment:
            data = base64.b64decode(attachment["data"])
            digest, kind = digest_of(data), str(attachment.get("contentType", ""))
            reading.blobs.append(Blob(digest, kind, lambda data=data: data))  # type: ignore[misc]
            kept = {name: value for name, value in attachment.items() if name != "data"}
            content.append({**part, "attachment": {**kept, "url": f"blob/{digest}"}})
        else:
            content.append(part)
    return {**resource, "content": content}


def _sourced(resource: Resource, digest: str) -> Resource:
    """Note the stored file the resource came from, unless it names its own source."""
    meta = resource.get("meta") or {}
    return {**resource, "meta": {"source": f"blob/{digest}", **meta}}
