"""What a person judged of a mention, an event: a FHIR R4 Basic with its parts as an extension."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from suwen.core.codes import SUWEN
from suwen.core.nouns import Record

RESOURCE: Final = "Basic"
SYSTEM: Final = f"{SUWEN}/codes"


def basic(
    code: str, name: str, patient: str, at: datetime, parts: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the resource.

    Parameters
    ----------
    code
        What kind of judgement it is; the extension of its parts is named after it.
    name, patient
        Ids of the resource and of the patient.
    at
        When it was judged.
    parts
        The parts, each with its `url` and one `value[x]`.
    """
    return {
        "resourceType": RESOURCE,
        "id": name,
        "code": {"coding": [{"system": SYSTEM, "code": code}]},
        "subject": {"reference": f"Patient/{patient}"},
        "created": f"{at.astimezone(UTC):%Y-%m-%d}",
        "extension": [{"url": f"{SUWEN}/{code}", "extension": parts}],
    }


def parts_of(record: Record, code: str) -> list[tuple[str, Any]] | None:
    """Return names and values of the parts, in their order; None where it is another record."""
    extensions = record.content.get("extension") or ()
    found = [one for one in extensions if one.get("url") == f"{SUWEN}/{code}"]
    if record.type != RESOURCE or not found:
        return None
    return [
        (str(part.get("url")), next((v for k, v in part.items() if k.startswith("value")), None))
        for part in found[0].get("extension") or ()
    ]
