"""From a task file, or a run's journal, to a checked task with its backend; and a new run's first entry."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import get_args

from rectune_dsl.dsl.check import Checked, check
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.extends import Reader
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.source import Source
from rectune_dsl.hooks.api import (
    ABBackend,
    BackendContext,
    BackendError,
    FormulaFunction,
    PluginError,
    Skill,
    UsageError,
)
from rectune_dsl.hooks.specs import Role
from rectune_dsl.memory.codec import decode, encode
from rectune_dsl.memory.journal import HEADER, Journal
from rectune_dsl.plugins.host import Host
from rectune_dsl.skillhub.hub import Skillhub
from rectune_dsl.skillhub.places import WORKSPACE, seed_folders, skills_at
from rectune_dsl.workflow.capable import lacking, located
from rectune_dsl.workflow.choices import Choices
from rectune_dsl.workflow.environment import environment
from rectune_dsl.workflow.journaled import RunHeader, UsedPlugin
from rectune_dsl.workflow.missed import missed
from rectune_dsl.workflow.slots import slot_of
from rectune_dsl.workflow.surface import holdout_config, surface_id


class InvalidTaskError(UsageError):
    """A task file with problems. `problems` are all of them. Where a plugin that did not load may be the
    reason, `missed` says so: that is a plugin's failure (exit code 3)."""

    def __init__(
        self, problems: Sequence[Diagnostic], sources: Mapping[str, Source], missed: str = ""
    ) -> None:
        count = sum(p.severity == "error" for p in problems)
        message = f"{count} problem{'s' if count != 1 else ''} in the task; nothing was launched"
        mend = "each problem says what to write; `rectune explain CODE` tells more"
        super().__init__(message, help=missed or mend)
        if missed:
            self.exit_code = PluginError.exit_code
        self.problems = tuple(problems)
        self.sources = dict(sources)


@dataclass(frozen=True)
class Loaded:
    """A checked task with the command line's choices in it, and the backend it names."""

    checked: Checked
    task: Task
    functions: Mapping[str, FormulaFunction]
    backend: ABBackend

    @property
    def folder(self) -> Path:
        """Where the task's relative paths start."""
        return Path(self.checked.source.path).parent


def load(source: Source, host: Host, choices: Choices) -> Loaded:
    """Check a task and make its backend. Raises InvalidTaskError with every problem of the file, or with
    everything that the backend does not have; UsageError when the backend is not ready, or the task's skill
    cannot be read."""
    loaded = _loaded(check(source, environment(host, skills_at(source.path))), host, choices)
    _skill(loaded.task, hub(source.path))
    return loaded


def _loaded(checked: Checked, host: Host, choices: Choices, setbacks: int = 0) -> Loaded:
    """`setbacks` are those of the run."""
    if checked.task is None:
        raise InvalidTaskError(checked.problems, checked.sources, missed(checked.problems, host))
    task = _with(checked.task, choices)
    functions = host.loaded("function")
    executor = host.executor(task.simulator.executor)
    folder = Path(checked.source.path).parent
    context = BackendContext(task, choices.seed, folder, functions, executor, setbacks)
    backend = _backend(host, context)
    if said := list(backend.check()):
        raise UsageError(
            f"backend {task.experiment.backend!r} is not ready: {'; '.join(said)}",
            help="mend that and run again: nothing was launched",
        )
    if problems := located(checked.source, lacking(task, backend.capabilities())):
        raise InvalidTaskError(problems, checked.sources)
    return Loaded(checked, task, functions, backend)


def hub(task_path: str) -> Skillhub:
    """The Skillhub that a task at this path sees."""
    return Skillhub(seed_folders(Path(task_path)), WORKSPACE)


def begin(loaded: Loaded, choices: Choices, journal: Journal, plugins: tuple[UsedPlugin, ...] = ()) -> str:
    """Write a new run's first entry; `plugins` are those that it is done with. Returns the run's id.

    Raises UsageError when the surface's holdout cannot be served by this task, or when another run has real
    users that it needs.
    """
    task, source = loaded.task, loaded.checked.source
    holdout_config(task, journal, "")  # whether it can be served is known before any traffic is used
    now, skills, capabilities = datetime.now(UTC), hub(source.path), loaded.backend.capabilities()
    run = f"{task.task.name}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    header = RunHeader(
        task_path=os.path.abspath(source.path),
        task_text=source.text,
        bases={os.path.abspath(base.path): base.text for base in source.chain[1:]},
        seed=choices.seed,
        agents={role: getattr(task.agents, role) for role in get_args(Role)},
        backend=task.experiment.backend,
        version=version("rectune"),
        production=task.production,
        skill=_skill(task, skills),
        borrowed=skills.related(task.task.skill or task.task.name, task.task.surface, task.task.regime),
        plugin_files=choices.plugin_files,
        serves=capabilities.serves,
        plugins=plugins,
    )
    real = capabilities.real_traffic  # simulated users are there for everybody
    first, slot = encode(RunHeader, header), slot_of(task)
    journal.create(run, task.task.name, surface_id(task), first, alone=real, slot=slot)
    return run


def header_of(journal: Journal, run: str) -> RunHeader:
    """The first entry of a run. Raises UsageError when the run was killed before it was written."""
    if (entry := journal.entry(run, HEADER)) is not None:
        return decode(RunHeader, entry.body)
    raise UsageError(f"run {run} was stopped before it began", help="start a new one with `rectune run`")


def was_begun(journal: Journal, run: str) -> bool:
    """Whether its first entry was written."""
    return journal.entry(run, HEADER) is not None


def is_new(journal: Journal, run: str) -> bool:
    """Whether nothing has been done but to begin it."""
    return all(entry.key == HEADER for entry in journal.entries(run) if not entry.is_attempt)


def setbacks(journal: Journal, run: str) -> int:
    """Acts that the run attempted and did not get recorded: calls that failed, or kills."""
    acts = (entry for entry in journal.entries(run) if entry.key != HEADER)
    return sum(1 if entry.is_attempt else -1 for entry in acts)


def reload(journal: Journal, run: str, host: Host) -> Loaded:
    """The task of a run, as it was when the run began, whatever its file and the skills are today."""
    header = header_of(journal, run)
    choices = Choices(header.seed, header.agents, header.backend, header.plugin_files)
    source = Source(header.task_path, header.task_text)
    checked = check(source, environment(host), _journaled(header))
    return _loaded(checked, host, choices, setbacks(journal, run))


def reach(journal: Journal, run: str, host: Host, warn: Callable[[str], None]) -> ABBackend:
    """The backend of a run, to end there what the run began. That needs neither a sound task nor a backend on
    which campaigns could run: what is wrong with them is only warned of."""
    header = header_of(journal, run)
    checked = check(Source(header.task_path, header.task_text), environment(host), _journaled(header))
    if checked.remains is None:
        raise InvalidTaskError(checked.problems, checked.sources, missed(checked.problems, host))
    for problem in checked.errors:
        warn(f"the task of run {run} could not be launched today: {problem.message}")
    task = _with(checked.remains, Choices(header.seed, header.agents, header.backend))
    folder, functions = Path(header.task_path).parent, host.loaded("function")
    setback = setbacks(journal, run)
    backend = _backend(host, BackendContext(task, header.seed, folder, functions, setbacks=setback))
    try:
        said = list(backend.check())
    except BackendError as error:
        said = [str(error)]
    for words in said:
        warn(f"backend {header.backend!r} is not ready: {words}")
    return backend


def task_of(header: RunHeader, host: Host) -> Task:
    """The task of a run, without a backend: to show what the run did."""
    checked = check(Source(header.task_path, header.task_text), environment(host), _journaled(header))
    if checked.task is None:
        raise InvalidTaskError(checked.problems, checked.sources, missed(checked.problems, host))
    return _with(checked.task, Choices(header.seed, header.agents, header.backend))


def _backend(host: Host, context: BackendContext) -> ABBackend:
    """With the delivery that its arms are served by, where the task names one."""
    if delivery := context.task.experiment.delivery:
        context = replace(context, delivery=host.delivery(delivery)(context))
    made: ABBackend = host.backend(context.task.experiment.backend)(context)
    return made


def _journaled(header: RunHeader) -> Reader:
    """Opens bases as they were when the run began."""

    def read(path: str) -> Source:
        if path not in header.bases:
            raise FileNotFoundError(errno.ENOENT, "not in the run's journal", path)
        return Source(path, header.bases[path])

    return read


def _with(task: Task, choices: Choices) -> Task:
    agents = task.agents.model_copy(update=dict(choices.agents))
    experiment = task.experiment
    if choices.backend:
        experiment = experiment.model_copy(update={"backend": choices.backend})
    return task.model_copy(update={"agents": agents, "experiment": experiment})


def _skill(task: Task, skills: Skillhub) -> Skill | None:
    """The one that the task names, else the one that an earlier campaign of it has made."""
    name = task.task.skill or task.task.name
    return skills.load(name) if task.task.skill or name in skills.names() else None
