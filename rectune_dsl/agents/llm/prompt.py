"""What a model is asked: a standing instruction that is always the same, and rows of data within a cap."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from rectune_dsl.skillhub.render import plain, shortened

LONGEST_PROMPT = 24_000
"""Characters of the data in one question."""
_DIGITS = 6
_FRAME = 48
"""Characters around a section's title and rows."""
Row = Mapping[str, object]
"""One line of data: JSON, so that no text in it can look like another line, or like an instruction."""


@dataclass(frozen=True)
class Section:
    """Rows under a title, the most important first."""

    title: str
    rows: tuple[Row, ...]


def question(agent: str, sections: Sequence[Section], longest: int = LONGEST_PROMPT) -> tuple[str, str]:
    """The instruction of an agent, and the sections as data: the most important section comes first."""
    return instruction(agent), data(sections, longest)


@lru_cache(maxsize=16)
def instruction(agent: str) -> str:
    """What holds for every agent, and what one has to do: `prompts/common.md` and `prompts/AGENT.md`."""
    folder = files("rectune_dsl.agents.llm").joinpath("prompts")
    texts = (folder.joinpath(f"{name}.md").read_text(encoding="utf-8") for name in ("common", agent))
    return "\n".join(texts)


def data(sections: Sequence[Section], longest: int = LONGEST_PROMPT) -> str:
    """The sections, a JSON object per line. Where that is too long, rows are left out, from the last section
    upwards, and each section says how many it lacks."""
    lines = [[_line(row) for row in section.rows] for section in sections]
    kept = [len(rows) for rows in lines]
    over = sum(_length(section.title, rows) for section, rows in zip(sections, lines, strict=True)) - longest
    for at in reversed(range(len(sections))):
        while over > 0 and kept[at]:
            kept[at] -= 1
            over -= len(lines[at][kept[at]]) + 1
    parts = [
        "\n".join([f"## {section.title}", *rows[:count], *_lacking(len(rows) - count)])
        for section, rows, count in zip(sections, lines, kept, strict=True)
        if rows
    ]
    return "\n".join(parts)


def capped(text: str, longest: int) -> str:
    """The text on one line of at most `longest` characters, without control or invisible characters: for what
    others wrote, on its way into a prompt, and for what a model wrote, on its way out."""
    return shortened(plain(text[: 4 * longest]), longest)


def rounded(value: float) -> float | str:
    """A number as a person would write it; what JSON has no number for, as a word."""
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else str(value)


def _length(title: str, rows: Sequence[str]) -> int:
    """Characters of a section at most, with the line that says what it lacks."""
    return len(title) + _FRAME + sum(len(row) + 1 for row in rows) if rows else 0


def _lacking(count: int) -> list[str]:
    return [_line({"left out for length": count})] if count else []


def _line(row: Row) -> str:
    """One line for whoever reads it, also for readers that break lines at other signs than JSON does."""
    text = json.dumps(row, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in text)
