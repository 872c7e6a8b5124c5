"""Templates: one environment for each language, and what every page needs."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from suwen import __version__
from suwen.core.codes import Language
from suwen.core.errors import SuwenError
from suwen.diagnosis.language import catalogue, message
from suwen.server.asking import Asking, guest_token, language_of
from suwen.server.language import FOLDER, say
from suwen.server.spoken import COLONS, sentence

HERE = Path(__file__).parent
STATIC = HERE / "static"


ROLE_NAMES = {
    "clinician": message("clinician"),
    "nurse": message("nurse"),
    "patient": message("patient"),
    "scientist": message("scientist"),
    "administrator": message("administrator"),
}
HEADINGS = {
    401: message("Sign in, please"),
    403: message("Not allowed"),
    404: message("Not found"),
    409: message("Not possible as things stand"),
    413: message("Too large"),
    422: message("Not understood"),
    429: message("Please wait"),
}
OTHER_HEADING = message("This did not work")


@lru_cache(maxsize=4)
def environment(language: Language) -> Environment:
    """Return the templates in `language`."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_translations(  # type: ignore[attr-defined]
        catalogue(language, FOLDER), newstyle=True
    )
    made.globals.update(
        language=language,
        version=__version__,
        colon=COLONS[language],
        static=static,
        sentence=lambda text, label="": sentence(language, text, label),
    )
    return made


@lru_cache(maxsize=64)
def static(name: str) -> str:
    """Return the address of a shipped file, with its hash so that browsers may keep it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def page(
    asking: Asking, request: Request, template: str, status: int = 200, /, **values: Any
) -> HTMLResponse:
    """Return a page, or part of one, for a signed-in person."""
    frame: dict[str, Any] = {
        "csrf": asking.session.csrf,
        "person": asking.person,
        "role_name": say(asking.language, ROLE_NAMES[asking.person.role]),
        "may": asking.may,
        "here": "",
        "path": request.url.path,
    }
    text = environment(asking.language).get_template(template).render({**frame, **values})
    return HTMLResponse(text, status)


def guest_page(
    request: Request, template: str, status: int = 200, /, **values: Any
) -> HTMLResponse:
    """Return a page for someone not signed in, with the token of its forms."""
    language = language_of(request)
    response = HTMLResponse("", status)
    frame: dict[str, Any] = {
        "csrf": guest_token(request, response),
        "person": None,
        "may": {},
        "here": "",
        "path": request.url.path,
    }
    text = environment(language).get_template(template).render({**frame, **values})
    response.body = text.encode()
    response.headers["content-length"] = str(len(response.body))
    return response


def heading(language: Language, error: SuwenError) -> str:
    """Return the first words of an error page."""
    return say(language, HEADINGS.get(error.http_status, OTHER_HEADING))


def part(request: Request, error: SuwenError) -> HTMLResponse:
    """Return an error as a part of a page that asked for one."""
    language = language_of(request)
    text = environment(language).get_template("problem.html")
    body = text.render(error=error, heading=heading(language, error))
    return HTMLResponse(body, error.http_status, {"X-Suwen-Partial": "problem"})
