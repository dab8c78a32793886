"""A task file's text with the fixes of its problems applied, as long as they lead somewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.edits import apply
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.load import load
from rectune_dsl.dsl.source import Source

ROUNDS = 5
"""What was hidden by one problem may show when it is mended."""


@dataclass(frozen=True)
class Change:
    """A problem that was mended: where the file was edited, what stood there, and what stands there now."""

    problem: Diagnostic
    path: str
    line: int
    old: str
    new: str


@dataclass(frozen=True)
class Mended:
    """`text` is the source's own where nothing was mended."""

    text: str
    changes: tuple[Change, ...]


def mended(source: Source, environment: Environment) -> Mended:
    """A source's text after its fixes. Other files, such as bases, stay as they are; a text that would not be
    TOML is none."""
    if source.undecodable is not None or source.too_long:
        return Mended(source.text, ())
    best = Mended(source.text, ())
    text, changes = source.text, list[Change]()
    for _ in range(ROUNDS):
        here = replace(source, text=text, base=None)
        problems = [p for p in check(here, environment).problems if p.fix is not None]
        after, applied = apply(text, source.path, [p.fix for p in problems if p.fix is not None])
        if after == text:
            break
        changes += [_change(p, text) for p in problems if p.fix in applied]
        text = after
        if not isinstance(load(replace(here, text=text)), Diagnostic):
            best = Mended(text, tuple(changes))
    return best


def _change(problem: Diagnostic, text: str) -> Change:
    edits = problem.fix or ()
    old = ", ".join(filter(None, (text[e.start : e.end].strip() for e in edits)))
    first = min(edits, key=lambda e: e.start)
    return Change(
        problem,
        first.path,
        text.count("\n", 0, first.start) + 1,
        old,
        ", ".join(filter(None, (e.text.strip() for e in edits))),
    )
