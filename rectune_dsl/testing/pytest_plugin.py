"""`pytest tasks/` tests task files, and `rectune_project` is a fixture.

Every pytest in an environment that has rectune loads this module: it imports nothing of rectune until a task
file is collected or the fixture is used. `-p no:rectune` leaves it out altogether.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rectune_dsl.testing.items import TaskFile
    from rectune_dsl.testing.project import Project

SEEDS = 200
QUICK_SEEDS = 40
_READ = 1_000_000
_START = rb"(?m)^(?:\xef\xbb\xbf)?[ \t]*"
_TASK = re.compile(_START + rb"(?:\[[ \t]*task[ \t]*\]|task[ \t]*[.=])")
_VERSION = re.compile(_START + rb"(?:(?:dsl|extends)[ \t]*=|\[[ \t]*stages\b)")
_OF_THE_LANGUAGE = re.compile(_START + rb"(?:(?:dsl|extends)[ \t]*=|\[?[ \t]*stages[ \t]*[\].=])")
TABLES = frozenset(
    {
        "dsl",
        "extends",
        "task",
        "signals",
        "segments",
        "sources",
        "stages",
        "metrics",
        "guardrails",
        "constraints",
        "experiment",
        "confirm",
        "agents",
        "llm",
        "holdout",
        "limits",
        "ramp",
        "freeze",
        "exclusion",
        "approval",
        "simulator",
        "plugins",
        "replay",
    }
)
"""The keys of a task file; the model is not imported for them."""


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
    """Whether a TOML file names itself in a `[task]` table beside `dsl` or stages, or extends another one. A
    base without a name is none. A broken file is recognised by its looks, so that its problems are seen."""
    try:
        with path.open("rb") as file:
            text = file.read(_READ)
    except OSError:
        return False
    if _OF_THE_LANGUAGE.search(text) is None:
        return False
    try:
        return _is_task(tomllib.loads(text.decode("utf-8-sig")))
    except (ValueError, RecursionError):
        return _TASK.search(text) is not None and _VERSION.search(text) is not None


def _is_task(tree: dict[str, Any]) -> bool:
    task = tree.get("task", {})
    if not isinstance(task, dict):
        return False
    if isinstance(tree.get("extends"), str):
        return "task" in tree or tree.keys() <= TABLES
    is_of_stages = isinstance(tree.get("stages"), dict) and all(map(_is_table, tree["stages"].values()))
    return "name" in task and (is_of_stages or isinstance(tree.get("dsl"), int))


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


@pytest.fixture
def rectune_project(tmp_path: Path) -> Project:
    """A project in a temporary folder: write tasks and plugins, run the command line, read the journal."""
    from rectune_dsl.testing.project import Project

    return Project(tmp_path / "project")
