"""Sessions of signed-in people: an opaque token outside, everything else inside this process.

A session ends by sign-out, after `settings.session_minutes` without a request, after
`LONGEST_S`, or with the process. Only the SHA-256 of a token is kept.
Source: OWASP Session Management Cheat Sheet.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from suwen.core.errors import Denied
from suwen.records import Person

LONGEST_S = 12 * 3600.0
MOST_SESSIONS = 5_000


@dataclass
class Session:
    """One signed-in person on one browser or program."""

    person: Person
    csrf: str = field(repr=False)
    begun: float
    seen: float

    def verify_csrf(self, given: str | None) -> None:
        """Compare the form's token with the session's.

        Raises
        ------
        Denied
            The request did not come from a page of this session.
        """
        if not hmac.compare_digest(self.csrf.encode(), (given or "").encode()):
            raise Denied(
                "the form does not belong to this session",
                "the token of a page opened after signing in",
                "reload the page and try again",
            )


class Sessions:
    """The sessions of this process.

    Parameters
    ----------
    idle_s
        Seconds without a request after which a session ends.
    clock
        Monotonic seconds; a test passes its own.
    """

    def __init__(self, idle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.idle_s = idle_s
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def begin(self, person: Person) -> str:
        """Start a session and return its token, which is not kept."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        session = Session(person, secrets.token_urlsafe(32), now, now)
        with self._lock:
            self._sweep(now)
            self._sessions[_key(token)] = session
        return token

    def find(self, token: str | None) -> Session | None:
        """Return the living session of `token`, and count this as a sign of life."""
        if not token:
            return None
        now = self._clock()
        with self._lock:
            session = self._sessions.get(_key(token))
            if session is None:
                return None
            if self._ended(session, now):
                del self._sessions[_key(token)]
                return None
            session.seen = now
            return session

    def living(self, token: str) -> bool:
        """Say whether the session of `token` lives, without counting this as a sign of life."""
        now = self._clock()
        with self._lock:
            session = self._sessions.get(_key(token))
            return session is not None and not self._ended(session, now)

    def end(self, token: str | None) -> None:
        """End the session of `token`, if there is one."""
        with self._lock:
            self._sessions.pop(_key(token or ""), None)

    def end_all_of(self, person: str) -> None:
        """End every session of a person, for example when the account is closed."""
        with self._lock:
            for key in [k for k, s in self._sessions.items() if s.person.id == person]:
                del self._sessions[key]

    def __len__(self) -> int:
        return len(self._sessions)

    def _ended(self, session: Session, now: float) -> bool:
        return now - session.seen > self.idle_s or now - session.begun > LONGEST_S

    def _sweep(self, now: float) -> None:
        for key in [k for k, s in self._sessions.items() if self._ended(s, now)]:
            del self._sessions[key]
        while len(self._sessions) >= MOST_SESSIONS:
            oldest = min(self._sessions, key=lambda key: self._sessions[key].seen)
            del self._sessions[oldest]


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
