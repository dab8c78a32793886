"""Files that commands write. Whether they can be written is asked before the work, not after it."""

from __future__ import annotations

import os
from pathlib import Path

import click

from rectune_dsl.hooks.errors import UsageError


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
