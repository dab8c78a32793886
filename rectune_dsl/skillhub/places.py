"""Where skills lie, and what they are called, without reading any."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from rectune_dsl.hooks.errors import UsageError

DOCUMENT = "SKILL.md"
"""The page that makes a folder a skill's."""
REVISIONS = ".revisions"
"""Folder of the workspace that holds a folder for each skill's revisions."""
WORKSPACE = Path(".rectune") / "skills"
"""Where learnt knowledge is written, below the working folder."""
SEEDS_VARIABLE = "RECTUNE_SKILLS"
"""Folders of seed skills, separated as in PATH, that come before all others."""
LEVELS = 3
"""How many parents of the task's folder are looked at."""


def seed_folders(task_path: Path | None) -> tuple[Path, ...]:
    """The folders of seed skills that exist, the one that counts most first: those of
    `$RECTUNE_SKILLS`, then `skills` in the task's folder or in one of its parents, then `./skills`.

    Raises UsageError when the variable names a folder that is not there.
    """
    found = [*_of_variable(), *_near(task_path), Path.cwd() / "skills"]
    return tuple(dict.fromkeys(folder.resolve() for folder in found if folder.is_dir()))


def named(seeds: Iterable[Path], workspace: Path) -> frozenset[str]:
    """The names of the skills that folders of seeds and a workspace hold."""
    folders = (folder for root in seeds if root.is_dir() for folder in root.iterdir())
    found = {folder.name for folder in folders if (folder / DOCUMENT).is_file()}
    found |= {page.parent.name for page in workspace.glob(f"*/{DOCUMENT}")}
    return frozenset(found | {log.parent.name for log in (workspace / REVISIONS).glob("*/log.toml")})


def skills_at(task_path: str) -> frozenset[str]:
    """The names of the skills that a task at this path sees."""
    return named(seed_folders(Path(task_path)), WORKSPACE)


def _of_variable() -> list[Path]:
    folders = [Path(part) for part in os.environ.get(SEEDS_VARIABLE, "").split(os.pathsep) if part]
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(
                f"${SEEDS_VARIABLE} names {folder}, which is not a folder",
                help="correct or unset the variable",
            )
    return folders


def _near(task_path: Path | None) -> list[Path]:
    if task_path is None:
        return []
    home = Path(task_path).resolve().parent
    return [folder / "skills" for folder in (home, *home.parents[:LEVELS])]
