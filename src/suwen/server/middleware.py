"""What surrounds every request: size limit, security headers, metrics and an access log.

The access log and the metrics name the route's pattern, never the address, and no person's words.
Source of the headers: OWASP Secure Headers Project; CSP Level 3.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from suwen.core.errors import Denied, SuwenError, UnsafeInput
from suwen.server.metrics import Metrics

Answer = Callable[[Request, SuwenError], Response]
"""Turns an error into the form its reader needs."""

MIB = 1024 * 1024
FORM_LIMIT = MIB
"""Largest body of anything but an upload, in bytes."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self' data:",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
"""Niivue brings its font and lookup tables as data: addresses, fetched and drawn."""

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
HSTS = "max-age=31536000"
STATIC = "/static/"


class Guard:
    """Refuses bodies that are too large and forms of other sites, before they are read.

    Parameters
    ----------
    upload_limit
        Largest body, in bytes, of a request to a path that `upload_paths` matches as a whole.
    """

    def __init__(
        self, app: ASGIApp, answer: Answer, upload_limit: int, upload_paths: re.Pattern[str]
    ) -> None:
        self._app = app
        self._answer = answer
        self._upload_limit = upload_limit
        self._upload_paths = upload_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        taken = self._upload_paths.fullmatch(scope["path"])
        limit = self._upload_limit if taken else FORM_LIMIT
        try:
            _same_site(scope, headers)
            length = headers.get("content-length", "")
            if length.isdigit() and int(length) > limit:
                raise too_large(limit)
        except SuwenError as error:
            await self._answer(Request(scope), error)(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            event = await receive()
            seen += len(event.get("body", b""))
            if seen > limit:
                raise HTTPException(413)
            return event

        await self._app(scope, counted, send)


def too_large(limit: int) -> UnsafeInput:
    """Return the error of a body over `limit` bytes."""
    return UnsafeInput(
        "the request is too large",
        f"at most {limit // MIB} MiB",
        "send fewer files at a time, or ask an administrator to raise SUWEN_MAX_UPLOAD_MB",
    )


def _same_site(scope: Scope, headers: Headers) -> None:
    """Refuse a changing request which a browser says comes from another site."""
    if scope["method"] in {"GET", "HEAD", "OPTIONS"}:
        return
    origin = headers.get("origin")
    foreign = headers.get("sec-fetch-site") in {"cross-site", "same-site"}
    if origin and origin != "null":
        foreign = foreign or urlsplit(origin).netloc != headers.get("host")
    if foreign:
        raise Denied(
            "the request comes from another site", "a form of this workbench", "open the page here"
        )


class Observe:
    """Adds the security headers, counts and times the request, and writes one access-log line."""

    def __init__(self, app: ASGIApp, metrics: Metrics, answer: Answer) -> None:
        self._app = app
        self._metrics = metrics
        self._answer = answer
        self._log = structlog.get_logger("suwen.access")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def finish(event: Message) -> None:
            nonlocal status
            if event["type"] == "http.response.start":
                status = event["status"]
                _secure(scope, MutableHeaders(scope=event))
            await send(event)

        try:
            await self._app(scope, receive, finish)
        except Exception as error:  # noqa: BLE001  the last line of defence: no trace, no content
            self._log.error("unexpected", kind=type(error).__name__, where=_where(error))
            if not status:
                await self._answer(Request(scope), mistake())(scope, receive, finish)
        finally:
            seconds = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "")
            if not route:
                route = STATIC if scope["path"].startswith(STATIC) else "(none)"
            self._metrics.requests.labels(route, scope["method"], str(status)).inc()
            self._metrics.request_seconds.labels(route).observe(seconds)
            self._log.info(
                "request",
                route=route,
                method=scope["method"],
                status=status,
                ms=round(1000 * seconds, 1),
                person=scope.get("state", {}).get("person_id", ""),
            )


def mistake() -> SuwenError:
    """Return what the reader is told when the server failed in a way nobody foresaw."""
    return SuwenError(
        "the server made a mistake", "an answer", "try again; tell your administrator the time"
    )


def _where(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def _secure(scope: Scope, headers: MutableHeaders) -> None:
    for name, value in HEADERS.items():
        headers[name] = value
    if scope.get("scheme") == "https":
        headers["Strict-Transport-Security"] = HSTS
    if scope["path"].startswith(STATIC):
        headers["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        headers["Cache-Control"] = "no-store"
