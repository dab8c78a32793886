"""`pytest tasks/` tests task files, and `rectune_project` is a fixture.

Every pytest in an environment that has rectune loads this module: it imports nothing of rectune until a task
file is collected or the fixture is used. `-p no:rectune` leaves it out altogether.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rectune_dsl.testing.items import TaskFile
    from rectune_dsl.testing.project import Project

SEEDS = 200
QUICK_SEEDS = 40
_READ = 1_000_000
_START = rb"(?m)^(?:\xef\xbb\xbf)?[ \t]*"
_TASK = re.compile(_START + rb"(?:\[[ \t]*task[ \t]*\]|task[ \t]*[.=])")
_OF_THE_LANGUAGE = re.compile(
    _START + rb"(?:(?:dsl|extends)[ \t]*=|\[?[ \t]*(?:stages|metrics|experiment)[ \t]*[\].=])"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("rectune", "task files")
    group.addoption(
        "--rectune-quick",
        action="store_true",
        help=f"task files: {QUICK_SEEDS} simulated confirmations per guardrail, and no plan of the traffic",
    )
    group.addoption(
        "--rectune-seeds",
        type=int,
        metavar="N",
        help=f"task files: simulated confirmations per guardrail ({SEEDS} by default)",
    )
    parser.addini("rectune_tasks", "collect task files (true by default)", type="bool", default=True)
    parser.addini("rectune_plugins", "single-file plugins that task files need", type="paths", default=[])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> TaskFile | None:
    if file_path.suffix != ".toml" or not parent.config.getini("rectune_tasks"):
        return None
    if not looks_like_a_task(file_path):
        return None
    from rectune_dsl.testing.items import TaskFile

    return TaskFile.from_parent(parent, path=file_path)


def looks_like_a_task(path: Path) -> bool:
    """Whether a TOML file has a `[task]` table, and something more of a task file. One that is extended and
    has no name of its own is none. Broken files are recognised too, so that their problems are seen."""
    try:
        with path.open("rb") as file:
            text = file.read(_READ)
    except OSError:
        return False
    return _TASK.search(text) is not None and _OF_THE_LANGUAGE.search(text) is not None


@pytest.fixture
def rectune_project(tmp_path: Path) -> Project:
    """A project in a temporary folder: write tasks and plugins, run the command line, read the journal."""
    from rectune_dsl.testing.project import Project

    return Project(tmp_path / "project")
