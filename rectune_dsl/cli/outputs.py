"""What commands write, and whether they say more than that. Whether a file can be written is asked before the
work, not after it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from rectune_dsl.hooks.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])
_FORMATS = {"": "html", ".html": "html", ".htm": "html", ".md": "md", ".markdown": "md", ".json": "json"}
"""What endings of files say."""
_DASH = Path("-")


def writable(context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    """A callback of options that name a file to write. Raises UsageError where there is no folder for it, or
    the file or its folder is closed to us."""
    if path is None:
        return None
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {path.parent}", help="make it first")
    place = path if path.exists() else path.parent
    if not os.access(place, os.W_OK):
        raise UsageError(f"cannot write {path}: {place} is read-only", help="name another file")
    return path


def write_or_print(path: Path, text: str) -> None:
    """Write a text; where that fails after all, print it, so that no work is lost, and raise UsageError."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        click.echo(text, nl=False)
        raise UsageError(f"cannot write {path}: {error}", help="it was printed instead") from None


def quiet_option(instead: str) -> Callable[[F], F]:
    """`--quiet`, for verbs that take long; errors and warnings are printed all the same."""
    return click.option(
        "-q", "--quiet", is_flag=True, envvar="RECTUNE_QUIET", help=f"No progress and no tables: {instead}"
    )


def json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


def report_output_option(otherwise: str) -> Callable[[F], F]:
    """Where a report goes; `-` is the terminal, and `otherwise` is where it goes without the option."""
    return click.option(
        "-o",
        "--output",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
        callback=_writable_or_dash,
        help=f"Write here, `-` for the terminal; {otherwise}.",
    )


def format_option(command: F) -> F:
    return click.option(
        "--format",
        "kind",
        type=click.Choice(["html", "md", "json"]),
        help="By default what the file's ending says (.html, .htm, .md, .markdown or .json), else html.",
    )(command)


def format_of(kind: str | None, output: Path | None) -> str:
    """The format that was asked for, or the one that the file's name says; HTML where that has no ending.
    Raises UsageError where the ending is that of another format."""
    suffix = output.suffix.lower() if output else ""
    if kind is None and suffix not in _FORMATS:
        raise UsageError(
            f"cannot write {output}: no format of reports ends in {suffix}",
            help="name a file that ends in .html, .md or .json, or give --format; a browser prints a PDF",
        )
    return kind or _FORMATS[suffix]


def write_report(path: Path, text: str, quiet: bool = False) -> None:
    """Write it, and say where; `-` is the terminal."""
    if path == _DASH:
        click.echo(text, nl=False)
        return
    write_or_print(path, text)
    tell_written(path, quiet)


def tell_written(path: Path, quiet: bool) -> None:
    if not quiet:
        click.echo(f"wrote {path}", err=True)


def _writable_or_dash(context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    return path if path == _DASH else writable(context, option, path)
