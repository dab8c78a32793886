"""The command line: one file per verb, imported when that verb is called."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import click

from rectune_dsl.hooks.errors import PluginError, RectuneError
from rectune_dsl.plugins.commands import Command, commands

VERBS = {
    "init": "Write a commented starter task and its schema.",
    "check": "Read task files and report every problem.",
    "explain": "Tell what a rule is about, with a wrong and a right example.",
    "show-task": "Show a task with its bases and defaults, and where each value comes from.",
    "schema": "Print the JSON Schema of task files, for editors.",
    "plan": "Show what a task would do and what its traffic can show; launch nothing.",
    "run": "Run a task's campaign.",
    "resume": "Continue a run that was stopped.",
    "tick": "Do what can be done now for runs that wait, and exit: for cron.",
    "status": "Tell where a run stands, and what it waits for.",
    "approve": "Say yes to what a run asks.",
    "reject": "Say no to what a run asks.",
    "abort": "End a run now: stop its traffic, take back what it shipped.",
    "ls": "List runs.",
    "show": "Show a run: proposals, reviews, numbers, what was learnt.",
    "report": "Write a report of a run: one HTML page, Markdown or JSON.",
    "compare": "Show campaigns side by side.",
    "ui": "Serve a console: runs as they go on, answers to what they ask, skills.",
    "export": "Write a run's recommended configuration as TOML.",
    "simulate": "Look into simulated worlds, hold them against measurements, fit them to your own.",
    "skills": "List skills and what they know; look at their revisions, take them back, share them.",
    "plugins": "List what is loaded, from where, and with which hooks.",
    "new": "Write a package for a plugin, with its tests.",
}
INTERRUPTED = 130
_NEXT = {
    2: "`rectune --help` lists the verbs, and `rectune VERB --help` what each takes",
    3: "`rectune plugins` tells who brings what; `rectune resume` goes on once it is mended",
    4: "run again with RECTUNE_DEBUG=1 for the traceback, and report it",
}
"""What to do after an error that does not say, by exit code."""


class Verbs(click.Group):
    """The built-in verbs by name, then the commands of plugins. Nothing is imported before it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*VERBS, *dict.fromkeys(command.name for command in _added())]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in VERBS:
            command: click.Command = _module(name).command
            return command
        found = [command for command in _added() if command.name == name]
        return _loaded(found) if found else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """What is misspelt is told with the nearest name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from rectune_dsl.dsl.suggest import nearest

            guess = nearest(args[0], self.list_commands(ctx))
            if guess is None:
                raise
            raise click.UsageError(f"{error.message} Did you mean `{guess}`?", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))
        if added := [(command.name, f"from {command.distribution}") for command in _added()]:
            with formatter.section("Commands of plugins"):
                formatter.write_dl(added)

    def invoke(self, ctx: click.Context) -> Any:
        """What a plugin's command did not mean to raise is told as its own failure."""
        try:
            return super().invoke(ctx)
        except (RectuneError, click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.invoked_subcommand in VERBS:
                raise
            raise PluginError(
                f"command {ctx.invoked_subcommand!r} failed: {type(error).__name__}: {error}",
                help="RECTUNE_DEBUG=1 shows the traceback; `rectune --help` names who brought it",
            ) from error


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rectune", prog_name="rectune")
@click.option(
    "--plugin",
    "plugin_files",
    metavar="FILE",
    is_eager=True,
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Load a single-file plugin. May be given more than once.",
)
@click.pass_context
def rectune(ctx: click.Context, plugin_files: tuple[Path, ...]) -> None:
    """Tune the ranking formulas of a recommender with A/B tests under guardrails."""
    ctx.obj = {"plugin_files": plugin_files}


def main() -> None:
    """Run the command line. Exit codes: 0 done; 1 done, and not as an option such as `--require-ship` asks; 2
    usage, invalid task or store; 3 plugin or backend; 4 internal; 130 interrupted."""
    # The matrices here are small: threads of the linear algebra library would cost more than they bring.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Imports make many objects that stay: looking through them again and again is a tenth of a short command.
    gc.set_threshold(50_000, 20, 20)
    # Looking for pydantic's plugins reads the metadata of everything that is installed.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        sys.exit(rectune.main(prog_name="rectune", standalone_mode=False) or 0)
    except click.exceptions.Abort:
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except RectuneError as error:
        if os.environ.get("RECTUNE_DEBUG"):
            raise
        _show_problems(error)
        complain_of(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        where = f"{error.strerror}: {error.filename}" if error.filename else f"{error}"
        complain("error", where or type(error).__name__, "check the path and its permissions")
        sys.exit(2)
    except Exception as error:
        if os.environ.get("RECTUNE_DEBUG"):
            raise
        complain(
            "error",
            f"internal error: {type(error).__name__}: {error}",
            "this is a bug; run again with RECTUNE_DEBUG=1 for the traceback, and report it",
        )
        sys.exit(4)


def complain_of(error: RectuneError, place: str = "") -> None:
    """An error, and what to do next, whether or not whoever raised it said so."""
    complain("error", f"{place}{error}", error.help or _NEXT[error.exit_code])


def complain(kind: str, message: str, help: str = "") -> None:
    """An error or a warning on stderr, and what to do about it: what a platform or a plugin said in it cannot
    move the cursor or turn the text around."""
    from rectune_dsl.skillhub.render import printable

    color = False if os.environ.get("NO_COLOR") else None
    label = click.style(f"{kind}: ", fg="red" if kind == "error" else "yellow", bold=True)
    click.echo(label + printable(message), err=True, color=color)
    if help:
        click.echo(click.style("help: ", fg="cyan", bold=True) + printable(help), err=True, color=color)


def _show_problems(error: RectuneError) -> None:
    """The diagnostics of an invalid task, each at its place."""
    problems = getattr(error, "problems", ())
    if problems:
        from rectune_dsl.report.problems import print_problems

        print_problems(problems, getattr(error, "sources", {}), stderr=True)


def _added() -> list[Command]:
    """The commands of plugins. None takes the place of a verb."""
    return [command for command in commands() if command.name not in VERBS]


def _loaded(found: list[Command]) -> click.Command:
    """The command that one distribution brings. Raises PluginError where several do, or it cannot be had."""
    if len(found) > 1:
        owners = map(_owner, found)
        raise PluginError(
            f"{' and '.join(owners)} both bring a command {found[0].name!r}", help="uninstall one of them"
        )
    from rectune_dsl.plugins.registry import resolved

    try:
        loaded = resolved(found[0].target)
        if not isinstance(loaded, click.Command):
            raise TypeError(f"{type(loaded).__name__} is no click.Command")
    except Exception as error:
        raise PluginError(
            f"{_owner(found[0])} promised the command {found[0].name!r}, but {found[0].target} could not be "
            f"loaded: {type(error).__name__}: {error}",
            help=f"update or uninstall {found[0].distribution}; RECTUNE_DEBUG=1 shows the traceback",
        ) from error
    return loaded


def _owner(command: Command) -> str:
    return f"{command.distribution} {command.version}"


def _module(verb: str) -> Any:
    return importlib.import_module(f"rectune_dsl.cli.{verb.replace('-', '_')}")
