"""The API of cohorts: files of patients in, one ZIP in which everyone has others alike out."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from suwen.server.asking import Signed
from suwen.server.problem import ERRORS
from suwen.server.sent.cohorts import Wanted, export, may_export
from suwen.server.sent.uploads import FORM_SCHEMA, numbered, staged

ZIP: Final = "application/zip"
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    **ERRORS,
    200: {
        "description": "The cohort as CSV and FHIR NDJSON, with its report",
        "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}},
    },
}

router = APIRouter(prefix="/api")


@router.post(
    "/cohorts",
    operation_id="export_cohort",
    tags=["cohorts"],
    responses=_ANSWERS,
    response_class=Response,
    openapi_extra=FORM_SCHEMA,
)
async def export_cohort(
    request: Request, asking: Signed, wanted: Annotated[Wanted, Query()]
) -> Response:
    """Generalise the patients of a table or of FHIR files until k and l hold; the act is logged."""
    await run_in_threadpool(may_export, asking)
    async with staged(request, asking, numbered) as sent:
        made = await run_in_threadpool(export, asking, sent.name, wanted)
    return Response(made.content, media_type=ZIP, headers=attachment())


def attachment() -> dict[str, str]:
    """Return the headers of a cohort that is saved as a file."""
    return {"Content-Disposition": 'attachment; filename="suwen-cohort.zip"'}
