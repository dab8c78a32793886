"""The fenced blocks of pages, and what comments before them say of running them.

A block is run, unless a comment right before it says `not run: REASON`, or `run by: TEST`, the file of a test
that does, or `part of: FILE`, where each of its paragraphs stands. Such a comment below a page's title is about
all of its blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "docs/reference/rules"  # whose examples tests/cli/test_explain.py checks, each by its rule
PAGES = [
    path
    for pattern in ("*.md", "docs/**/*.md", "plugins/*/README.md")
    for path in sorted(ROOT.glob(pattern))
    if GENERATED not in path.parents and "_build" not in path.parts
]
MARK = re.compile(r"<!--\s*(not run|run by|part of):\s*(.+?)\s*-->\s*\Z", re.DOTALL)
NAMED = re.compile(r"(?:#|<!--) ([\w./-]+\.[a-z]+)\b.*\n")


@dataclass(frozen=True)
class Block:
    """A code block. `mark` is what a comment says of running it, and `about` the reason, test or file. `name` is
    that of the file which it is, where its first line says so."""

    line: int
    language: str
    text: str
    mark: str = ""
    about: str = ""

    @property
    def name(self) -> str:
        found = NAMED.match(self.text)
        return found[1] if found else ""


def name_of(page: Path) -> str:
    """A page's name in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in their order."""
    before, of_all, was_title = Token("", "", 0), ("", ""), False
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type in ("fence", "code_block"):
            line = (token.map or [0])[0] + 1
            yield Block(line, token.info.strip(), token.content, *(_mark(before) or of_all))
        elif token.type == "html_block" and was_title:
            of_all = _mark(token) or of_all
        was_title = token.type == "heading_close" and token.tag == "h1"
        before = token


def _mark(token: Token) -> tuple[str, str] | None:
    """What a comment says: its kind, and what it is about."""
    found = MARK.search(token.content) if token.type == "html_block" else None
    return (found[1], found[2]) if found else None
