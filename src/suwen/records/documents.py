"""Suwen's own documents in the store: Finding and Report, kept and versioned like a resource."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from suwen.core.errors import BadInput
from suwen.core.nouns import Finding, Noun, Record, Report

NOUNS: dict[str, type[Noun]] = {"Finding": Finding, "Report": Report}


def document(noun: Finding | Report) -> dict[str, Any]:
    """Return a noun as the document the store keeps: its JSON and a `resourceType`."""
    return {"resourceType": type(noun).__name__, **noun.model_dump(mode="json")}


def given_id(content: dict[str, Any]) -> str:
    """Return the id by which the noun itself is known.

    Raises
    ------
    BadInput
        The document is not that noun.
    """
    noun = _parsed(content)
    return noun.id if isinstance(noun, Finding | Report) else ""


def finding_of(record: Record) -> Finding:
    """Return the Finding a record holds."""
    noun = _parsed(record.content)
    if not isinstance(noun, Finding):
        raise BadInput(f"{record.reference} is not a Finding", "a Finding", "read another record")
    return noun


def report_of(record: Record) -> Report:
    """Return the Report a record holds."""
    noun = _parsed(record.content)
    if not isinstance(noun, Report):
        raise BadInput(f"{record.reference} is not a Report", "a Report", "read another record")
    return noun


def _parsed(content: dict[str, Any]) -> Noun:
    kind = str(content.get("resourceType", ""))
    fields = {name: value for name, value in content.items() if name != "resourceType"}
    try:
        return NOUNS[kind].model_validate(fields)
    except KeyError:
        raise BadInput(f"{kind!r} is no Suwen document", "Finding or Report", "") from None
    except ValidationError as error:
        where = "; ".join(
            "an unknown field"  # Its name could be anything.
            if e["type"] == "extra_forbidden"
            else ".".join(str(part) for part in e["loc"]) or "it"
            for e in error.errors()
        )
        raise BadInput(
            f"a {kind} is not valid at {where}", "the noun of suwen.core.nouns", "correct it"
        ) from None
