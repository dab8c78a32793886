"""Options and helpers that several verbs share."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rectune_dsl.cli import complain
from rectune_dsl.cli.outputs import quiet_option
from rectune_dsl.memory.process import user_name
from rectune_dsl.plugins.host import Host

if TYPE_CHECKING:
    from rectune_dsl.memory.journal import Journal
    from rectune_dsl.report.view import RunView
    from rectune_dsl.workflow.journaled import RunHeader
    from rectune_dsl.workflow.prepare import Loaded

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_STORE = ".rectune/journal.sqlite"


def host(ctx: click.Context) -> Host:
    """The plugin host of this process, made once."""
    root = ctx.find_root()
    if root.obj is None:
        root.obj = {"plugin_files": root.params.get("plugin_files") or ()}
    if "host" not in root.obj:
        root.obj["host"] = Host(root.obj["plugin_files"], warn)
    found: Host = root.obj["host"]
    return found


def host_of(ctx: click.Context, header: RunHeader) -> Host:
    """The plugins a run was started with, and those of this command line."""
    files = dict.fromkeys((*header.plugin_files, *plugin_files(ctx)))
    return Host([Path(f) for f in files], warn) if files else host(ctx)


def taken_up(ctx: click.Context, journal: Journal, run: str) -> tuple[Host, Loaded]:
    """The plugins of a run, and its task with a backend."""
    from rectune_dsl.workflow.prepare import header_of, reload

    plugins = host_of(ctx, header_of(journal, run))
    return plugins, reload(journal, run, plugins)


def read(store: str, run: str) -> tuple[Journal, RunView]:
    """The store, and the run in it that is named by its id, the beginning of one, or `last`."""
    from rectune_dsl.memory.journal import Journal
    from rectune_dsl.report.view import read_run
    from rectune_dsl.workflow.prepare import header_of

    journal = Journal(store, create=False)
    name = journal.find(run).run
    header_of(journal, name)  # which tells of a run that never began
    view = read_run(journal, name)
    assert view is not None
    return journal, view


def warn(message: str) -> None:
    complain("warning", message)


def store_flag(store: str) -> str:
    """What a hint has to add so that it finds the same store; a password in it is not shown."""
    shown = re.sub(r"(//[^/@:]*):[^/@]*@", r"\1@", store)
    return "" if store == DEFAULT_STORE else f" --store {shlex.quote(shown)}"


def plugin_files(ctx: click.Context) -> tuple[str, ...]:
    """The single-file plugins of this command line, by full path."""
    return tuple(str(Path(f).resolve()) for f in (ctx.find_root().obj or {}).get("plugin_files", ()))


def store_option(command: F) -> F:
    option = click.option(
        "--store",
        metavar="URL",
        default=DEFAULT_STORE,
        show_default=True,
        envvar="RECTUNE_STORE",
        help="Where runs are kept: a file name or a database URL.",
    )
    return option(command)


def by_option(command: F) -> F:
    return click.option(
        "--by",
        metavar="NAME",
        default=user_name,
        help="Who says so; by default the user of this terminal.",
    )(command)


def executing_options(command: F) -> F:
    """How far a run goes, and what its end is worth."""
    for option in (
        click.option(
            "--until",
            type=click.Choice(["end", "waiting"]),
            default="end",
            show_default=True,
            help="Stay until the verdict, or exit when the run has to wait for a day or an answer.",
        ),
        click.option(
            "--require-ship",
            is_flag=True,
            help="Exit with 1 when the verdict is not `ship`; with 0 while a run that waits has none.",
        ),
        click.option("--yes", is_flag=True, help="Launch and ship without asking."),
        quiet_option("print the verdict, or what the run waits for, in a line."),
    ):
        command = option(command)
    return command


def agent_option(command: F) -> F:
    option = click.option(
        "--agent",
        "agents",
        metavar="ROLE=NAME",
        multiple=True,
        callback=_pairs,
        help="Use another agent than the task names. May be given more than once.",
    )
    return option(command)


def backend_option(command: F) -> F:
    return click.option("--backend", metavar="NAME", default="", help="Use another backend than the task.")(
        command
    )


task_argument = click.argument("task", type=click.Path(dir_okay=False, path_type=Path))


def _pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for value in values:
        role, sign, name = value.partition("=")
        if not sign or not name:
            raise click.BadParameter(f"{value!r} is not ROLE=NAME, such as actor=random")
        pairs[role] = name
    return pairs
