"""Who asks: the session behind a request, by bearer token or by cookie with the form's token."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Annotated, cast

from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from suwen.core.codes import Language
from suwen.core.errors import Denied, NotFound, Unauthenticated
from suwen.core.nouns import Finding
from suwen.core.settings import Settings
from suwen.records import Access, Person, Store
from suwen.records.streams.door import Door
from suwen.records.streams.seen import Streams
from suwen.server.held.auth import SignIn
from suwen.server.held.cohorts import CohortShelf
from suwen.server.held.contacts import Contacts, NoContacts
from suwen.server.held.images import Shelf
from suwen.server.held.jobs import Jobs
from suwen.server.held.outputs import Output
from suwen.server.held.recordings import EcgShelf
from suwen.server.held.rounds import Rounds
from suwen.server.held.sessions import Session, Sessions
from suwen.server.language import COOKIE, chosen
from suwen.server.metrics import Metrics
from suwen.server.streams import OpenStreams, Turnstile

SESSION_COOKIE = "suwen_session"
GUEST_COOKIE = "suwen_guest"
"""Holds the token of the forms shown before signing in."""
CSRF_HEADER = "x-csrf-token"
READING = {"GET", "HEAD", "OPTIONS"}
PURPOSES = {
    "clinician": "treatment",
    "nurse": "treatment",
    "patient": "patient",
    "scientist": "research",
    "administrator": "audit",
}
ACTORS = {"clinician", "nurse"}
COHORTS = {"scientist", "administrator"}

Run = Callable[[Access, str, str], list[Finding]]
"""Answers a task (third) on a patient's current records (second), stores and logs each finding."""

_bearer = HTTPBearer(auto_error=False, description="The token from POST /api/sign-in.")
_cookie = APIKeyCookie(
    name=SESSION_COOKIE,
    auto_error=False,
    description="The workbench's own session; changing requests need the header X-CSRF-Token.",
)


@dataclass(frozen=True)
class Bench:
    """Everything a request needs, wired once in `create_app`."""

    store: Store
    settings: Settings
    jobs: Jobs
    outputs: Mapping[str, Output]
    metrics: Metrics
    sessions: Sessions
    sign_in: SignIn
    shelf: Shelf
    run: Run
    door: Door
    turnstile: Turnstile = field(default_factory=Turnstile)
    opened: OpenStreams = field(default_factory=OpenStreams)
    cohorts: CohortShelf = field(default_factory=CohortShelf)
    rounds: Rounds = field(default_factory=Rounds)
    ecgs: EcgShelf = field(default_factory=EcgShelf)
    contacts: Contacts = field(default_factory=NoContacts)

    def name_of(self, person: str) -> str:
        """Return the name shown for a person's id; the id itself when nobody has it any more."""
        try:
            return self.store.person(person).name
        except NotFound:
            return person


@dataclass
class Asking:
    """A signed-in person's request."""

    bench: Bench
    session: Session
    language: Language
    token: str = field(repr=False)

    @property
    def person(self) -> Person:
        """Who asks."""
        return self.session.person

    @cached_property
    def access(self) -> Access:
        """The person's way into the store, for the purpose of their role."""
        return self.bench.store.session(self.person, PURPOSES[self.person.role])

    @property
    def streams(self) -> Streams:
        """The person's way to samples; the same in a whole session, so each opening is logged once.

        The policy is asked again on every act.
        """
        purpose = PURPOSES[self.person.role]
        return self.bench.opened.of(self.token, self.bench.store, self.person, purpose)

    @property
    def may(self) -> dict[str, bool]:
        """What the pages offer; the store decides again on every act."""
        role = self.person.role
        return {
            "work": role in {*ACTORS, "patient"},
            "act": role in ACTORS,
            "sign": role == "clinician",
            "add": role in ACTORS,
            "review": role == "administrator",
            "cohorts": role in COHORTS,
        }

    def job_payload(self, **more: object) -> dict[str, object]:
        """Return the payload of a job in this person's name."""
        return {"person": asdict(self.person), "language": self.language, **more}


def bench_of(request: Request) -> Bench:
    """Return what `create_app` wired."""
    return cast(Bench, request.app.state.bench)


def language_of(request: Request) -> Language:
    """Return the language of a request."""
    return chosen(
        request.cookies.get(COOKIE),
        request.headers.get("accept-language"),
        bench_of(request).settings.language,
    )


async def asking(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)] = None,
    cookie: Annotated[str | None, Depends(_cookie)] = None,
) -> Asking:
    """Return who asks.

    Raises
    ------
    Unauthenticated
        No session, or it ended.
    Denied
        A changing request with a cookie lacks the token of the session's pages.
    """
    bench = bench_of(request)
    token = bearer.credentials if bearer else cookie
    session = bench.sessions.find(token)
    if session is None or token is None:
        raise Unauthenticated(
            "nobody is signed in, or the session ended", "a living session", "sign in again"
        )
    if bearer is None and request.method not in READING:
        session.verify_csrf(await form_token(request))
    request.state.person_id = session.person.id
    return Asking(bench, session, language_of(request), token)


async def form_token(request: Request) -> str:
    """Return the token a form or script sent along; an upload sends it as a header."""
    given = request.headers.get(CSRF_HEADER, "")
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if not given and kind == "application/x-www-form-urlencoded":
        value = (await request.form()).get("csrf")
        given = value if isinstance(value, str) else ""
    return given


def guest_token(request: Request, response: Response | None = None) -> str:
    """Return the token of forms shown to someone not signed in; set its cookie on `response`."""
    token = request.cookies.get(GUEST_COOKIE) or secrets.token_urlsafe(32)
    if response is not None:
        set_cookie(request, response, GUEST_COOKIE, token)
    return token


async def verify_guest(request: Request) -> None:
    """Check a form shown before signing in.

    Raises
    ------
    Denied
        The form and its cookie do not belong together.
    """
    cookie = request.cookies.get(GUEST_COOKIE, "")
    given = await form_token(request)
    if not cookie or not hmac.compare_digest(cookie.encode(), given.encode()):
        raise Denied(
            "the form is out of date", "the form of a page opened just now", "reload the page"
        )


def set_cookie(request: Request, response: Response, name: str, value: str) -> None:
    """Set a cookie that scripts cannot read and other sites cannot send along with a form."""
    response.set_cookie(
        name,
        value,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/",
    )


Signed = Annotated[Asking, Depends(asking)]
