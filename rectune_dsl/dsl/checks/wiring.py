"""Experiment, backend and agents: what the task names must be there."""

from __future__ import annotations

from collections.abc import Iterator

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.model import Agents
from rectune_dsl.dsl.suggest import did_you_mean


def check(draft: Draft) -> Iterator[Diagnostic]:
    yield from _arms(draft)
    yield from _backend(draft)
    yield from _agents(draft)


def _arms(draft: Draft) -> Iterator[Diagnostic]:
    arms, most = draft.task.experiment.arms, draft.task.limits.arms
    if most is not None and arms > most and not draft.cuts.touch(("experiment", "arms")):
        message = f"{arms} arms, and [limits] allows {most}"
        yield draft.problem(
            "RT501", ("experiment", "arms"), message, f"write arms = {most}, or raise the limit"
        )


def _backend(draft: Draft) -> Iterator[Diagnostic]:
    backend, known = draft.task.experiment.backend, draft.environment.backends
    path = ("experiment", "backend")
    if known is not None and backend not in known and not draft.cuts.touch(path):
        yield draft.problem("RT502", path, f"there is no backend `{backend}`", did_you_mean(backend, known))
    if backend == "replay" and draft.task.replay is None and not draft.cuts.touch(("replay",)):
        help = "add a [replay] table that says where the log is"
        yield draft.problem("RT504", path, "the replay backend has no log", help)


def _agents(draft: Draft) -> Iterator[Diagnostic]:
    if draft.environment.agents is None:
        return
    for role in Agents.model_fields:
        name, known = getattr(draft.task.agents, role), draft.environment.agents.get(role)
        path = ("agents", role)
        if known is not None and name not in known and not draft.cuts.touch(path):
            message = f"there is no {role} `{name}`"
            yield draft.problem("RT503", path, message, did_you_mean(name, known))
