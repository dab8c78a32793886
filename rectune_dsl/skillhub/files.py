"""Text files: read whole, replaced whole."""

from __future__ import annotations

import os
import re
from pathlib import Path

from rectune_dsl.hooks.errors import UsageError

_TEMPORARY = re.compile(r"\..+\.(md|toml)\.\d+")


def read_text(path: Path) -> str:
    """The file's text. Raises UsageError when it cannot be read or is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", help="skills are UTF-8 text files") from None


def replace_text(path: Path, text: str) -> None:
    """Write the file in one step: a reader, or a crash, sees the old text or the new one.

    Raises UsageError when it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error}", help="make the folder writable") from None


def sweep(folder: Path) -> None:
    """Remove what writes that were killed have left in the folder. Nobody else may write there meanwhile."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if _TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)
