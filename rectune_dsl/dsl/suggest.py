"""The nearest known name, for messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], alike: float = 0.6) -> str | None:
    """The known word that looks most like `word`, if any looks alike (`alike` is 1 for the same word)."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=alike)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A help sentence: the nearest known word, or all of them when there are few."""
    options = sorted(set(known))
    if (guess := nearest(word, options)) is not None:
        return f"did you mean `{guess}`?"
    if not options:
        return ""
    shown = ", ".join(f"`{o}`" for o in options[:16])
    return f"known: {shown}{', ...' if len(options) > 16 else ''}"
