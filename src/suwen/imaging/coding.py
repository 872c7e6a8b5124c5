"""Suwen's codes as DICOM coded concepts, and what a pack is called in DICOM.

Reference: DICOM PS3.16 2024e section 8 (coding schemes), annex D.
"""

from __future__ import annotations

from typing import Final

from highdicom.sr import CodedConcept

from suwen.core.codes import DCM, LOINC, RADLEX, SNOMED, SUWEN, UCUM, Code

PRIVATE_SCHEME: Final = "99SUWEN"
"""Local designators begin with 99 (PS3.16 section 8.2)."""
_SCHEMES: Final = {
    SNOMED: "SCT",
    LOINC: "LN",
    DCM: "DCM",
    RADLEX: "RADLEX",
    UCUM: "UCUM",
    f"{SUWEN}/codes": PRIVATE_SCHEME,
}
_UNITS: Final = {"1": "no units", "mm": "millimeter", "mm3": "cubic millimeter", "%": "percent"}

MANUFACTURER: Final = "Suwen"
MODEL: Final = "Suwen decision support (research)"


def concept(code: Code) -> CodedConcept:
    """Return a Code as a DICOM coded concept (English meaning)."""
    scheme = _SCHEMES.get(code.system, PRIVATE_SCHEME)
    return CodedConcept(code.code, scheme, code.name.en)


def private(value: str, meaning: str) -> CodedConcept:
    """Return a concept of Suwen's own scheme."""
    return CodedConcept(value, PRIVATE_SCHEME, meaning)


def unit(ucum: str) -> CodedConcept:
    """Return a UCUM unit as a coded concept."""
    return CodedConcept(ucum, "UCUM", _UNITS.get(ucum, ucum))


def algorithm(pack: str) -> tuple[str, str]:
    """Return (name, version) of a pack named `name@version+sha256`."""
    name, _, rest = pack.partition("@")
    version, _, digest = rest.partition("+")
    return name or "unknown", f"{version or '0'}+{digest[:12]}" if digest else version or "0"
