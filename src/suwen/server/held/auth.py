"""Passwords and signing in.

Sources: NIST SP 800-63B (rev. 4) section 3.1.1 (length before composition rules); RFC 9106
(Argon2id).
"""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from suwen.core.errors import BadInput, NotFound, TooManyAttempts, Unauthenticated
from suwen.records import Person, Store
from suwen.server.held.lockout import Lockout
from suwen.server.metrics import Metrics

SHORTEST_PASSWORD: Final = 10
LONGEST_PASSWORD: Final = 1000
FREE_FAILURES_OF_AN_ADDRESS: Final = 30
"""One address may stand for a whole ward, so it is slowed later than one name."""

_hasher = PasswordHasher()
_NOBODY: Final = _hasher.hash("nobody signs in with this")


def hash_password(password: str) -> str:
    """Return what the store keeps of a password.

    Raises
    ------
    BadInput
        Shorter or longer than allowed.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise BadInput(
            f"a password of {len(password)} characters",
            f"{SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters",
            "choose a longer one; a few random words are good",
        )
    return _hasher.hash(password)


class SignIn:
    """Checks names and passwords, slowly for those who guess."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._names = Lockout()
        self._addresses = Lockout(free=FREE_FAILURES_OF_AN_ADDRESS)

    def verify(self, name: str, password: str, address: str) -> Person:
        """Return the person of `name` when `password` is theirs.

        An unknown name takes as long as a wrong password and gives the same answer.

        Raises
        ------
        Unauthenticated
            Name or password is wrong, or the account is closed.
        TooManyAttempts
            This name or address has to wait.
        """
        try:
            self._names.check(name)
            self._addresses.check(address)
        except TooManyAttempts:
            self._metrics.sign_ins.labels("locked").inc()
            raise
        person, credential = self._known(name)
        good = _matches(credential, password[: LONGEST_PASSWORD + 1])
        if person is None or not good or not person.active:
            self._names.failed(name)
            self._addresses.failed(address)
            if person is not None:
                self._store.note(person.id, "sign-in-refused", {})
            self._metrics.sign_ins.labels("refused").inc()
            raise Unauthenticated(
                "the name or the password is wrong",
                "a known name with its password",
                "try again, or ask an administrator to reset your password",
            )
        self._names.succeeded(name)
        self._store.note(person.id, "sign-in", {})
        self._metrics.sign_ins.labels("accepted").inc()
        return person

    def _known(self, name: str) -> tuple[Person | None, str]:
        try:
            return self._store.person(name), self._store.credential(name)
        except NotFound:
            return None, _NOBODY


def _matches(credential: str, password: str) -> bool:
    try:
        return _hasher.verify(credential, password)
    except (VerificationError, InvalidHashError):
        return False
