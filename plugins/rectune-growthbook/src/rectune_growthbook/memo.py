"""What rectune has to find again stands in GrowthBook itself: in descriptions, on a line of its own.

A process may be killed at any time, and the next one knows nothing but what is there.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from rectune_dsl.hooks.api import ExperimentSpec, fingerprint

_MARK = "rectune: "
_NOTE = "(The last line is rectune's memory: leave it as it is.)"
_LONGEST_SLUG = 60


def noted(text: str, memo: Mapping[str, Any]) -> str:
    """A description with a memo; without one where it is empty."""
    words = text_of(text)
    if not memo:
        return words
    line = _MARK + json.dumps(memo, sort_keys=True)
    return "\n\n".join(filter(None, (words, f"{_NOTE}\n{line}")))


def memo_of(description: str) -> dict[str, Any]:
    """The memo in a description; empty where there is none, or what there is was changed by hand."""
    for line in description.splitlines():
        if line.startswith(_MARK):
            try:
                found = json.loads(line.removeprefix(_MARK))
            except ValueError:
                return {}
            return found if isinstance(found, dict) else {}
    return {}


def text_of(description: str) -> str:
    """A description without its memo."""
    lines = [line for line in description.splitlines() if line != _NOTE and not line.startswith(_MARK)]
    return "\n".join(lines).strip()


def tracking_key(key: str) -> str:
    """The key of an experiment as GrowthBook and its exposures have it: unique, and to be read by people."""
    slug = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")[:_LONGEST_SLUG]
    return f"rectune-{slug}-{hashlib.sha256(key.encode()).hexdigest()[:10]}"


def digest(spec: ExperimentSpec) -> str:
    """The same for equal specs, and for no others; as long as a line that people may see should have it."""
    return fingerprint(spec)[:32]
