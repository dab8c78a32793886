"""The YAML front matter of a SKILL.md, in the flat subset that a skill needs.

Whatever this accepts, YAML reads the same way; everything else of YAML is refused with a sentence
that says what to write. The keys and limits are those of the Agent Skills specification.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.hooks.errors import UsageError

KEYS = ("name", "description", "license", "compatibility", "metadata", "allowed-tools")
"""The keys that the Agent Skills specification knows."""

NAMES = "write lower-case words joined by hyphens, at most 64 characters"
"""What a skill's name has to be."""
LONGEST = {"name": 64, "description": 1024, "compatibility": 500}
"""Characters that the specification allows for the value of a key."""
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LINE = re.compile(r"(?P<indent> *)(?P<key>[A-Za-z][\w.-]*):(?: +(?P<value>.*))?")
_SPECIAL = re.compile(r"^[\[\]{},&*!|>%@`#]|^[-?:](?=\s|$)|:(?=\s|$)|\s#|^(?:=|<<)$")
_INVISIBLE = re.compile(
    r"[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_FENCE = "---"
_ONE_LINE = 'write `key: value` on one line, the value in "double quotes" if it holds special characters'


@dataclass(frozen=True)
class FrontMatter:
    """What a SKILL.md says about itself. `others` are the optional keys that were given."""

    name: str
    description: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)


def read_front_matter(text: str, where: str) -> tuple[FrontMatter, str]:
    """The front matter of a SKILL.md and the Markdown body below it.

    `where` names the file in messages. Raises UsageError with the line of the first problem.
    """
    lines = text.split("\n")
    if lines[0].rstrip(" ") != _FENCE:
        raise UsageError(
            f"{where}:1: a skill starts with its front matter", help="write `---` as the first line"
        )
    closing = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip(" ") == _FENCE), None)
    if closing is None:
        raise UsageError(
            f"{where}:1: the front matter is not closed", help="write `---` on a line of its own below it"
        )
    values, metadata = _tables(lines[1:closing], where)
    return _checked(values, metadata, where), "\n".join(lines[closing + 1 :])


def renamed(page: str, name: str, where: str) -> str:
    """The page of a SKILL.md with another name in its front matter."""
    called = read_front_matter(page, where)[0].name
    if called == name:
        return page
    head, line, rest = re.split(r"^(name: .*)$", page, maxsplit=1, flags=re.MULTILINE)
    return f"{head}{line[: len('name: ')]}{name}{rest}"


def is_name(text: str) -> bool:
    """Whether a skill, and its folder, may be called so."""
    return _NAME.fullmatch(text) is not None and len(text) <= LONGEST["name"]


def _tables(lines: list[str], where: str) -> tuple[dict[str, str], dict[str, str]]:
    values: dict[str, str] = {}
    metadata: dict[str, str] = {}
    depth = None  # the indentation of metadata's keys, while inside that table
    for at, indent, key, value in _entries(lines, where):
        if indent == 0:
            if key not in KEYS:
                raise UsageError(f"{at}: the key `{key}` is unknown", help=did_you_mean(key, KEYS))
            _add(values, key, value, at)
            depth = 0 if key == "metadata" else None
            if key == "metadata" and value:
                raise UsageError(
                    f"{at}: `metadata` is a table", help="write its keys on indented lines below it"
                )
        elif depth is None or depth not in (0, indent):
            raise UsageError(f"{at}: this line is indented, but belongs to no table", help=_ONE_LINE)
        else:
            depth = indent
            _add(metadata, key, value, at)
    values.pop("metadata", None)
    return values, metadata


def _entries(lines: list[str], where: str) -> Iterator[tuple[str, int, str, str]]:
    """(file:line, indentation, key, value) of every line that is neither empty nor a comment."""
    for number, line in enumerate(lines, 2):
        if not line.strip(" ") or line.lstrip(" ").startswith("#"):
            continue
        at = f"{where}:{number}"
        if hidden := _INVISIBLE.search(line):
            raise UsageError(f"{at}: this line holds the invisible character {hidden[0]!r}", help="remove it")
        match = _LINE.fullmatch(line.rstrip(" "))
        if match is None:
            raise UsageError(f"{at}: this line is not `key: value`", help=_ONE_LINE)
        yield at, len(match["indent"]), match["key"], _scalar((match["value"] or "").strip(" "), at)


def _add(table: dict[str, str], key: str, value: str, at: str) -> None:
    if key in table:
        raise UsageError(f"{at}: the key `{key}` stands here twice", help="remove one of them")
    table[key] = value


def _scalar(text: str, at: str) -> str:
    """A plain, a 'single' or a "double" quoted value."""
    if text.startswith('"'):
        try:
            value = str(json.loads(text))  # but for surrogates, a JSON string means the same in YAML
        except ValueError:
            value = None
        if value is None or _SURROGATE.search(text):
            raise UsageError(
                f"{at}: this is not a double-quoted value", help='close it with `"`, write `\\"` inside'
            )
        return value
    if text.startswith("'"):
        if not re.fullmatch(r"'(?:[^']|'')*'", text):
            raise UsageError(
                f"{at}: this is not a single-quoted value", help="close it with `'`, write `''` inside"
            )
        return text[1:-1].replace("''", "'")
    special = _SPECIAL.search(text)
    if special:
        raise UsageError(f"{at}: {special[0].strip(' ')!r} has a meaning of its own in YAML", help=_ONE_LINE)
    return text


def _checked(values: Mapping[str, str], metadata: Mapping[str, str], where: str) -> FrontMatter:
    for key in ("name", "description"):
        if not values.get(key, "").strip():
            raise UsageError(
                f"{where}: the front matter has no `{key}`",
                help=f"write `{key}: ...` between the `---` lines",
            )
    for key, longest in LONGEST.items():
        if len(values.get(key, "")) > longest:
            raise UsageError(f"{where}: `{key}` has more than {longest:,} characters", help="shorten it")
    if not is_name(values["name"]):
        raise UsageError(f"{where}: {values['name']!r} is not a skill's name", help=NAMES)
    others = {key: value for key, value in values.items() if key not in ("name", "description")}
    return FrontMatter(values["name"], values["description"], metadata, others)
