"""Audit: emergency accesses to review, the decision log and its verification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from suwen.core.codes import Language
from suwen.core.nouns import Decision
from suwen.diagnosis.language import message
from suwen.records import Administration
from suwen.server.asking import Asking, Signed
from suwen.server.language import moment, say
from suwen.server.render import page

router = APIRouter(include_in_schema=False, prefix="/admin")
PAGE = 100

ACT_NAMES = {
    "sign-in": message("signed in"),
    "sign-in-refused": message("sign-in refused"),
    "denied": message("denied"),
    "case": message("case opened"),
    "read": message("record read"),
    "blob": message("image or file read"),
    "search": message("searched"),
    "history": message("history read"),
    "list": message("worklist read"),
    "log-read": message("log read"),
    "put": message("record written"),
    "put-blobs": message("file written"),
    "delete": message("record deleted"),
    "register": message("patient registered"),
    "break-glass": message("glass broken"),
    "review": message("emergency access review"),
    "share": message("care team changed"),
    "person-added": message("person added"),
    "person-changed": message("person changed"),
    "master-key-rotated": message("master key rotated"),
    "data-key-rotated": message("data key rotated"),
    "patient-key-destroyed": message("patient key destroyed"),
    "finding": message("finding recorded"),
    "alert-raised": message("alert raised"),
    "alert-cleared": message("alert over"),
    "alert-escalated": message("alert escalated"),
    "alert-paged": message("page sent or not"),
    "alerts-listed": message("alerts looked at"),
    "alert-acknowledged": message("alert acknowledged"),
    "alert-snoozed": message("alert snoozed"),
    "alert-rule-tried": message("alert rule tried"),
    "alert-rule-enabled": message("alert rule enabled"),
    "alert-rule-disabled": message("alert rule disabled"),
    "alert-budget-exceeded": message("alert budget exceeded"),
    "ward-defined": message("ward defined"),
    "page-tested": message("test of a page sent"),
    "ward-placed": message("patient placed"),
    "set-aside-read": message("messages set aside opened"),
    "upload-received": message("device data received"),
    "upload-read": message("device data read"),
    "readings-put": message("readings stored"),
    "streams-opened": message("readings opened"),
    "streams-thinned": message("old readings thinned"),
    "device-added": message("device enrolled"),
    "device-renewed": message("device given a new token"),
    "device-revoked": message("device revoked"),
    "device-sent": message("device sent readings"),
    "accepted": message("accepted"),
    "edited": message("edited"),
    "rejected": message("rejected"),
    "added": message("added"),
    "term-mapped": message("local term mapped"),
    "term-removed": message("local term removed"),
    "term-undone": message("change of a local term undone"),
    "terms-imported": message("local terms imported"),
    "drafted": message("note drafted"),
    "rewrite-asked": message("summary sent to a language model"),
    "signed": message("signed"),
    "withdrawn": message("withdrawn"),
    "de-identified": message("data de-identified"),
    "re-identified": message("pseudonym looked up"),
}
PURPOSE_NAMES = {
    "treatment": message("treatment"),
    "patient": message("patient's own use"),
    "research": message("research"),
    "administration": message("administration"),
    "audit": message("audit"),
    "reidentification": message("re-identification"),
}


def _administration(asking: Asking) -> Administration:
    return asking.bench.store.administer(asking.person, "audit")


@router.get("")
def audit_page(
    request: Request, asking: Signed, before: Annotated[int, Query(ge=1, le=2**53)] = 2**53
) -> HTMLResponse:
    """Show the review queue and the decision log, the newest entry first."""
    administration = _administration(asking)
    queue = [
        {
            "id": glass.id,
            "when": moment(glass.at),
            "person": asking.bench.name_of(glass.person),
            "patient": glass.patient,
            "reason": glass.reason,
            "own": glass.person == asking.person.id,
        }
        for glass in administration.reviews()
    ]
    last = min(before - 1, asking.bench.store.counts()["decisions"])
    first = max(0, last - PAGE)
    entries = [e for e in administration.log(after=first) if e.sequence <= last]
    return page(
        asking,
        request,
        "admin.html",
        here="admin",
        queue=queue,
        entries=[_shown(asking, entry) for entry in reversed(entries)],
        older=first + 1 if first else 0,
    )


def _shown(asking: Asking, entry: Decision) -> dict[str, object]:
    return {
        "sequence": entry.sequence,
        "when": moment(entry.at),
        "person": entry.person,
        "act": _named(asking.language, ACT_NAMES, entry.act),
        "patient": entry.patient,
        "subject": entry.subject,
        "purpose": _named(asking.language, PURPOSE_NAMES, entry.purpose),
    }


def _named(language: Language, names: Mapping[str, str], word: str) -> str:
    return say(language, names[word]) if word in names else word


@router.post("/verify")
def verify(request: Request, asking: Signed) -> HTMLResponse:
    """Check every entry of the log against its chain, its head and its anchor."""
    _administration(asking).log(after=asking.bench.store.counts()["decisions"])
    return page(asking, request, "verdict.html", found=asking.bench.store.log.verify())


@router.post("/break-glass/{glass}")
def resolve(
    asking: Signed, glass: str, justified: Annotated[str, Form(pattern="^(yes|no)$")]
) -> Response:
    """Close a review of an emergency access."""
    _administration(asking).resolve(glass, "justified" if justified == "yes" else "misuse")
    return RedirectResponse("/admin", 303)
