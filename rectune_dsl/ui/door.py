"""Who may come in: a link that works once, and the sessions that it is traded for."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rectune_dsl.report.tables import Tone

IDLE_SECONDS = 12 * 3600.0
"""A session ends when nothing was asked in it for so long."""
SECRET_BYTES = 32
"""Random bytes of every token and cookie."""
_REMEMBERED = 50


@dataclass(frozen=True)
class Outcome:
    """What came of something that was asked for; `more` are sentences on why, and on what to do next."""

    tone: Tone
    what: str
    more: tuple[str, ...] = ()


@dataclass
class Session:
    """One browser's. `csrf` stands in each of its forms; `seen` is when it last asked for something."""

    csrf: str
    seen: float
    _outcomes: dict[int, Outcome] = field(default_factory=dict)
    _told: int = 0

    def remember(self, outcome: Outcome) -> int:
        """Keep an outcome for the page that will show it; returns its number."""
        self._told += 1
        self._outcomes[self._told] = outcome
        self._outcomes.pop(self._told - _REMEMBERED, None)
        return self._told

    def outcome(self, number: str) -> Outcome | None:
        return self._outcomes.get(int(number)) if number.isdecimal() and len(number) < 10 else None


class Door:
    """Knows tokens and cookies by their hashes only. `clock` tells seconds, and goes on while a laptop
    sleeps."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._token = ""
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def new_token(self) -> str:
        """A token that lets one browser in, once. The one before it is void."""
        token = secrets.token_urlsafe(SECRET_BYTES)
        with self._lock:
            self._token = _hashed(token)
        return token

    def enter(self, token: str) -> str | None:
        """Trade the token for the cookie of a new session; None where it is wrong, void or used."""
        with self._lock:
            if not self._token or not hmac.compare_digest(self._token, _hashed(token)):
                return None
            self._token = ""
            self._sessions = {key: kept for key, kept in self._sessions.items() if self._lives(kept)}
            cookie = secrets.token_urlsafe(SECRET_BYTES)
            self._sessions[_hashed(cookie)] = Session(secrets.token_urlsafe(SECRET_BYTES), self._clock())
            return cookie

    def session(self, cookie: str, *, is_watching: bool = False) -> Session | None:
        """The session of a cookie; None where it has none, or it has ended. A page that only watches does not
        keep it alive."""
        with self._lock:
            found = self._sessions.get(_hashed(cookie))
            if found is None or not self._lives(found):
                self._sessions.pop(_hashed(cookie), None)
                return None
            if not is_watching:
                found.seen = self._clock()
            return found

    def leave(self, cookie: str) -> None:
        """End the session."""
        with self._lock:
            self._sessions.pop(_hashed(cookie), None)

    def _lives(self, session: Session) -> bool:
        return self._clock() - session.seen < IDLE_SECONDS


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
