"""Which installed plugins a run is done with, and whether they are still those that it began with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from pydantic import BaseModel

from rectune_dsl.dsl.formula import Call, walk
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.table import Formula
from rectune_dsl.hooks.specs import Role
from rectune_dsl.plugins.host import Host, Plugin
from rectune_dsl.plugins.registry import Kind
from rectune_dsl.workflow.journaled import UsedPlugin


def brought(task: Task, host: Host) -> tuple[UsedPlugin, ...]:
    """Those that bring what the task names, and those that are told of events, by name. rectune's own and
    single files are left out: the version of one is the run's, the other has none."""
    owners = (host.owner(kind, name) for kind, name in _named(task, host))
    used = [*(plugin for plugin in owners if plugin is not None), *filter(_listens, host.plugins)]
    found = {
        UsedPlugin(p.name, p.distribution, p.version) for p in used if p.distribution not in ("", "rectune")
    }
    return tuple(sorted(found, key=lambda plugin: plugin.name))


def moved_on(before: Sequence[UsedPlugin], now: Sequence[UsedPlugin]) -> Iterator[str]:
    """What has changed of the plugins that a run began with, a sentence each. What rests on the old version
    stands in the journal; what is done from now on rests on the new one."""
    versions = {plugin.name: plugin.version for plugin in now}
    for plugin in before:
        begun = f"this run was started with {plugin.distribution} {plugin.version}"
        if plugin.name not in versions:
            yield f"{begun}, which is not here now"
        elif versions[plugin.name] != plugin.version:
            yield f"{begun}; this is {versions[plugin.name]}"


def _named(task: Task, host: Host) -> Iterator[tuple[Kind, str]]:
    yield "backend", task.experiment.backend
    yield "executor", task.simulator.executor
    if task.experiment.delivery:
        yield "delivery", task.experiment.delivery
    for name in task.plugins:
        yield "settings", name
    roles: tuple[Role, ...] = get_args(Role)
    for role in roles:
        agent = getattr(task.agents, role)
        yield "agent", f"{role}/{agent}"
        if provider := host.provider(role, agent, task.llm.provider):
            yield "llm", provider
    for formula in _formulas(task):
        for node in walk(formula.written):
            if isinstance(node, Call):
                yield "function", node.function


def _formulas(part: object) -> Iterator[Formula]:
    """Every formula in a task, in whatever table."""
    if isinstance(part, Formula):
        yield part
    below = vars(part) if isinstance(part, BaseModel) else part
    if isinstance(below, Mapping):
        for inner in below.values():
            yield from _formulas(inner)


def _listens(plugin: Plugin) -> bool:
    """Whether it is told of events."""
    return any(not hook.startswith("rectune_register_") for hook in plugin.hooks)
