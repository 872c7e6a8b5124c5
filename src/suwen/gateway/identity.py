"""Whose files they are, and the guard against files of two patients in one folder.

Two claims disagree when something both state differs: an identifier of the same system, the birth
date, the sex, or every written form of the name. Identifiers of different systems are not
comparable; then name or birth date have to agree, or the folder is refused.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from pathlib import Path

from suwen.core.codes import SUWEN
from suwen.core.errors import BadInput
from suwen.core.nouns import digest_of
from suwen.gateway.intake import Claim, Identity, Resource

DICOM_ID = f"{SUWEN}/dicom-patient-id"
ANONYMOUS = f"{SUWEN}/anonymous"
DEMOGRAPHICS = f"{SUWEN}/demographics"
TABLE_ID = f"{SUWEN}/table-patient-id"

_SEX = {"M": "male", "F": "female", "O": "other", "male": "male", "female": "female"}
_WORD = re.compile(r"[^\W_]+")


@lru_cache(maxsize=1)
def _placeholders() -> frozenset[str]:
    path = Path(__file__).with_name("knowledge") / "identity.toml"
    return frozenset(tomllib.loads(path.read_text(encoding="utf-8"))["placeholders"].split())


def meaningful(value: str) -> bool:
    """Say whether an identifier or name stands for a person rather than for its removal."""
    plain = "".join(_WORD.findall(value.lower()))
    return bool(plain.strip("0")) and plain not in _placeholders()


def name_forms(text: str) -> frozenset[str]:
    """Return each written form of a name, its words sorted; DICOM writes up to three.

    `Wang^XiaoDong=王^小东` gives `wang xiaodong` and `王小东`. Source: DICOM PS3.5, 6.2 (PN).
    """
    forms = set()
    for group in text.split("="):
        if not meaningful(group):
            continue
        words = _WORD.findall(unicodedata.normalize("NFKC", group).casefold())
        chinese = "".join(word for word in words if not word.isascii())
        forms.add(chinese if chinese else " ".join(sorted(words)))
    return frozenset(forms)


def sex_of(text: str) -> str:
    """Return the FHIR administrative gender of a DICOM or FHIR value, empty when unknown."""
    return _SEX.get(text.strip(), "")


def claim_of_patient(file: str, patient: Resource) -> Claim:
    """Return what a FHIR Patient says."""
    names: set[str] = set()
    for name in patient.get("name") or ():
        parts = [*(name.get("given") or ()), name.get("family") or ""]
        whole = " ".join(str(part) for part in parts if part) or str(name.get("text") or "")
        names |= name_forms(whole)
    identifiers = frozenset(
        (str(one.get("system", "")), str(one["value"]))
        for one in patient.get("identifier") or ()
        if one.get("value") and meaningful(str(one["value"]))
    )
    return Claim(
        file,
        "FHIR Patient",
        identifiers,
        frozenset(names),
        str(patient.get("birthDate", "")),
        sex_of(str(patient.get("gender", ""))),
        f"Patient/{patient['id']}" if "id" in patient else "",
        patient,
    )


def identify(claims: Sequence[Claim], digests: Sequence[str]) -> Identity:
    """Return whose files they are.

    Parameters
    ----------
    claims
        What the files say.
    digests
        SHA-256 of every file understood; they name the patient when nobody else does.

    Raises
    ------
    BadInput
        The files name two different patients; says which files and fields, never the values.
    """
    distinct = list({_without_file(claim): claim for claim in reversed(claims)}.values())[::-1]
    for first, second in combinations(distinct, 2):
        if fields := disagreement(first, second):
            files = f"{first.file} and {second.file} differ"
            if first.file == second.file:
                files = f"parts of {first.file} differ"
            raise BadInput(
                f"the folder holds files of two different patients: {files} in {', '.join(fields)}",
                "files of one patient",
                "put each patient's files into a folder of their own",
            )
    identifiers = sorted({pair for claim in claims for pair in claim.identifiers})
    name, birth_date, sex = _demographics(claims)
    forms = sorted({form for claim in claims for form in claim.names})
    if not identifiers and forms and birth_date:
        identifiers = [(DEMOGRAPHICS, f"{forms[0]}|{birth_date}|{sex}")]
    if not identifiers:
        content = digest_of("".join(sorted(set(digests))).encode())
        nobody: Resource = {
            "resourceType": "Patient",
            "identifier": [{"system": ANONYMOUS, "value": content}],
            "name": [{"use": "anonymous", "text": name or f"Anonymous {content[:8]}"}],
        }
        _describe(nobody, birth_date, sex)
        return Identity(((ANONYMOUS, content),), True, nobody)
    return Identity(tuple(identifiers), False, _patient(claims, identifiers))


def _without_file(claim: Claim) -> tuple[object, ...]:
    return (
        claim.source,
        claim.identifiers,
        claim.names,
        claim.birth_date,
        claim.sex,
        claim.reference,
    )


def disagreement(first: Claim, second: Claim) -> list[str]:
    """Return the fields in which two claims cannot be about one person."""
    fields = []
    mine = {system for system, _ in first.identifiers}
    theirs = {system for system, _ in second.identifiers}
    shared = (mine & theirs) - {""}
    if shared and not first.identifiers & second.identifiers:
        fields.append("the patient identifier")
    if first.birth_date and second.birth_date and not _compatible_dates(first, second):
        fields.append("the birth date")
    known = {first.sex, second.sex} - {"", "other"}
    if len(known) == 2:
        fields.append("the sex")
    agree = _same_name(first.names, second.names)
    if agree is False:
        fields.append("the name")
    if first.reference and second.reference and first.reference != second.reference:
        fields.append("the patient referred to")
    dates = bool(first.birth_date and first.birth_date == second.birth_date)
    values = {value for _, value in first.identifiers} & {value for _, value in second.identifiers}
    if not fields and mine and theirs and not (shared or agree or dates or values):
        fields.append("the patient identifier (and neither name nor birth date confirms it)")
    return fields


def _compatible_dates(first: Claim, second: Claim) -> bool:
    digits = min(len(first.birth_date), len(second.birth_date))
    return first.birth_date[:digits] == second.birth_date[:digits]


def _same_name(first: frozenset[str], second: frozenset[str]) -> bool | None:
    """Return whether two names agree; None when they are in different scripts, or one is absent."""
    for chinese in (False, True):
        mine = [set(name.split()) for name in first if name.isascii() is not chinese]
        theirs = [set(name.split()) for name in second if name.isascii() is not chinese]
        if mine and theirs:
            return any(a <= b or b <= a for a in mine for b in theirs)
    return None


def _demographics(claims: Sequence[Claim]) -> tuple[str, str, str]:
    name = next((text for claim in claims if (text := _shown_name(claim))), "")
    birth_date = max((claim.birth_date for claim in claims), key=len, default="")
    sex = next((claim.sex for claim in claims if claim.sex), "")
    return name, birth_date, sex


def _shown_name(claim: Claim) -> str:
    for name in (claim.patient or {}).get("name") or ():
        parts = [*(name.get("given") or ()), name.get("family") or ""]
        text = str(name.get("text") or " ".join(str(part) for part in parts if part))
        if meaningful(text):
            return text
    return ""


def _patient(claims: Sequence[Claim], identifiers: Sequence[tuple[str, str]]) -> Resource:
    """Return the FHIR Patient: a file's own where there is one, completed by the others."""
    stated = [claim.patient for claim in claims if claim.source == "FHIR Patient" and claim.patient]
    best: Resource = max(stated, key=len, default={"resourceType": "Patient"})
    patient = {name: value for name, value in best.items() if name != "id"}
    own = patient.get("identifier") or []
    known = {(str(one.get("system", "")), str(one.get("value"))) for one in own}
    added = [
        {"system": system, "value": value} if system else {"value": value}
        for system, value in identifiers
        if (system, value) not in known and system != DEMOGRAPHICS
    ]
    if added:
        patient["identifier"] = [*own, *added]
    name, birth_date, sex = _demographics(claims)
    if name and not patient.get("name"):
        patient["name"] = [{"text": name}]
    _describe(patient, birth_date, sex)
    return patient


def _describe(patient: Resource, birth_date: str, sex: str) -> None:
    if birth_date and not patient.get("birthDate"):
        patient["birthDate"] = birth_date
    if sex and not patient.get("gender"):
        patient["gender"] = sex
