"""The forms of a report: HTML, PDF, FHIR, and DICOM objects for its images."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from suwen.core.codes import Language, Text
from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Case, Finding, ImageRegion, Report
from suwen.diagnosis.fhir import entry, fhir_bundle
from suwen.diagnosis.html import html_report
from suwen.diagnosis.lesions import compares, identified
from suwen.diagnosis.pdf import pdf_report
from suwen.diagnosis.problems import shown
from suwen.diagnosis.view import Particulars
from suwen.imaging.case.series import CaseSeries, answered_volumes
from suwen.imaging.objects.key_objects import key_images, key_objects
from suwen.imaging.objects.parametric_map import parametric_map, shows_map
from suwen.imaging.objects.seg import segmentation
from suwen.imaging.objects.sr import structured_report
from suwen.lifecycle.logged import finding_ids
from suwen.notes.facts.fhir import Acts
from suwen.notes.facts.fhir import resources as note_resources
from suwen.records import Store
from suwen.server.held.outputs import Output

ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""Fixed time of archive entries: equal reports give equal bytes."""
PICTURES = "image/"


def outputs(store: Store) -> dict[str, Output]:
    """Return every form in which a report can be downloaded, by its name in the address."""

    def form(en: str, zh: str, media_type: str, suffix: str, make: Callable[..., bytes]) -> Output:
        def made(case: Case, report: Report, language: Language) -> bytes:
            return make(case, report, language, particulars(store, case, report))

        return Output(Text(en=en, zh=zh), media_type, suffix, made)

    return {
        "pdf": form("PDF", "PDF", "application/pdf", ".pdf", _pdf),
        "html": form("Web page", "网页", "text/html", ".html", _html),
        "fhir": form("FHIR bundle", "FHIR 资源包", "application/fhir+json", ".json", _fhir),
        "dicom": form("DICOM objects", "DICOM 对象", "application/zip", ".zip", _zipped),
    }


def files(
    store: Store, case: Case, report: Report, language: Language
) -> tuple[dict[str, bytes], list[Text]]:
    """Return the files a diagnosis writes, by name, and why DICOM objects are not among them.

    No name says whose they are.
    """
    known = particulars(store, case, report)
    made = {
        "report.html": _html(case, report, language, known),
        "report.pdf": _pdf(case, report, language, known),
        "report.fhir.json": _fhir(case, report, language, known),
    }
    try:
        return made | dicom_files(case, report, known), []
    except BadInput as error:
        en, zh = "DICOM objects were not written", "未写出 DICOM 对象"
        return made, [Text(en=f"{en}: {error}", zh=f"{zh}：{error}")]


def dicom_files(case: Case, report: Report, known: Particulars) -> dict[str, bytes]:
    """Return SEG, SR and saliency maps for each DICOM series the report's findings lie on.

    Each study also gets a Key Object Selection of the slices and pictures with findings. What a
    person rejected is in none of them.
    """
    made: dict[str, bytes] = {}
    if report.status == "withdrawn":
        return made
    signer = known.people.get(report.signed_by or "", "")
    moment = report.signed_at or report.created
    for number, (series, findings) in enumerate(_by_series(case, report), 1):
        if series.source is None:
            continue
        drawn = [finding for finding in findings if _has(finding, "mask")]
        seg = None
        if drawn:
            seg = segmentation(series.source, drawn, case.blob, moment)
            made[f"series-{number}.seg.dcm"] = seg
        made[f"series-{number}.sr.dcm"] = structured_report(
            series.source, findings, report, seg, observer=signer
        )
        mapped = [finding for finding in findings if shows_map(finding)]
        for place, finding in enumerate(mapped, 1):
            made[f"series-{number}.map-{place}.dcm"] = parametric_map(
                series.source, finding, case.blob, moment
            )
    for number, chosen in enumerate(key_images(case, identified(shown(report))), 1):
        made[f"study-{number}.key-images.dcm"] = key_objects(chosen, report, observer=signer)
    return made


def particulars(store: Store, case: Case, report: Report) -> Particulars:
    """Return what the pages show beside the report: identity, decision numbers, names."""
    decisions: dict[str, int] = {}
    inputs: dict[str, tuple[str, ...]] = {}
    known = {finding.id for finding in report.findings}
    for decision in store.log.entries(patient=case.patient):
        for finding in known.intersection(finding_ids(decision)):
            decisions[finding] = decision.sequence
            inputs[finding] = tuple(_inputs(decision.detail.get("inputs", {})))
    patients = case.of("Patient")
    people = {review.person for review in report.reviews} | {report.signed_by or ""} - {""}
    return Particulars(
        patient=patients[-1].content if patients else {},
        decisions=decisions,
        inputs=inputs,
        people={person: _name(store, person) for person in people if person},
        studies={record.reference: record.content for record in case.of("ImagingStudy")},
    )


def _inputs(digests: Mapping[str, str]) -> list[str]:
    """Return the references of a logged finding's inputs; its blobs stand under one digest."""
    return [f"blob/{sha256}" if name == "blobs" else name for name, sha256 in digests.items()]


def _name(store: Store, person: str) -> str:
    try:
        return store.person(person).name
    except NotFound:
        return person


def _images(case: Case, report: Report) -> Mapping[str, bytes]:
    return {
        attachment.digest: case.blob(attachment.digest)
        for finding in shown(report)
        for attachment in finding.attachments
        if attachment.media_type.startswith(PICTURES)
    }


def _html(case: Case, report: Report, language: Language, known: Particulars) -> bytes:
    return html_report(report, language, _images(case, report), known).encode()


def _pdf(case: Case, report: Report, language: Language, known: Particulars) -> bytes:
    return pdf_report(report, language, _images(case, report), known)


def _fhir(case: Case, report: Report, language: Language, known: Particulars) -> bytes:
    """Return the bundle of the report, and beside it what its notes say as resources."""
    bundle: dict[str, Any] = fhir_bundle(report, language, known)
    moment = report.signed_at or report.created
    facts = [] if report.status == "withdrawn" else list(shown(report))
    stands = {finding.id for finding in facts}
    wrong = [finding for finding in report.findings if finding.id not in stands]
    acts = Acts(wrong, report.reviews, known.people)
    bundle["entry"] += [
        entry(resource)
        for resource in note_resources(facts, f"Patient/{case.patient}", moment, language, acts)
    ]
    return json.dumps(bundle, indent=2, ensure_ascii=False).encode() + b"\n"


def _zipped(case: Case, report: Report, _: Language, known: Particulars) -> bytes:
    made = dicom_files(case, report, known)
    if not made:
        raise NotFound(
            "no DICOM object to make: no finding lies on a DICOM series, or it was withdrawn",
            "a report with findings on a DICOM series",
            "download the PDF instead",
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in made.items():
            archive.writestr(zipfile.ZipInfo(name, ZIP_TIME), data)
    return buffer.getvalue()


def _by_series(case: Case, report: Report) -> list[tuple[CaseSeries, list[Finding]]]:
    """Return the series that findings lie on; what compares studies belongs to the current one."""
    found: dict[str, list[Finding]] = {}
    for finding in identified(shown(report)):
        uids = [e.series_uid for e in finding.evidence if isinstance(e, ImageRegion)]
        for uid in uids[:1] if compares(finding) else dict.fromkeys(uids):
            found.setdefault(uid, []).append(finding)
    return [
        (series, found[series.series_uid])
        for series in (answered_volumes(case) if found else [])
        if series.series_uid in found
    ]


def _has(finding: Finding, role: str) -> bool:
    return any(attachment.role == role for attachment in finding.attachments)
