"""Clinical codes used by more than one room, each written once.

Sources: SNOMED CT identifiers as used in DICOM PS3.16 (2024e) context groups, DICOM DCM codes
(PS3.16 annex D), LOINC 2.77, UCUM 2.1, HL7 FHIR R4 value sets.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Language = Literal["en", "zh"]


class Text(BaseModel):
    """A sentence or a name in both languages."""

    model_config = ConfigDict(frozen=True)

    en: str
    zh: str

    def of(self, language: Language) -> str:
        """Return the text in `language`."""
        return self.zh if language == "zh" else self.en

    def inside(self) -> Text:
        """Return a name as it stands inside an English sentence: small unless an abbreviation."""
        small = self.en if self.en[1:2].isupper() else self.en[:1].lower() + self.en[1:]
        return Text(en=small, zh=self.zh)


class Code(BaseModel):
    """A concept of a code system, with its name in both languages.

    `system` is the FHIR system URI.
    """

    model_config = ConfigDict(frozen=True)

    system: str
    code: str
    name: Text

    def coding(self) -> dict[str, str]:
        """Return the concept as a FHIR R4 Coding."""
        return {"system": self.system, "code": self.code, "display": self.name.en}


SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
RADLEX = "http://radlex.org"
UCUM = "http://unitsofmeasure.org"
SUWEN = "https://suwen.health/fhir"
"""Base of the URIs Suwen defines itself (extensions, identifiers, local code systems)."""
TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"
"""Extension of a FHIR text with the same in another language."""


PRESENCE = f"{SUWEN}/presence"
"""Whether what a note names is there: present, absent, possible, conditional, hypothetical."""
TEMPORALITY = f"{SUWEN}/temporality"
EXPERIENCER = f"{SUWEN}/experiencer"
FACT_KINDS = f"{SUWEN}/fact-kinds"
"""What a fact of a note is: problem, drug, allergy, value, procedure."""
FACT_DETAIL = f"{SUWEN}/fact-detail"
"""Parts of such a fact, as `dose=500 mg`."""
UNMAPPED = f"{SUWEN}/unmapped"
"""What no vocabulary has a code for: the words themselves."""


def _code(system: str, code: str, en: str, zh: str) -> Code:
    return Code(system=system, code=code, name=Text(en=en, zh=zh))


NODULE = _code(SNOMED, "27925004", "Nodule", "结节")
PULMONARY_NODULE = _code(SNOMED, "427359005", "Solitary nodule of lung", "肺结节")
BENIGN = _code(SNOMED, "30807003", "Benign", "良性")
LUNG = _code(SNOMED, "39607008", "Lung", "肺")
RIGHT_LUNG = _code(SNOMED, "3341006", "Right lung", "右肺")
LEFT_LUNG = _code(SNOMED, "44029006", "Left lung", "左肺")
# Lobes by side: CID 6170 has the middle lobe alone by side; the others as in the FHIR value sets of
# the Lithuanian lung cancer guide and of Health New Zealand (canshare-thorax-lung-lobe-topography).
RIGHT_UPPER_LOBE = _code(SNOMED, "42400003", "Right upper lobe of lung", "右肺上叶")
RIGHT_MIDDLE_LOBE = _code(SNOMED, "72481006", "Right middle lobe of lung", "右肺中叶")
RIGHT_LOWER_LOBE = _code(SNOMED, "266005", "Right lower lobe of lung", "右肺下叶")
LEFT_UPPER_LOBE = _code(SNOMED, "44714003", "Left upper lobe of lung", "左肺上叶")
LEFT_LOWER_LOBE = _code(SNOMED, "41224006", "Left lower lobe of lung", "左肺下叶")
MALIGNANCY_PROBABILITY = _code(
    f"{SUWEN}/codes", "malignancy-probability", "Probability of malignancy", "恶性概率"
)
VOLUME = _code(SNOMED, "118565006", "Volume", "体积")
LONGEST_DIAMETER = _code(SNOMED, "81827009", "Diameter", "最长径")
EQUIVALENT_DIAMETER = _code(
    f"{SUWEN}/codes", "equivalent-diameter", "Volume-equivalent diameter", "等效球径"
)
MEAN_DIAMETER = _code(f"{SUWEN}/codes", "mean-diameter", "Mean diameter", "平均直径")
VOLUME_CHANGE = _code(f"{SUWEN}/codes", "volume-change", "Volume change", "体积变化")
DOUBLING_TIME = _code(f"{SUWEN}/codes", "doubling-time", "Volume-doubling time", "体积倍增时间")
EARLIER_VOLUME = _code(
    f"{SUWEN}/codes", "earlier-volume", "Volume at the earlier CT", "既往 CT 体积"
)
NEW_NODULE = _code(
    f"{SUWEN}/codes", "nodule-new", "Nodule new since the earlier CT", "较既往 CT 新发结节"
)
RESOLVED_NODULE = _code(f"{SUWEN}/codes", "nodule-resolved", "Nodule no longer seen", "结节已消失")
NODULE_SEARCH = _code(
    f"{SUWEN}/codes", "nodule-search", "Search of the chest CT for nodules", "胸部 CT 结节搜索"
)
MARKS = _code(f"{SUWEN}/codes", "marks", "Places marked", "标记部位数")
WEAK_MARKS = _code(f"{SUWEN}/codes", "weak-marks", "Weaker marks", "较弱标记数")
NEWS2 = _code(SNOMED, "1104051000000101", "NEWS2", "NEWS2 早期预警评分")
"""National Early Warning Score 2: its band says how soon somebody has to be seen."""
NEWS2_LEAST = _code(f"{SUWEN}/codes", "news2-least", "NEWS2, at least", "NEWS2 至少")
NEWS2_MOST = _code(f"{SUWEN}/codes", "news2-most", "NEWS2, at most", "NEWS2 至多")
RELEVANCE = _code(
    f"{SUWEN}/codes", "relevance", "Relevance for a network's answer", "对网络输出的影响"
)
VISIT_TALK = _code(f"{SUWEN}/codes", "visit-talk", "Talk of a visit", "就诊对话")
"""Category of what was said at a visit: no note, and none of the documents a report tells of."""
GUIDELINE_CATEGORY = _code(f"{SUWEN}/codes", "guideline", "Category by guideline", "指南分类")
CATEGORIES = f"{SUWEN}/guideline-category"
"""System of the categories of guidelines (Lung-RADS, Fleischner): an answer, not a measure."""
ADVICE = f"{SUWEN}/advice"
"""System of pieces of advice: the id of the rule that gives it, in findings, goals and tasks."""
SEEK_CARE = f"{SUWEN}/seek-care"
"""The same of what should be seen to at once: such a finding leads the worklist."""
AI_GENERATED = _code(
    "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "AIAST",
    "Artificial Intelligence asserted",
    "由人工智能给出",
)
CLINICIAN_ASSERTED = _code(AI_GENERATED.system, "CLINAST", "clinician asserted", "由临床医生给出")
NORMAL = _code(SNOMED, "17621005", "Normal", "正常")
PNEUMONIA = _code(SNOMED, "233604007", "Pneumonia", "肺炎")
BACTERIAL_PNEUMONIA = _code(SNOMED, "53084003", "Bacterial pneumonia", "细菌性肺炎")
VIRAL_PNEUMONIA = _code(SNOMED, "75570004", "Viral pneumonia", "病毒性肺炎")
MALIGNANT = _code(SNOMED, "21594007", "Malignant", "恶性")
BREAST = _code(SNOMED, "76752008", "Breast", "乳腺")
BREAST_LESION = _code(f"{SUWEN}/codes", "breast-lesion", "Breast lesion", "乳腺病变")
