"""The page on the command line: every verb and its own commands, as `--help` tells of them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import click

from rectune_dsl.cli import VERBS, main, rectune

TITLE = """\
# The command line

<!-- made by docs/generate.py -->

What `rectune VERB --help` says. Plugins may bring further verbs (`rectune plugins` lists them). `RUN` is a
run's name, the beginning of one, or `last`.

"""


def commands_page() -> str:
    """Usage, arguments and options of every verb."""
    verbs = [importlib.import_module(f"rectune_dsl.cli.{verb.replace('-', '_')}").command for verb in VERBS]
    parts = [TITLE + _options(rectune), f"## Exit codes\n\n{_exit_codes()}\n"]
    for name, command in zip(VERBS, verbs, strict=True):
        parts += _told(f"rectune {name}", command, 2)
    return "\n".join(parts)


def _told(path: str, command: click.Command, level: int) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(click.Context(command)))
    about = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
    parts = [f"{'#' * level} `{path}`", f"`{path} {usage}`", about, _options(command)]
    yield "\n\n".join(part for part in parts if part).rstrip() + "\n"
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from _told(f"{path} {name}", below, level + 1)


def _options(command: click.Command) -> str:
    options = [param for param in command.params if isinstance(param, click.Option)]
    rows = [_row(option) for option in options if not option.hidden]
    return "\n".join(["| option | |", "|---|---|", *rows, ""]) if rows else ""


def _row(option: click.Option) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    takes = option.make_metavar(click.Context(click.Command("")))
    value = "" if option.is_flag or option.count else f" {takes}"
    default = f" (default: `{option.default}`)" if option.show_default and option.default is not None else ""
    shown = f"{names}{value}".replace("|", "\\|")
    return f"| `{shown}` | {' '.join((option.help or '').split())}{default} |"


def _exit_codes() -> str:
    return " ".join((main.__doc__ or "").partition("Exit codes: ")[2].split())
