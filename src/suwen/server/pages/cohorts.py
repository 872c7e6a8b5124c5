"""The page of cohorts: files and a goal in, the report and one ZIP out."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup
from pydantic import ValidationError

from suwen.core.errors import Denied
from suwen.privacy.cohort.page import fragment
from suwen.server.api.cohorts import ZIP, attachment
from suwen.server.asking import Asking, Signed
from suwen.server.render import page
from suwen.server.sent.cohorts import Wanted, export, may_export
from suwen.server.sent.uploads import numbered, staged

router = APIRouter(include_in_schema=False, prefix="/cohorts")


def _wanted(fields: Mapping[str, str]) -> Wanted:
    """Return what the fields of the form beside the files ask for; columns stand one a line.

    Raises
    ------
    RequestValidationError
        A field is not what it should be.
    """
    text = {name: fields.get(name, "") for name in ("k", "l", "percent", "condition")}
    lists = {
        name: [line.strip() for line in fields.get(name, "").splitlines() if line.strip()]
        for name in ("sensitive", "quasi")
    }
    found: dict[str, object] = {
        **lists,
        **{field: text[name] for name, field in (("k", "k"), ("l", "diversity")) if text[name]},
        "condition": text["condition"].strip(),
        "local": bool(fields.get("local")),
    }
    if text["percent"]:
        share = text["percent"].strip()
        found["suppressed"] = float(share) / 100 if share.isdecimal() else share
    try:
        return Wanted.model_validate(found)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


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
async def make(request: Request, asking: Signed) -> HTMLResponse:
    """Make a cohort and show its report, inside the page."""
    await run_in_threadpool(may_export, asking)
    async with staged(request, asking, numbered) as sent:
        wanted = _wanted(sent.fields)
        return await run_in_threadpool(_made, request, asking, sent.name, wanted)


def _made(request: Request, asking: Asking, sent: str, wanted: Wanted) -> HTMLResponse:
    made = export(asking, sent, wanted)
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
