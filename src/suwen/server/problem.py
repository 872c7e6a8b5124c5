"""One error shape: what was got, what was expected, what to do; for programs and for people."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from suwen.core.errors import SuwenError


class ErrorBody(BaseModel):
    """What went wrong, without patient content."""

    code: str = Field(description="A stable name of the kind of error.")
    got: str = Field(description="What was met.")
    expected: str = Field(description="What would have been accepted.")
    todo: str = Field(description="What to do now.")


class Problem(BaseModel):
    """The one shape of every error answer."""

    error: ErrorBody


def body_of(error: SuwenError) -> dict[str, dict[str, str]]:
    """Return the error as the one error shape."""
    return {"error": error.shape()}


ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "Not a request of this API"},
    401: {"model": Problem, "description": "Nobody is signed in"},
    403: {"model": Problem, "description": "The access policy refuses"},
    404: {"model": Problem, "description": "Nothing of that name"},
    405: {"model": Problem, "description": "Not a method of this address"},
    409: {"model": Problem, "description": "Someone else wrote first, or the state forbids it"},
    410: {"model": Problem, "description": "The key was destroyed"},
    413: {"model": Problem, "description": "Too large or unsafe"},
    422: {"model": Problem, "description": "Not understood"},
    429: {"model": Problem, "description": "Too many failed attempts, or too much at once"},
    501: {"model": Problem, "description": "A part of the installation is absent"},
    503: {"model": Problem, "description": "Busy; nothing was taken, send it again"},
    507: {"model": Problem, "description": "The disk or the database is full"},
}
"""The error answers of every operation."""
