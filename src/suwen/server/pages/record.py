"""The page of one record: what a value on another page rests on, as it was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from suwen.core.errors import NotFound
from suwen.core.nouns import Case, Record
from suwen.server.asking import Signed
from suwen.server.case.head import case_head
from suwen.server.case.patients import PatientId
from suwen.server.render import page

router = APIRouter(include_in_schema=False, prefix="/cases/{patient}/records")
Kind = Annotated[str, Path(pattern=r"^[A-Za-z]{1,40}$")]
RecordId = Annotated[str, Path(pattern=r"^[A-Za-z0-9\-.]{1,64}$")]
MOST: Final = 200
"""Values of a record that are listed."""
LONGEST: Final = 400
"""Characters of one value that are shown."""


@router.get("/{kind}/{record}")
def record_page(
    request: Request, asking: Signed, patient: PatientId, kind: Kind, record: RecordId
) -> HTMLResponse:
    """Show one record of a case as it is stored, value by value."""
    case = asking.access.case(patient)
    found = _find(case, kind, record)
    people = case.of("Patient")
    rows = list(_leaves(found.content, ""))
    return page(
        asking,
        request,
        "record.html",
        **case_head(asking, patient, people),
        reference=found.reference,
        rows=rows[:MOST],
        more=len(rows) - MOST,
    )


def _find(case: Case, kind: str, record: str) -> Record:
    for one in case.of(kind):
        if one.id == record:
            return one
    raise NotFound("no such record of this patient", "a record of the case", "go back to the case")


def _leaves(content: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield each value of a resource with its path."""
    if isinstance(content, dict):
        for name, value in content.items():
            yield from _leaves(value, f"{path}.{name}" if path else name)
    elif isinstance(content, list):
        for place, value in enumerate(content):
            yield from _leaves(value, f"{path}[{place}]")
    else:
        yield path, str(content)[:LONGEST]
