"""One tree of errors. Each says what was got, what was expected and what to do next.

An error text never carries patient content: name the field, the file's position or the record
reference, not the value.
"""

from __future__ import annotations

from collections.abc import Mapping


class SuwenError(Exception):
    """Base of every error a user may see.

    Parameters
    ----------
    got
        What was met, without patient content.
    expected
        What would have been accepted.
    todo
        What the reader can do now.
    """

    code = "error"
    http_status = 500

    def __init__(self, got: str, expected: str = "", todo: str = "") -> None:
        self.got = got
        self.expected = expected
        self.todo = todo
        super().__init__(got, expected, todo)

    def __str__(self) -> str:
        parts = [self.got.rstrip(".")]
        if self.expected:
            parts.append(f"expected {self.expected.rstrip('.')}")
        if self.todo:
            parts.append(f"what to do: {self.todo.rstrip('.')}")
        return "; ".join(parts) + "."

    def shape(self) -> dict[str, str]:
        """Return the one error shape of the API and of stored job results."""
        return {
            "code": self.code,
            "got": self.got,
            "expected": self.expected,
            "todo": self.todo,
        }


class BadInput(SuwenError):
    """The input does not say what it has to say (malformed, incomplete, contradictory)."""

    code = "bad-input"
    http_status = 422


class UnsafeInput(BadInput):
    """The input was refused before it was parsed: too large, too deep, or hostile."""

    code = "unsafe-input"
    http_status = 413


class NotFound(SuwenError):
    """Nothing is stored under that name, or it was deleted."""

    code = "not-found"
    http_status = 404


class Unauthenticated(SuwenError):
    """Nobody, or nobody known, is asking."""

    code = "unauthenticated"
    http_status = 401


class TooManyAttempts(SuwenError):
    """Too many failures in a row: the next try has to wait `seconds`."""

    code = "too-many-attempts"
    http_status = 429

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, round(seconds))
        super().__init__(
            "too many failed attempts",
            f"the next one in {self.seconds} seconds or later",
            "wait, or ask an administrator to reset your password",
        )


class Busy(SuwenError):
    """More is under way than is taken at once; nothing was done, the next try waits `seconds`.

    Parameters
    ----------
    whole
        Whether the server as a whole is busy (503), or this sender sends too much at once (429).
    """

    code = "busy"
    http_status = 503

    def __init__(self, seconds: float, whole: bool = True) -> None:
        self.seconds = max(1, round(seconds))
        self.http_status = 503 if whole else 429
        super().__init__(
            "too much is under way" if whole else "this sender has too much under way",
            f"the same again in {self.seconds} seconds or later",
            "nothing of it was taken: send it again",
        )


class Denied(SuwenError):
    """The access policy does not let this person do this."""

    code = "denied"
    http_status = 403


class Conflict(SuwenError):
    """Someone else wrote first, or the state no longer allows it."""

    code = "conflict"
    http_status = 409


class IntegrityError(SuwenError):
    """Stored bytes are not the bytes that were written (log, blob or pack)."""

    code = "integrity"
    http_status = 500


class KeyUnavailable(SuwenError):
    """The key is missing, wrong, or was destroyed on purpose (crypto-shredding)."""

    code = "key-unavailable"
    http_status = 410


class StorageUnavailable(SuwenError):
    """The disk is full or the database cannot be written; nothing was half written."""

    code = "storage"
    http_status = 507


class MissingExtra(SuwenError):
    """An optional part of the installation is absent."""

    code = "missing-extra"
    http_status = 501

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"the package {package!r} is not installed",
            f"the optional extra [{extra}]",
            f"pip install 'suwen[{extra}]'",
        )


def error_of(shape: Mapping[str, str]) -> SuwenError:
    """Return the error whose `shape()` this is."""
    kinds: tuple[type[SuwenError], ...] = (
        BadInput,
        UnsafeInput,
        NotFound,
        Unauthenticated,
        Denied,
        Conflict,
        IntegrityError,
        KeyUnavailable,
        StorageUnavailable,
    )
    by_code = {kind.code: kind for kind in kinds}
    kind = by_code.get(shape.get("code", ""), SuwenError)
    return kind(shape.get("got", ""), shape.get("expected", ""), shape.get("todo", ""))
