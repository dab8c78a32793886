"""`rectune check`"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rectune_dsl.cli.common import host
from rectune_dsl.cli.outputs import quiet_option

if TYPE_CHECKING:
    from rectune_dsl.dsl.check import Checked
    from rectune_dsl.dsl.diagnostics import Diagnostic
    from rectune_dsl.dsl.environment import Environment
    from rectune_dsl.dsl.mended import Change
    from rectune_dsl.dsl.source import Source

_BOM = b"\xef\xbb\xbf"


@click.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--output-format",
    "output",
    type=click.Choice(["human", "json", "github"]),
    default="human",
    show_default=True,
    help="How problems are printed: for people, as one JSON object, or as GitHub workflow commands.",
)
@click.option("--fix", is_flag=True, help="Write what the help names into the files, where it is definite.")
@quiet_option("print problems only.")
@click.pass_context
def command(ctx: click.Context, paths: tuple[Path, ...], output: str, fix: bool, quiet: bool) -> None:
    """Read task files and report every problem with file, line, column, code and help.

    A folder stands for every .toml file directly in it; one that others extend and that is no whole task is
    checked through them. Needs neither network nor backend. Exit code 2 when there is an error; 3 when a
    plugin that did not load may be the reason. `rectune explain CODE` tells more of a problem.
    """
    from rectune_dsl.cli.taskfiles import read_all
    from rectune_dsl.dsl.check import check
    from rectune_dsl.hooks.errors import PluginError
    from rectune_dsl.skillhub.places import skills_at
    from rectune_dsl.workflow.environment import environment
    from rectune_dsl.workflow.missed import missed

    def known(source: Source) -> Environment:
        # where no skill is at hand, such as on a machine that only checks, none is looked for
        return environment(host(ctx), skills_at(source.path) or None)

    sources, unread = read_all(paths)
    changes: list[Change] = []
    if fix:
        for source in sources:
            changes += _mend(source, known(source))
        sources, unread = read_all(paths)
    results = _judged([check(source, known(source)) for source in sources], paths)
    # a base that several files extend has its problems once
    problems = list(dict.fromkeys([*unread, *(p for result in results for p in result.problems)]))
    _PRINT["quiet" if quiet and output == "human" else output](results, problems, changes)
    if any(problem.severity == "error" for problem in problems):
        if help := missed(problems, host(ctx)):
            raise PluginError("a plugin that is needed did not load", help=help)
        sys.exit(2)


def _judged(results: Sequence[Checked], paths: Sequence[Path]) -> list[Checked]:
    """Results but for those of bases that are no tasks and that nobody asked for."""
    named = {os.path.realpath(path) for path in paths if not path.is_dir()}
    bases = {os.path.realpath(base.path) for result in results for base in result.source.chain[1:]}
    through_others = bases - named
    return [
        result
        for result in results
        if result.task is not None or os.path.realpath(result.source.path) not in through_others
    ]


def _mend(source: Source, known: Environment) -> Sequence[Change]:
    """Write the fixed text over the file, if that is still the text that was read."""
    from rectune_dsl.dsl.mended import mended

    done = mended(source, known)
    if not done.changes:
        return ()
    path = Path(source.path)
    before = path.read_bytes()
    mark = _BOM if before.startswith(_BOM) else b""
    if before != mark + source.text.encode():
        return ()
    path.write_bytes(mark + done.text.encode())
    return done.changes


def _human(results: Sequence[Checked], problems: Sequence[Diagnostic], changes: Sequence[Change]) -> None:
    from rectune_dsl.report.problems import print_line

    for change in changes:
        print_line(_told(change))
    _quiet(results, problems, changes)
    errors = sum(problem.severity == "error" for problem in problems)
    warnings, files = len(problems) - errors, _count(len(results), "file")
    fixed = f", {len(changes)} fixed" if changes else ""
    if errors:
        print_line(click.style(f"{files}: {_count(errors, 'problem')}{fixed}", fg="red", bold=True))
    else:
        mild = f", {_count(warnings, 'warning')}" if warnings else ""
        print_line(click.style(f"{files}: no problems{mild}{fixed}", fg="green"))
    if not changes:
        for line in _offers(problems, {result.source.path for result in results}):
            print_line(line)


def _quiet(results: Sequence[Checked], problems: Sequence[Diagnostic], changes: Sequence[Change]) -> None:
    from rectune_dsl.report.problems import print_problems

    print_problems(problems, {path: source for result in results for path, source in result.sources.items()})


def _offers(problems: Sequence[Diagnostic], named: Collection[str]) -> Iterator[str]:
    """What `--fix` would mend, and which files have to be named for it."""
    fixes = [problem.fix for problem in problems if problem.fix is not None]
    here = sum(all(edit.path in named for edit in fix) for fix in fixes)
    if here:
        yield f"{_count(here, 'problem')} can be mended with --fix"
    elsewhere = Counter(fix[0].path for fix in fixes if any(edit.path not in named for edit in fix))
    for path, count in elsewhere.items():
        yield f"{_count(count, 'problem')} can be mended with `rectune check --fix {path}`"


def _json(results: Sequence[Checked], problems: Sequence[Diagnostic], changes: Sequence[Change]) -> None:
    from rectune_dsl.report.formats import to_json

    fixed = [
        {"code": c.problem.code, "path": c.path, "line": c.line, "old": c.old, "new": c.new} for c in changes
    ]
    click.echo(to_json(len(results), problems, fixed))


def _github(results: Sequence[Checked], problems: Sequence[Diagnostic], changes: Sequence[Change]) -> None:
    from rectune_dsl.report.formats import to_github

    for problem in problems:
        click.echo(to_github(problem))


_PRINT = {"human": _human, "quiet": _quiet, "json": _json, "github": _github}


def _told(change: Change) -> str:
    place = f"{change.path}:{change.line}: {change.problem.code} fixed"
    old, new = (" ".join(text.split()) for text in (change.old, change.new))
    if not new:
        return f"{place}: removed {old}"
    return f"{place}: {old} -> {new}" if old else f"{place}: added {new}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
