"""Suwen's codes as DICOM coded concepts, and what a pack is called in DICOM.

Reference: DICOM PS3.16 2024e section 8 (coding schemes), annex D.
"""

from __future__ import annotations

from typing import Final

from highdicom.sr import CodedConcept

from suwen.core.codes import DCM, LOINC, RADLEX, SNOMED, SUWEN, UCUM, Code
from suwen.core.nouns import digest_of

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

_LONGEST: Final = 64
"""Longest Code Meaning."""
_SHORT: Final = 16
"""Longest Code Value (VR SH); readers in use do not look for Long Code Value everywhere."""
_SHORTENED: Final = {
    "malignancy-probability": "malignancy-prob",
    "equivalent-diameter": "equiv-diameter",
}

MANUFACTURER: Final = "Suwen"
MODEL: Final = "Suwen decision support (research)"


def concept(code: Code) -> CodedConcept:
    """Return a Code as a DICOM coded concept (English meaning)."""
    scheme = _SCHEMES.get(code.system, PRIVATE_SCHEME)
    return CodedConcept(_short(code.code), scheme, _meaning(code.name.en))


def private(value: str, meaning: str) -> CodedConcept:
    """Return a concept of Suwen's own scheme."""
    return CodedConcept(_short(value), PRIVATE_SCHEME, meaning)


def _meaning(text: str) -> str:
    """Return a code's meaning in the 64 characters DICOM allows (VR LO)."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3].rstrip() + "..."


def _short(value: str) -> str:
    """Return a code of at most 16 characters; a longer unknown one by its hash."""
    if len(value) <= _SHORT:
        return value
    return _SHORTENED.get(value) or f"h{digest_of(value.encode())[:14]}"


def unit(ucum: str) -> CodedConcept:
    """Return a UCUM unit as a coded concept."""
    return CodedConcept(ucum, "UCUM", _UNITS.get(ucum, ucum))


def algorithm(pack: str) -> tuple[str, str]:
    """Return (name, version) of a pack named `name@version+sha256`."""
    name, _, rest = pack.partition("@")
    version, _, digest = rest.partition("+")
    return name or "unknown", f"{version or '0'}+{digest[:12]}" if digest else version or "0"
