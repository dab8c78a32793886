"""The nearest known name, for messages."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping

_DIGITS = re.compile(r"\d+")


def nearest(word: str, known: Iterable[str], alike: float = 0.6) -> str | None:
    """The known word that looks most like `word`, if any looks alike (`alike` is 1 for the same word)."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=alike)
    return found[0] if found else None


def misspelt(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` is a slip for. `p_like_7` is none for `p_like_1`: the digits differ."""
    guess = nearest(word, known, 0.75)
    return guess if guess is not None and _DIGITS.findall(guess) == _DIGITS.findall(word) else None


def meant(word: str, values: Iterable[str], others: Mapping[str, Collection[str]]) -> str | None:
    """The one of a few values that `word` was meant to be: by another word for it, by a common beginning, or
    by its looks."""
    values, plain = list(values), word.strip().lower()
    for value in values:
        if value in others.get(plain, ()):
            return value
    beginnings = [v for v in values if plain and (plain.startswith(v) or v.startswith(plain))]
    return beginnings[0] if len(beginnings) == 1 else nearest(plain, values)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A help sentence: the nearest known word, or all of them when there are few."""
    options = sorted(set(known))
    if (guess := nearest(word, options)) is not None:
        return f"did you mean `{guess}`?"
    if not options:
        return ""
    shown = ", ".join(f"`{o}`" for o in options[:16])
    return f"known: {shown}{', ...' if len(options) > 16 else ''}"
