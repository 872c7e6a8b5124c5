"""DICOM Key Object Selection: the slices and pictures that the report's findings lie on.

Reference: DICOM PS3.3 2024e section A.35.4 (Key Object Selection Document); PS3.16 TID 2010 and
CID 7010 (document titles).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import highdicom as hd
from pydicom.sr.codedict import codes

from suwen.core.errors import BadInput
from suwen.core.nouns import Band, Case, Finding, ImageRegion, RecordValue, Report
from suwen.imaging.case.series import case_series
from suwen.imaging.objects.seg import encoded, origin, stamp
from suwen.imaging.objects.sr import Signer, context
from suwen.imaging.planar.case import instance_in
from suwen.imaging.reading.instance import Instance, headers_for
from suwen.imaging.reading.safety import field_text

SERIES_NUMBER: Final = 9003
TITLE: Final = codes.DCM.OfInterest
MOST_CHARACTERS: Final = 1000


def key_objects(
    chosen: Mapping[str, tuple[Instance, Sequence[str]]],
    report: Report,
    organization: str = "Unknown",
    observer: str = "",
) -> bytes:
    """Return a Key Object Selection of instances of one study.

    Parameters
    ----------
    chosen
        By SOP Instance UID: the instance, and what is reported on it.
    report
        The report the findings belong to: its status says verified or not.
    organization
        Where the verifying person works.
    observer
        Name of the person who signed; their id in the report when not given.

    Raises
    ------
    BadInput
        Nothing was chosen, the report was withdrawn, or the source headers lack what the document
        must copy.
    """
    if report.status == "withdrawn" or not chosen:
        raise BadInput(
            "nothing to select: a withdrawn report, or no finding on an image",
            "a report with findings on images",
            "do not send it",
        )
    signer = Signer.of(report, observer, organization)
    seed = f"ko {report.id} {report.status} " + " ".join(sorted(chosen))
    with headers_for("a key object selection", "patient and study modules"):
        document = _document(chosen, signer, seed)
    stamp(document, signer.at if signer else report.created, seed)
    return encoded(document)


def _document(
    chosen: Mapping[str, tuple[Instance, Sequence[str]]], signer: Signer | None, seed: str
) -> Any:
    """Return the document, not yet stamped."""
    person, device = context(signer)
    headers = [instance.referable for instance, _ in chosen.values()]
    content = hd.ko.KeyObjectSelection(
        document_title=TITLE,
        referenced_objects=headers,
        observer_person_context=person,
        observer_device_context=device,
        description=_described(chosen, verified=signer is not None),
    )
    said = "(verified)" if signer else "(software, unverified)"
    return hd.ko.KeyObjectSelectionDocument(
        evidence=headers,
        content=content,
        **origin(seed, SERIES_NUMBER),
        series_description=f"Key images {said}",
    )


Chosen = dict[str, tuple[Instance, list[str]]]


def key_images(case: Case, findings: Sequence[Finding]) -> list[Chosen]:
    """Return for each study the instances that answered findings lie on, and what lies there."""
    held: dict[str, tuple[str, Instance]] = {}
    for series in case_series(case):
        for instance in series.source.instances if series.source else ():
            held.setdefault(field_text(instance, "SOPInstanceUID"), (series.study_uid, instance))
    studies: dict[str, Chosen] = {}
    for finding in findings:
        name = finding.tracking.label if finding.tracking else finding.code.name.en
        for uid in _instances(finding):
            if uid in held:
                study, instance = held[uid]
                studies.setdefault(study, {}).setdefault(uid, (instance, []))[1].append(name)
    return list(studies.values())


def _instances(finding: Finding) -> Iterator[str]:
    """Yield the SOP Instance UIDs of a lesion or a picture; none where nothing was answered."""
    if finding.band is Band.ABSTAIN:
        return
    for evidence in finding.evidence:
        if isinstance(evidence, ImageRegion) and finding.tracking is not None:
            yield evidence.instance_uid
        elif isinstance(evidence, RecordValue):
            yield instance_in(evidence.path)


def _described(chosen: Mapping[str, tuple[Instance, Sequence[str]]], *, verified: bool) -> str:
    """Say what is reported on each image, and whether a person verified it."""
    said = "; ".join(
        f"image {instance.text('InstanceNumber') or '?'}: {', '.join(dict.fromkeys(names))}"
        for instance, names in chosen.values()
    )
    end = "verified by a person" if verified else "selected by software, unverified"
    return f"{said[:MOST_CHARACTERS]} ({end})"
