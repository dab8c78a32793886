"""Problems of task files as people read them. Apart from the console, which `check` does not need."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

import click

from rectune_dsl.dsl.diagnostics import Diagnostic, render
from rectune_dsl.dsl.source import Source

_HELP = re.compile(r"(?m)^\s*help:")


def print_problems(
    problems: Sequence[Diagnostic], sources: Mapping[str, Source], *, stderr: bool = False
) -> None:
    """Every problem with its line and caret."""
    for problem in problems:
        source = sources.get(problem.path)
        text = render(problem, source.line(problem.line) if source else None)
        color = "red" if problem.severity == "error" else "yellow"
        text = text.replace(f": {problem.code} ", f": {click.style(problem.code, fg=color, bold=True)} ", 1)
        print_line(_HELP.sub(lambda match: click.style(match[0], fg="cyan", bold=True), text), stderr=stderr)
        print_line("", stderr=stderr)


def print_line(text: str, *, stderr: bool = False) -> None:
    """A line, with its colours where they can be seen and are wanted."""
    click.echo(text, err=stderr, color=False if os.environ.get("NO_COLOR") else None)
