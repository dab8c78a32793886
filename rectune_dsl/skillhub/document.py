"""A SKILL.md's body: the six slots of the paper (arXiv 2604.26969), one `##` heading each."""

from __future__ import annotations

import re
from collections.abc import Mapping

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
    fence = ""
    for line in body.splitlines():
        heading = None if fence else _HEADING.fullmatch(line)
        fence = _fence_after(line, fence)
        if heading is None:
            current.append(line)
            continue
        current = texts[_field(heading[1], texts, where)] = []
    if missing := [heading for field, heading in SLOTS.items() if field not in texts]:
        raise UsageError(
            f"{where}: the heading `## {missing[0]}` is missing",
            help=f"a skill has the headings {', '.join(SLOTS.values())}",
        )
    return {field: "\n".join(lines).strip() for field, lines in texts.items()}


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
