"""Where `tomllib` stopped, and what a slip is."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass

from rectune_dsl.dsl.positions import Extent

TextEdit = tuple[int, int, str]


@dataclass(frozen=True)
class Slip:
    """What is wrong at which characters, what to write instead, and the edits that write it."""

    message: str
    help: str
    extent: Extent
    edits: tuple[TextEdit, ...] = ()


@dataclass(frozen=True)
class Trip:
    """Where `tomllib` stopped, and what it said."""

    text: str
    what: str
    at: int

    @property
    def line(self) -> Extent:
        """The line, without its end."""
        start = self.text.rfind("\n", 0, self.at) + 1
        end = self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        return Extent(start, start + len(self.text[start:end].rstrip("\r")))

    def match(self, pattern: str) -> re.Match[str] | None:
        """What stands at the place, up to the line's end."""
        return re.compile(pattern).match(self.text, self.at, max(self.line.end, self.at))

    def here(self, length: int = 1) -> Extent:
        return Extent(self.at, self.at + length)


def trip(text: str) -> Trip | None:
    """Where `tomllib` stops; None where it does not. Raises RecursionError."""
    try:
        tomllib.loads(text)
    except ValueError as error:
        return _trip(text, str(error))
    return None


_PLACE = re.compile(r"(?s)(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)")


def _trip(text: str, message: str) -> Trip:
    match = _PLACE.fullmatch(message)
    if match is None or match["line"] is None:
        return Trip(text, match["what"] if match else message, len(text.rstrip()))
    lines = text.split("\n")
    start = sum(len(line) + 1 for line in lines[: int(match["line"]) - 1])
    return Trip(text, match["what"], start + int(match["column"]) - 1)
