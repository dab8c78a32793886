"""Changes one member of a JSON text, and leaves every other character as it is: other people's flags stand in
the same file, and their numbers, order and layout are theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class Member:
    """A member of an object: where its key begins, and where its value does and ends."""

    key: str
    begins: int
    value: int
    ends: int


def spliced(text: str, path: Sequence[str], value: object) -> str:
    """The text with `value` at the end of the path. Objects on the way are made where they are missing.

    Raises ValueError where the text is no JSON, or something on the way is no object.
    """
    _DECODER.decode(text)  # also what is behind the member that is looked for
    at, unit = _after_space(text, 0), _unit(text)
    for depth, key in enumerate(path):
        found = [member for member in _members(text, at) if member.key == key]
        rest = path[depth + 1 :]
        if not found:
            for name in reversed(rest):
                value = {name: value}
            return _inserted(text, at, key, value, unit, depth + 1)
        if not rest:
            last = found[-1]  # of two with one key readers take the last
            return text[: last.value] + _written(value, unit, depth + 1) + text[last.ends :]
        at = found[-1].value
    return text


def _members(text: str, at: int) -> Iterator[Member]:
    """Those of the object that begins at `at`."""
    if text[at] != "{":
        raise ValueError(f"there is no object at character {at}")
    at = _after_space(text, at + 1)
    while text[at] != "}":
        key, end = _DECODER.raw_decode(text, at)
        value = _after_space(text, _after_space(text, end) + 1)
        ends = _DECODER.raw_decode(text, value)[1]
        yield Member(key, at, value, ends)
        at = _after_space(text, ends)
        if text[at] == ",":
            at = _after_space(text, at + 1)


def _inserted(text: str, at: int, key: str, value: object, unit: str | None, depth: int) -> str:
    """With a member behind the last one of the object at `at`."""
    members = list(_members(text, at))
    before = members[-1].ends if members else at + 1
    comma = "," if members else ""
    member = f"{json.dumps(key, ensure_ascii=False)}: {_written(value, unit, depth)}"
    if unit is None:
        return text[:before] + comma + (" " if members else "") + member + text[before:]
    rest = text[before:] if members else f"\n{unit * (depth - 1)}{text[_after_space(text, before) :]}"
    return f"{text[:before]}{comma}\n{unit * depth}{member}{rest}"


def _written(value: object, unit: str | None, depth: int) -> str:
    """The value as it stands in an object whose members are so deep."""
    if unit is None:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    lines = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=unit).split("\n")
    return ("\n" + unit * depth).join(lines)


def _unit(text: str) -> str | None:
    """By what the text is indented; None where it is not."""
    found = re.match(r"\s*\{[ \t]*\r?\n([ \t]+)", text)
    if found:
        return found[1]
    return "  " if re.fullmatch(r"\s*\{\s*\}\s*", text) else None


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()
