"""`rectune check`"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rectune_dsl.cli.common import host


@click.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.pass_context
def command(ctx: click.Context, paths: tuple[Path, ...]) -> None:
    """Read task files and report every problem with file, line, column, code and help.

    A folder stands for every .toml file directly in it. Needs neither network nor backend. Exit code 2
    when there is a problem.
    """
    from rectune_dsl.dsl.check import check
    from rectune_dsl.dsl.source import Source
    from rectune_dsl.report.console import console, print_problems
    from rectune_dsl.workflow.environment import environment

    known = environment(host(ctx))
    results = [check(Source.read(path), known) for path in _files(paths)]
    out = console()
    for result in results:
        print_problems(out, result.problems, {result.source.path: result.source})
    errors = sum(len(result.errors) for result in results)
    warnings = sum(len(result.problems) for result in results) - errors
    files = f"{len(results)} file{'s' if len(results) != 1 else ''}"
    if errors:
        out.print(f"{files}: {errors} problem{'s' if errors != 1 else ''}", style="bold red")
        sys.exit(2)
    mild = f", {warnings} warning{'s' if warnings != 1 else ''}" if warnings else ""
    out.print(f"{files}: no problems{mild}", style="green")


def _files(paths: tuple[Path, ...]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        if not inside:
            raise click.BadParameter(f"{path} has no .toml file", param_hint="PATH")
        found += [file for file in inside if file.is_file()]
        if not path.exists():
            raise click.BadParameter(f"there is no file {path}", param_hint="PATH")
    return found
