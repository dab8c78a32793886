"""A whole project in a temporary folder, driven as from a shell.

The command line runs in this process: a subprocess would spend most of a test's time on importing NumPy, and
hide coverage, monkeypatches and debuggers. Output, folder and arguments are put back after every call.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rectune_dsl.cli import main
from rectune_dsl.cli.common import DEFAULT_STORE
from rectune_dsl.memory.journal import Journal

STARTER: Mapping[str, Any] = {
    "dsl": 1,
    "task": {"name": "starter", "surface": "home-feed"},
    "signals": {"p_click": {}, "p_long_view": {}},
    "stages": {
        "ranking": {
            "keep": 10,
            "score": "p_click + w_long * p_long_view",
            "params": {"w_long": {"production": 1.0, "low": 0.1, "high": 10.0, "scale": "log"}},
        }
    },
    "metrics": {"watch_minutes": {"goal": "maximize"}},
    "guardrails": {"next_day_return": ">= -5%"},
    "experiment": {"rounds": 2, "arms": 2, "users_per_arm": 300, "days": 2},
    "confirm": {"users_per_arm": 300, "days": 2},
    "simulator": {"users": 20_000, "items": 400, "candidates": 50},
}
"""A small task for the simulator; a campaign of it takes seconds."""


@dataclass(frozen=True)
class Result:
    """What a command line ended with. Exit codes: 0 done, 2 usage or invalid task, 3 plugin or backend, 4
    internal."""

    exit_code: int
    stdout: str
    stderr: str


class Project:
    """A folder of tasks and plugins. `env` are environment variables of the command line; other RECTUNE_*
    variables are not seen."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.env: dict[str, str] = {}
        self._plugins: list[Path] = []

    def write(self, name: str, text: str) -> Path:
        """Write a file, folders included. A text that is indented as a whole is moved to the margin."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def task(self, name: str = "task.toml", /, **changes: Any) -> Path:
        """Write the starter task with changes: tables are merged key by key, None takes a key away.

        `project.task(guardrails={"likes": ">= -1%"}, holdout=None)`
        """
        import tomli_w

        return self.write(name, tomli_w.dumps(changed(STARTER, changes)))

    def plugin(self, text: str, name: str = "plugin.py") -> Path:
        """Write a single-file plugin; every later `run` passes it as --plugin."""
        path = self.write(name, text)
        self._plugins.append(path)
        return path

    def run(self, *arguments: object) -> Result:
        """Run `rectune ARGUMENTS` in the project's folder."""
        plugins = [part for path in self._plugins for part in ("--plugin", str(path))]
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.path),
            _environment(self.env),
            _arguments([*plugins, *map(str, arguments)]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = _exit_code()
        return Result(code, out.getvalue(), err.getvalue())

    @property
    def journal(self) -> Journal:
        """The project's journal. Raises UsageError before the first run."""
        return Journal(str(self.path / DEFAULT_STORE), create=False)


def _exit_code() -> int:
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    raise AssertionError("the command line did not exit")


def changed(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Tables with changes: merged key by key, None takes a key away."""
    merged = dict(base)
    for key, value in changes.items():
        below = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            merged[key] = changed(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


@contextlib.contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    for name in before:
        if name.startswith("RECTUNE_"):
            del os.environ[name]
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _arguments(arguments: list[str]) -> Iterator[None]:
    before = sys.argv
    sys.argv = ["rectune", *arguments]
    try:
        yield
    finally:
        sys.argv = before
