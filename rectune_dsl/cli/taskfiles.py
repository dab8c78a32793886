"""The task files that paths on the command line stand for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.suggest import nearest

if TYPE_CHECKING:
    from rectune_dsl.dsl.source import Source


def read_all(paths: Sequence[Path]) -> tuple[list[Source], list[Diagnostic]]:
    """Every file once, and a problem for each that cannot be read. A folder stands for the .toml files
    directly in it, but for exported configs."""
    from rectune_dsl.dsl.source import Source

    sources, problems, seen = list[Source](), list[Diagnostic](), set[str]()
    for path in _files(paths, problems):
        real = os.path.realpath(path)
        if real in seen:
            continue
        seen.add(real)
        try:
            sources.append(Source.read(path))
        except (OSError, ValueError) as error:
            problems.append(_unreadable(path, error))
    return sources, problems


def _files(paths: Sequence[Path], problems: list[Diagnostic]) -> Iterator[Path]:
    for path in paths:
        try:
            inside = sorted(path.glob("*.toml")) if path.is_dir() else None
        except OSError as error:
            problems.append(_unreadable(path, error))
            continue
        if inside is None:
            yield path
            continue
        files = [file for file in inside if not file.is_dir() and not _is_exported(file)]
        if not files:
            problems.append(_problem(path, "the folder has no .toml file", "name a task file, or its folder"))
        yield from files


def _is_exported(file: Path) -> bool:
    """Whether `rectune export` wrote it: a config, and no task."""
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as text:
            return text.readline().strip() == "[provenance]"
    except OSError:
        return False


def _unreadable(path: Path, error: OSError | ValueError) -> Diagnostic:
    if path.is_symlink() and not path.exists():
        return _problem(path, f"the link leads nowhere: {os.readlink(path)}", "mend the link, or remove it")
    reason = (getattr(error, "strerror", None) or str(error)).lower()
    if isinstance(error, FileNotFoundError):
        guess = nearest(path.name, (p.name for p in _beside(path)))
        help = f"did you mean `{path.with_name(guess)}`?" if guess else "check the path"
        return _problem(path, f"the file cannot be read: {reason}", help)
    return _problem(path, f"the file cannot be read: {reason}", "check the path and its permissions")


def _beside(path: Path) -> list[Path]:
    try:
        return list(path.parent.glob("*.toml"))
    except (OSError, ValueError):
        return []


def _problem(path: Path, message: str, help: str) -> Diagnostic:
    return Diagnostic("RT006", message, help, str(path), 1, 1, 1)
