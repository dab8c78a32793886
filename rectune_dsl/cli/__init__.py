"""The command line: one file per verb, imported when that verb is called."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from rectune_dsl.hooks.errors import RectuneError

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
    "export": "Write a run's recommended configuration as TOML.",
    "simulate": "Look into simulated worlds, hold them against measurements, fit them to your own.",
    "skills": "List skills and what they know; look at their revisions, take them back, share them.",
    "plugins": "List what is loaded, from where, and with which hooks.",
}
INTERRUPTED = 130
_NEXT = {
    2: "`rectune --help` lists the verbs, and `rectune VERB --help` what each takes",
    3: "`rectune plugins` tells who brings what; `rectune resume` goes on once it is mended",
    4: "run again with RECTUNE_DEBUG=1 for the traceback, and report it",
}
"""What to do after an error that does not say, by exit code."""


class Verbs(click.Group):
    """The built-in verbs by name, then the commands of plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*VERBS, *(sorted(_host(ctx).names("command")) if _has_plugins(ctx) else ())]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in VERBS:
            command: click.Command = _module(name).command
            return command
        if _has_plugins(ctx):
            found: click.Command | None = _host(ctx).loaded("command").get(name)
            return found
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the built-in verbs without importing them."""
        rows = [(name, VERBS.get(name, "(plugin)")) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


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
        complain("error", f"{error.strerror}: {error.filename}", "check the path and its permissions")
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
    """An error or a warning on stderr, and what to do about it."""
    color = False if os.environ.get("NO_COLOR") else None
    label = click.style(f"{kind}: ", fg="red" if kind == "error" else "yellow", bold=True)
    click.echo(label + message, err=True, color=color)
    if help:
        click.echo(click.style("help: ", fg="cyan", bold=True) + help, err=True, color=color)


def _show_problems(error: RectuneError) -> None:
    """The diagnostics of an invalid task, each at its place."""
    problems = getattr(error, "problems", ())
    if problems:
        from rectune_dsl.report.problems import print_problems

        print_problems(problems, getattr(error, "sources", {}), stderr=True)


def _has_plugins(ctx: click.Context) -> bool:
    """Whether it is worth starting the plugin host: the built-in plugin has no commands."""
    return bool((ctx.obj or ctx.params).get("plugin_files")) or bool(metadata.entry_points(group="rectune"))


def _module(verb: str) -> Any:
    return importlib.import_module(f"rectune_dsl.cli.{verb.replace('-', '_')}")


def _host(ctx: click.Context) -> Any:
    from rectune_dsl.cli.common import host

    return host(ctx)
