"""The fenced blocks of pages, and what comments before them say of running them.

A block is run, unless a comment right before it says otherwise:

- `not run: REASON`;
- `run by: TEST`, the file of a test that does it;
- `part of: FILE`, in which its lines stand, in this order;
- `file: NAME`, which it is, for the blocks after it (a TOML block may say so in its first line, `# NAME`);
- `checked with: TOML`, what the part of a task needs beside it.

Such a comment below a page's title is about all of its blocks.
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
HIDDEN = re.compile(r"(^|/)(\.|_build/)")
PAGES = [
    path
    for pattern in ("*.md", "docs/**/*.md", "plugins/*/README.md")
    for path in sorted(ROOT.glob(pattern))
    if GENERATED not in path.parents and not HIDDEN.search(path.relative_to(ROOT).as_posix())
]
MARK = re.compile(r"<!--\s*(not run|run by|part of|file|checked with):\s*(.+?)\s*-->\s*\Z", re.DOTALL)
NAMED = re.compile(r"# ([\w./-]+\.[a-z]+)\n")


@dataclass(frozen=True)
class Block:
    """A code block. `mark` is the word that a comment has for it, and `about` what follows."""

    line: int
    language: str
    text: str
    mark: str = ""
    about: str = ""

    @property
    def is_run_here(self) -> bool:
        return self.mark in ("", "file", "checked with")

    @property
    def name(self) -> str:
        """That of the file which it is; empty where it is none."""
        found = NAMED.match(self.text)
        return self.about if self.mark == "file" else found[1] if found else ""


def name_of(page: Path) -> str:
    """A page's name in the repository."""
    return page.relative_to(ROOT).as_posix()


def is_part(text: str, whole: str) -> bool:
    """Whether all lines of a text stand in another one, in this order, however they are indented."""
    lines = iter([" ".join(line.split()) for line in whole.splitlines()])
    return all(" ".join(line.split()) in lines for line in text.splitlines() if line.strip())


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
