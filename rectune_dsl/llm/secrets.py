"""Keys never leave the process but for the request that needs them: whatever is written passes here."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

REDACTED = "[redacted]"
_NAMED = re.compile(r"(?i)(?:^|_)(?:api)?(?:key|token|secret|password|credentials?)$")
"""Names of environment variables whose values are keys."""
_SHORTEST = 8
"""Shorter values, such as `none` or `ollama`, stand for "no key" and occur in honest text."""
_SHAPES = (
    (re.compile(r"(?<![0-9A-Za-z])AIza[0-9A-Za-z_-]{16,}"), REDACTED),
    (re.compile(r"(?<![0-9A-Za-z])AQ\.[0-9A-Za-z_-]{16,}"), REDACTED),
    (re.compile(r"(?<![0-9A-Za-z])sk-[0-9A-Za-z_-]{8,}"), REDACTED),
    (re.compile(r"(?<![0-9A-Za-z])ya29\.[0-9A-Za-z._-]{8,}"), REDACTED),
    (re.compile(r"(?i)(?<![0-9A-Za-z])(Bearer\s+)[0-9A-Za-z._~+/=-]{4,}"), rf"\1{REDACTED}"),
    (re.compile(r"(?i)([?&](?:api_?)?key=)[^&\s\"'<>]+"), rf"\1{REDACTED}"),
    (
        re.compile(r"(?i)(?<![0-9A-Za-z])((?:x-goog-)?api[_-]key[\"']?\s*[:=]\s*[\"']?)[^\s\"',}&]+"),
        rf"\1{REDACTED}",
    ),
)


def redacted(text: str) -> str:
    """The text without keys: neither values of environment variables that are named like keys, nor what has
    the shape of one."""
    for value in sorted(_known(os.environ.items()), key=len, reverse=True):
        text = text.replace(value, REDACTED)
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return text


def _known(variables: Iterable[tuple[str, str]]) -> set[str]:
    # a variable may hold the path of a file with credentials, which is none itself
    return {
        value.strip()
        for name, value in variables
        if _NAMED.search(name) and len(value.strip()) >= _SHORTEST and not os.path.isabs(value.strip())
    }
