"""What HTTP says to plugins that ask a server: whether to try again, and when."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from rectune_dsl.hooks.models import Outcome

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
"""Statuses of a server that may do better soon."""


def is_passing(status: int) -> bool:
    """Whether the server may answer the same request soon."""
    return status in _PASSING


def outcome_of(status: int) -> Outcome:
    """How a call of a language model ended that an HTTP status other than 200 answered."""
    return "unavailable" if is_passing(status) else "refused"


def seconds_to_wait(header: str | None, now: datetime | None = None) -> float | None:
    """What a `Retry-After` header asks for: a number of seconds or a date. None where it says nothing."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        return _seconds_until(header, now or datetime.now(UTC))
    return max(0.0, seconds) if math.isfinite(seconds) else None


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine, where no proxy has any business."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or ip_address(host).is_loopback
    except ValueError:
        return False


def _seconds_until(date: str, now: datetime) -> float | None:
    try:
        until = parsedate_to_datetime(date)
    except ValueError:
        return None
    if until.tzinfo is None:  # "-0000": UTC, of an unknown place
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
