"""A patient with nodules of different risk, one question left open, notes, labs and vitals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageDraw

from suwen.core.codes import (
    EQUIVALENT_DIAMETER,
    LEFT_LUNG,
    LONGEST_DIAMETER,
    MALIGNANCY_PROBABILITY,
    PULMONARY_NODULE,
    RIGHT_LUNG,
    VOLUME,
    Code,
    Text,
)
from suwen.core.nouns import (
    Attachment,
    Band,
    Case,
    Explanation,
    Finding,
    ImageRegion,
    Interval,
    Measure,
    Record,
    RecordValue,
    Report,
    SimilarExample,
    Tracking,
)
from suwen.diagnosis.compose import compose
from suwen.diagnosis.view import Particulars

CREATED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SEGMENTATION_PACK = "nodule-segmentation@1.0.0+" + "5e" * 32
MALIGNANCY_PACK = "nodule-malignancy@1.0.0+" + "a1" * 32
STUDY = "ImagingStudy/ct1/_history/1"
SERIES_UID = "1.2.826.0.1.3680043.8.498.10000000000000000000000000000000000001"
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)> & Co"


def picture(radius: float, seed: int, *, heat: bool = False) -> bytes:
    """Draw a slice through a lung nodule, with a heat map over it if wanted."""
    size = 256
    image = Image.new("RGB", (size, size), (22, 22, 22))
    draw = ImageDraw.Draw(image)
    for i in range(14):
        x, y = (seed * 37 + i * 53) % size, (seed * 91 + i * 71) % size
        draw.line((x, y, x + 30 - (i * 13) % 60, y + 25), fill=(70, 70, 70), width=2 + i % 2)
    draw.rectangle((0, 222, size, size), fill=(150, 150, 150))
    middle = size / 2
    draw.ellipse(
        (middle - radius, middle - radius, middle + radius, middle + radius), fill=(178,) * 3
    )
    if heat:
        warm = Image.new("RGBA", (size, size), (0, 0, 0, 0))
        over = ImageDraw.Draw(warm)
        for step in range(8, 0, -1):
            r = radius * 1.6 * step / 8
            box = (middle - r, middle - r, middle + r, middle + r)
            over.ellipse(box, fill=(255, 30 * step, 0, 150 - 12 * step))
        image.paste(warm, (0, 0), warm)
    else:
        box = (middle - radius - 3, middle - radius - 3, middle + radius + 3, middle + radius + 3)
        draw.ellipse(box, outline=(0, 220, 190), width=2)
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def region(number: int, x: float, side: float) -> ImageRegion:
    half = side / 2
    y, z = 20.2 + number, -103.7 - 12 * number
    return ImageRegion(
        record=STUDY,
        study_uid="1.2.826.0.1.3680043.8.498.2",
        series_uid=SERIES_UID,
        frame_of_reference_uid="1.2.826.0.1.3680043.8.498.3",
        centre=(x, y, z),
        low=(x - half, y - half, z - half),
        high=(x + half, y + half, z + half),
        instance_uid=f"1.2.826.0.1.3680043.8.498.4.{number}",
    )


def segmentation(number: int, site: Code, x: float, diameter: float) -> Finding:
    volume = 0.5236 * (0.86 * diameter) ** 3
    measures = tuple(
        Measure(code=code, interval=Interval(value=v, low=v * 0.95, high=v * 1.06), unit=unit)
        for code, v, unit in (
            (LONGEST_DIAMETER, diameter, "mm"),
            (EQUIVALENT_DIAMETER, 0.86 * diameter, "mm"),
            (VOLUME, volume, "mm3"),
        )
    )
    return Finding(
        task="imaging.nodule_segmentation",
        pack=SEGMENTATION_PACK,
        code=PULMONARY_NODULE,
        band=Band.RULE_IN,
        measures=measures,
        evidence=(
            region(number, x, diameter),
            RecordValue(
                record=f"BodyStructure/p{number}/_history/1", path="BodyStructure.extension"
            ),
        ),
        attachments=(Attachment.of("key-image", "image/png", picture(3 * diameter, number)),),
        tracking=Tracking(uid=f"1.2.3.{number}", label=f"Nodule {number}"),
        site=site,
    )


def similar(key: str, malignant: bool, weight: float, note: Text) -> SimilarExample:
    """A nodule of the development data that is like the patient's."""
    opinions = ("benign", "判断为良性"), ("malignant", "判断为恶性")
    en, zh = opinions[malignant]
    label = Text(en=f"{en} in the radiologists' opinion", zh=f"放射科医师{zh}")
    return SimilarExample(record=f"example/lidc_voi/{key}", label=label, weight=weight, note=note)


SIMILAR = (
    similar(
        "LIDC-IDRI-0078_R_2",
        True,
        0.91,
        Text(
            en="malignancy rated 4.8 of 5, 19 mm, marked spiculation", zh="恶性评分 4.8/5，明显毛刺"
        ),
    ),
    similar(
        "LIDC-IDRI-0211_R_1",
        False,
        0.74,
        Text(en="malignancy rated 2.2 of 5, 12 mm, round", zh="恶性评分 2.2/5，圆形"),
    ),
)


def malignancy(
    number: int,
    site: Code,
    x: float,
    answer: Interval,
    band: Band,
    alike: tuple[SimilarExample, ...] = (),
    **extra: Any,
) -> Finding:
    return Finding(
        task="imaging.nodule_malignancy",
        pack=MALIGNANCY_PACK,
        code=MALIGNANCY_PROBABILITY,
        band=band,
        probability=answer,
        evidence=(region(number, x, 32.0), *alike),
        tracking=Tracking(uid=f"1.2.3.{number}", label=f"Nodule {number}"),
        site=site,
        **extra,
    )


@pytest.fixture
def findings() -> list[Finding]:
    """Nodule 1 likely benign, 2 suspicious, 3 in the grey zone, 4 without an answer."""
    shown = Explanation(method="cam", faithfulness=0.83, randomisation_similarity=0.07)
    hidden = Explanation(
        method="cam",
        faithfulness=0.41,
        hidden_because=Text(
            en="removing the highlighted region did not change the answer.",
            zh="去除高亮区域后结果没有变化。",
        ),
    )
    heat = Attachment.of("key-image-saliency", "image/png", picture(54, 2, heat=True))
    cool = Attachment.of("key-image-saliency", "image/png", picture(24, 3, heat=True))
    return [
        segmentation(1, LEFT_LUNG, 62.0, 5.2),
        malignancy(1, LEFT_LUNG, 62.0, Interval(value=0.06, low=0.03, high=0.12), Band.RULE_OUT),
        segmentation(2, RIGHT_LUNG, -88.6, 18.4),
        malignancy(
            2,
            RIGHT_LUNG,
            -88.6,
            Interval(value=0.87, low=0.74, high=0.94),
            Band.RULE_IN,
            SIMILAR,
            reason=Text(en="Above the rule-in threshold of 72%.", zh="高于 72% 的纳入诊断阈值。"),
            explanations=(shown, Explanation(method="occlusion", faithfulness=0.77)),
            attachments=(heat,),
        ),
        segmentation(3, RIGHT_LUNG, -40.1, 8.1),
        malignancy(
            3,
            RIGHT_LUNG,
            -40.1,
            Interval(value=0.38, low=0.21, high=0.57),
            Band.GREY,
            explanations=(hidden,),
            attachments=(cool,),
        ),
        Finding(
            task="imaging.nodule_malignancy",
            pack=MALIGNANCY_PACK,
            code=MALIGNANCY_PROBABILITY,
            band=Band.ABSTAIN,
            reason=Text(
                en="The slices are 7.5 mm thick; the model was validated up to 3 mm.",
                zh="层厚 7.5 mm，而模型仅在不超过 3 mm 的层厚上验证过。",
            ),
            evidence=(region(4, 12.0, 32.0),),
            tracking=Tracking(uid="1.2.3.4", label="Nodule 4"),
            site=LEFT_LUNG,
        ),
    ]


@pytest.fixture
def images(findings: list[Finding]) -> dict[str, bytes]:
    """The bytes of every attachment, by digest."""
    return {a.digest: a.data for f in findings for a in f.attachments if a.data}


def observation(key: str, code: str, name: str, value: float, unit: str, **more: Any) -> Record:
    category = more.pop("category", "laboratory")
    content = {
        "resourceType": "Observation",
        "id": key,
        "status": "final",
        "category": [{"coding": [{"code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code}], "text": name},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-02-28",
        "valueQuantity": {"value": value, "unit": unit, "code": unit},
        **more,
    }
    return Record(reference=f"Observation/{key}/_history/1", content=content)


def between(low: float | None, high: float | None, unit: str) -> dict[str, Any]:
    sides = {"low": low, "high": high}
    return {
        "referenceRange": [
            {
                name: {"value": v, "unit": unit, "code": unit}
                for name, v in sides.items()
                if v is not None
            }
        ]
    }


def note(key: str, title: str, date: str) -> Record:
    return Record(
        reference=f"DocumentReference/{key}/_history/1",
        content={
            "resourceType": "DocumentReference",
            "id": key,
            "status": "current",
            "date": date,
            "type": {"text": "Referral letter"},
            "content": [
                {
                    "attachment": {
                        "contentType": "text/plain",
                        "title": title,
                        "url": "blob/" + "0" * 64,
                    }
                }
            ],
        },
    )


@pytest.fixture
def patient() -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "p1",
        "meta": {"security": [{"code": "HTEST"}]},
        "identifier": [{"system": "urn:oid:1.2.3", "value": "MRN 004711"}],
        "name": [
            {"use": "official", "family": "李", "given": ["喆堃"], "text": "李喆堃 (Li Zhekun)"}
        ],
        "gender": "female",
        "birthDate": "1961-07-14",
    }


@pytest.fixture
def case(patient: Mapping[str, Any]) -> Case:
    """What is recorded about the patient."""
    records = [
        Record(reference="Patient/p1/_history/1", content=dict(patient)),
        Record(
            reference=STUDY,
            content={
                "resourceType": "ImagingStudy",
                "id": "ct1",
                "status": "available",
                "started": "2026-03-01T14:05:00Z",
                "description": "CT chest low dose",
                "series": [
                    {"uid": SERIES_UID, "modality": {"code": "CT"}, "numberOfInstances": 133}
                ],
            },
        ),
        observation("crp", "1988-5", "CRP", 48.2, "mg/L", **between(None, 5, "mg/L")),
        observation("hb", "718-7", "Hb", 104, "g/L", **between(115, 150, "g/L")),
        observation("wbc", "6690-2", "WBC", 8.4, "10*9/L", **between(3.5, 9.5, "10*9/L")),
        observation("cea", "2039-6", "CEA", 3.1, "ug/L", **between(None, 5, "ug/L")),
        observation("glu", "2345-7", "Glucose", 6.4, "mmol/L"),
        note("n1", "Referral from the family doctor", "2026-02-27"),
        note("n2", "呼吸内科门诊病历", "2026-02-28"),
        note("n3", HOSTILE, "2026-02-26"),
        Record(
            reference="DiagnosticReport/old/_history/1",
            content={
                "resourceType": "DiagnosticReport",
                "id": "old",
                "status": "final",
                "code": {"text": "CT chest"},
                "effectiveDateTime": "2025-02-11",
                "conclusion": "Solid nodule in the right upper lobe, 11 mm. Follow-up advised.",
            },
        ),
        Record(
            reference="Condition/c1/_history/1",
            content={
                "resourceType": "Condition",
                "id": "c1",
                "code": {"text": "COPD / 慢性阻塞性肺疾病"},
            },
        ),
    ]
    start = datetime(2026, 3, 1, 6, tzinfo=UTC)
    for i, (pulse, saturation) in enumerate(
        [(78, 96), (80, 95), (84, 95), (88, 94), (91, 93), (96, 92)]
    ):
        at = (start + timedelta(hours=3 * i)).isoformat()
        for code, value, unit in (("8867-4", pulse, "/min"), ("59408-5", saturation, "%")):
            records.append(
                observation(
                    f"v{code}-{i}",
                    code,
                    "",
                    value,
                    unit,
                    category="vital-signs",
                    effectiveDateTime=at,
                )
            )
    return Case(patient="p1", at=CREATED, records=tuple(records), blob=lambda digest: b"")


@pytest.fixture
def report(case: Case, findings: list[Finding]) -> Report:
    """The draft composed from it all."""
    unread = [
        Text(
            en="scan.bin: neither DICOM, NIfTI, FHIR, text nor CSV.",
            zh="scan.bin：不是 DICOM、NIfTI、FHIR、文本或 CSV。",
        )
    ]
    return compose(case, findings, unread, CREATED)


@pytest.fixture
def particulars(patient: Mapping[str, Any], report: Report) -> Particulars:
    """Identity, decision numbers and input digests as the store gives them."""
    return Particulars(
        patient=patient,
        decisions={finding.id: 41 + i for i, finding in enumerate(report.findings)},
        inputs={
            finding.id: ("blob/" + f"{i:02x}" * 32,) for i, finding in enumerate(report.findings)
        },
        people={"dr-wang": "Dr Wang Min (王敏)"},
    )
