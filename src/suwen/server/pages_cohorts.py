"""The page of cohorts: files and a goal in, the report and one ZIP out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup
from pydantic import ValidationError
from starlette.datastructures import FormData

from suwen.core.errors import Denied
from suwen.privacy.cohort_page import fragment
from suwen.server.api_cohorts import ZIP, attachment
from suwen.server.asking import Asking, Signed
from suwen.server.cohorts import Wanted, export
from suwen.server.render import page
from suwen.server.uploads import Sent

router = APIRouter(include_in_schema=False, prefix="/cohorts")


async def wanted_of(request: Request, files: Sent) -> AsyncIterator[Wanted]:
    """Yield what the fields of the form beside the files ask for.

    Raises
    ------
    RequestValidationError
        A field is not what it should be.
    """
    form = await request.form()
    try:
        yield Wanted.model_validate(_fields(form))
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


def _fields(form: FormData) -> dict[str, object]:
    """Return the fields of the form; columns stand one a line."""
    text = {name: str(form.get(name, "")) for name in ("k", "l", "percent", "condition")}
    lists = {
        name: [line.strip() for line in str(form.get(name, "")).splitlines() if line.strip()]
        for name in ("sensitive", "quasi")
    }
    found: dict[str, object] = {
        **lists,
        **{field: text[name] for name, field in (("k", "k"), ("l", "diversity")) if text[name]},
        "condition": text["condition"].strip(),
        "local": bool(form.get("local")),
    }
    if text["percent"]:
        share = text["percent"].strip()
        found["suppressed"] = float(share) / 100 if share.isdecimal() else share
    return found


@router.get("")
def cohorts_page(request: Request, asking: Signed) -> HTMLResponse:
    """Show the form.

    Raises
    ------
    Denied
        The role makes no cohorts.
    """
    _may(asking)
    return page(asking, request, "cohorts.html", here="cohorts")


@router.post("")
def make(
    request: Request,
    asking: Signed,
    files: Sent,
    wanted: Annotated[Wanted, Depends(wanted_of)],
) -> HTMLResponse:
    """Make a cohort and show its report, inside the page."""
    made = export(asking, files, wanted)
    word = asking.bench.cohorts.put(asking.person.id, made)
    report = fragment(made.report, made.report["columns_left_out"], asking.language)
    return page(asking, request, "cohort_part.html", word=word, report=Markup(report))


@router.get("/{word}.zip")
def fetch(asking: Signed, word: str) -> Response:
    """Hand out a cohort to who had it made."""
    made = asking.bench.cohorts.get(asking.person.id, word)
    return Response(made.content, media_type=ZIP, headers=attachment())


def _may(asking: Asking) -> None:
    if not asking.may["cohorts"]:
        raise Denied(
            f"the role {asking.person.role} makes no cohorts",
            "a scientist or an administrator",
            "ask one of them",
        )
