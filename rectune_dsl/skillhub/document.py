"""A SKILL.md's body: the six slots of the paper (arXiv 2604.26969), one `##` heading each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.hooks.errors import UsageError

SLOTS: Mapping[str, str] = {
    "context": "Context",
    "requirement": "Requirement",
    "north_star": "North star",
    "initial_config": "Initial config",
    "domain_knowledge": "Domain knowledge",
    "tools": "Tools",
}
"""Field of `Skill` -> heading."""

_HEADING = re.compile(r" {0,3}##[ \t]+(.*?)[ \t]*#*[ \t]*")
_CODE = re.compile(r" {0,3}(`{3,}|~{3,})")
_FIELDS = {heading.casefold(): field for field, heading in SLOTS.items()}


def read_slots(body: str, where: str) -> dict[str, str]:
    """The text of each slot, by field of `Skill`. What stands above the first `##` introduces the page.

    Raises UsageError when a heading is missing, unknown or there twice: nothing a person wrote is
    dropped in silence.
    """
    texts: dict[str, list[str]] = {}
    current: list[str] = []
    for line, heading in _lines(body):
        if heading is None:
            current.append(line)
        else:
            current = texts[_field(heading, texts, where)] = []
    if missing := [heading for field, heading in SLOTS.items() if field not in texts]:
        raise UsageError(
            f"{where}: the heading `## {missing[0]}` is missing",
            help=f"a skill has the headings {', '.join(SLOTS.values())}",
        )
    return {field: "\n".join(lines).strip() for field, lines in texts.items()}


def write_slot(page: str, field: str, text: str) -> str:
    """The page with `text` in the place of what one slot says; all else stays as it is."""
    written: list[str] = []
    inside = False
    for line, heading in _lines(page):
        if heading is not None:
            inside = _FIELDS.get(heading.casefold()) == field
            written += [line, "", text, ""] if inside else [line]
        elif not inside:
            written.append(line)
    return "\n".join(written).rstrip("\n") + "\n"


def _lines(body: str) -> Iterator[tuple[str, str | None]]:
    """Every line, and its heading if it is one of the second level."""
    fence = ""
    for line in body.split("\n"):
        heading = None if fence else _HEADING.fullmatch(line)
        fence = _fence_after(line, fence)
        yield line, heading[1] if heading else None


def _field(heading: str, taken: Mapping[str, object], where: str) -> str:
    field = _FIELDS.get(heading.casefold())
    if field is None:
        raise UsageError(
            f"{where}: the heading `## {heading}` is none of a skill's slots",
            help=f"{did_you_mean(heading, SLOTS.values())} (deeper headings, `###`, are free)",
        )
    if field in taken:
        raise UsageError(f"{where}: the heading `## {heading}` stands there twice", help="join the two parts")
    return field


def _fence_after(line: str, fence: str) -> str:
    """The code fence that is open below this line: a comment in a code block is no heading."""
    mark = _CODE.match(line)
    if mark is None:
        return fence
    if not fence:
        return mark[1]
    closes = mark[1].startswith(fence) and line.strip() == mark[1]
    return "" if closes else fence
