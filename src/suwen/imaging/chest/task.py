"""Is there pneumonia on a child's chest X-ray, and of which kind?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np

from suwen.core.codes import (
    BACTERIAL_PNEUMONIA,
    LUNG,
    NORMAL,
    PNEUMONIA,
    VIRAL_PNEUMONIA,
    Text,
)
from suwen.core.nouns import Case, Finding
from suwen.core.registry import register
from suwen.imaging.chest import data as chest_data
from suwen.imaging.chest.lung_field import lung_field, share_inside
from suwen.imaging.learning.hardening import corruptions_of
from suwen.imaging.pictures import perturbations as planar_perturbations
from suwen.imaging.pictures.picture import Floats, PlanarInput
from suwen.imaging.planar.case import planar_samples
from suwen.imaging.planar.fit import Plan
from suwen.imaging.planar.task import PlanarTask
from suwen.imaging.reading.instance import Instance
from suwen.imaging.reading.safety import field_text
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples, Sample
from suwen.lifecycle.kinds import Choice
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.task import Reads

CHEST_XRAY: Final = "imaging.chest_xray"
MODALITIES: Final = frozenset({"DX", "CR"})
CHEST_NAMES: Final = ("CHEST", "THORAX", "LUNG", "RIB")
"""What `BodyPartExamined` may begin with (DICOM PS3.16 annex L, and what senders write)."""
LATERAL_VIEWS: Final = ("LL", "RL", "LAT", "LATERAL", "LLD", "RLD", "LLO", "RLO", "OBL")
ADULT_YEARS: Final = 18.0
NARROWEST, WIDEST = 0.6, 1.9
"""Width over height between which a frontal chest picture lies."""
YEARS: Final = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}

ADULT: Final = Text(
    en="The patient is an adult; the pack was validated on children only.",
    zh="患者为成人；该模型包仅在儿童中验证过。",
)
LATERAL: Final = Text(
    en="A lateral or oblique view; the pack was validated on frontal views only.",
    zh="侧位或斜位片；该模型包仅在正位片上验证过。",
)
NOT_CHEST: Final = Text(
    en="The header says that another body part was examined.", zh="文件头标明检查部位不是胸部。"
)
NOT_FRAMED: Final = Text(
    en="The picture is too narrow or too wide for a frontal chest X-ray.",
    zh="图像的宽高比不符合胸部正位片。",
)


LEAST_FIELD: Final = 0.15
"""Share of the picture below which the lung field was not found: of 120 development pictures a
class 96 % have between 0.16 and 0.35."""


class ChestXray(PlanarTask):
    """Normal, bacterial or viral pneumonia on a frontal chest X-ray of a child."""

    name = CHEST_XRAY
    title = Text(en="Chest X-ray of a child: pneumonia", zh="儿童胸部 X 线片：肺炎")
    reads = (
        Reads("ImagingStudy", "DX", Text(en="Frontal chest X-ray", zh="胸部正位 X 线片")),
        Reads("ImagingStudy", "CR", Text(en="Frontal chest X-ray", zh="胸部正位 X 线片")),
    )
    answers = Choice((NORMAL, BACTERIAL_PNEUMONIA, VIRAL_PNEUMONIA), PNEUMONIA, "any")
    datasets = ("kermany_cxr",)
    perturbations = planar_perturbations.ALL
    site = LUNG
    plan = Plan(
        classes=3,
        pixels=160,
        blocks=11,
        frozen=4,
        corruptions=corruptions_of(planar_perturbations.ALL),
    )
    recipe = Recipe(
        folds=3,
        epochs=5,
        patience=5,
        batch_size=24,
        learning_rate=1e-3,
        weight_decay=2e-2,
        dropout=0.3,
        imbalance="weights",
        prevalence=0.5,
    )

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return one sample for each radiograph; adults and lateral views carry a refusal."""
        return planar_samples(case, MODALITIES, refusal_of)

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the pictures of `kermany_cxr`: its training part, or as a test set the other."""
        return chest_data.examples(data)

    def of_map(self, image: Floats, relevance: Array) -> Text | None:
        """Say how much of the map lies on the lungs, beside how much of the picture they take."""
        field = lung_field(image)
        share, area = share_inside(relevance, field), float(field.mean())
        if np.isnan(share) or area < LEAST_FIELD:
            return None
        return Text(
            en=f"{share:.0%} of the map lies on the lungs, which take {area:.0%} of the picture.",
            zh=f"图中 {share:.0%} 的权重落在肺野内，肺野占图像的 {area:.0%}。",
        )


def refusal_of(instance: Instance) -> Text | None:
    """Say why nothing is answered about an instance; None when nothing speaks against it."""
    age = age_of(instance)
    if age is not None and age > ADULT_YEARS:
        return ADULT
    view = field_text(instance, "ViewPosition").upper()
    if view in LATERAL_VIEWS:
        return LATERAL
    part = field_text(instance, "BodyPartExamined").upper()
    if part and not part.startswith(CHEST_NAMES):
        return NOT_CHEST
    if not NARROWEST <= instance.columns / instance.rows <= WIDEST:
        return NOT_FRAMED
    return None


def age_of(instance: Instance) -> float | None:
    """Return the patient's age in years at the study, None where the header does not say."""
    text = field_text(instance, "PatientAge")
    if len(text) == 4 and text[:3].isdigit() and text[3] in YEARS:
        return int(text[:3]) * YEARS[text[3]]
    try:
        born = date.fromisoformat(field_text(instance, "PatientBirthDate"))
        taken = date.fromisoformat(field_text(instance, "StudyDate"))
    except ValueError:
        return None
    return (taken - born).days / 365.25


__all__ = ["CHEST_XRAY", "ChestXray", "PlanarInput"]
register(ChestXray())
