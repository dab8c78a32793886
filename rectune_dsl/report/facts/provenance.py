"""Where a run comes from, and the command that starts the same one again."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rectune_dsl.dsl.model import Agents
from rectune_dsl.dsl.source import Source
from rectune_dsl.report.facts.records import Provenance
from rectune_dsl.report.view import RunView
from rectune_dsl.workflow.journaled import RunHeader


def provenance(view: RunView, store_flag: str) -> Provenance:
    """`store_flag` is what commands have to add so that they find the same store."""
    header = view.header
    return Provenance(
        rectune=header.version,
        started=view.started,
        task_path=_shown(header.task_path),
        task_text=header.task_text,
        bases={_shown(path): text for path, text in header.bases.items()},
        seed=header.seed,
        backend=header.backend,
        agents=dict(header.agents),
        plugin_files=tuple(map(_shown, header.plugin_files)),
        plugins={plugin.distribution: plugin.version for plugin in header.plugins},
        skill=header.skill.name if header.skill else "",
        skill_revision=header.skill.revision if header.skill else "",
        command=_command(header) + store_flag,
        is_changed=_is_changed(header),
    )


def _command(header: RunHeader) -> str:
    """With all that the command line may have chosen over the task file."""
    words, usual = ["rectune"], Agents().model_dump()
    for path in header.plugin_files:
        words += ["--plugin", _shown(path)]
    words += ["run", _shown(header.task_path), "--seed", str(header.seed)]
    for role, name in header.agents.items():
        if name != {**usual, **_written(header, "agents")}.get(role):
            words += ["--agent", f"{role}={name}"]
    if header.backend != _written(header, "experiment").get("backend"):
        words += ["--backend", header.backend]
    return shlex.join(words)


def _is_changed(header: RunHeader) -> bool:
    """Whether the task's files are no longer what the run was started with, or are gone."""
    texts = {header.task_path: header.task_text, **header.bases}
    try:
        return any(Source.read(Path(path)).text != text for path, text in texts.items())
    except (OSError, ValueError):
        return True


def _written(header: RunHeader, table: str) -> Mapping[str, Any]:
    """A table of the task file, as far as the file itself says it."""
    found = tomllib.loads(header.task_text).get(table, {})
    return found if isinstance(found, dict) else {}


def _shown(path: str) -> str:
    """A path below the working folder from there, any other one in full."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path
