"""Experiment, limits, backend and agents: what the task names must be there, and let params move."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.model import Agents, Param
from rectune_dsl.dsl.suggest import did_you_mean

_STEP = 0.01
"""A smaller share of its range moves a param by less than an experiment can show."""


def check(draft: Draft) -> Iterator[Diagnostic]:
    yield from _arms(draft)
    yield from _steps(draft)
    yield from _backend(draft)
    yield from _agents(draft)


def _arms(draft: Draft) -> Iterator[Diagnostic]:
    arms, most = draft.task.experiment.arms, draft.task.limits.arms
    if most is not None and arms > most and not draft.cuts.touch(("experiment", "arms")):
        message = f"{arms} arms, and [limits] allows {most}"
        yield draft.problem(
            "RT501", ("experiment", "arms"), message, f"write arms = {most}, or raise the limit"
        )


def _steps(draft: Draft) -> Iterator[Diagnostic]:
    step, path = draft.task.limits.step, ("limits", "step")
    if draft.cuts.touch(("stages",)) or draft.cuts.touch(path):
        return
    needed = {name: _least_step(param) for name, _, param in draft.params()}
    if needed and all(least > step for least in needed.values()):
        message = f"no param can leave production by {step:.3g} of its range: all are whole numbers"
        yield draft.problem("RT505", path, message, f"allow {_rounded_up(min(needed.values()))} or more")
        return
    for name, place, _ in draft.params():
        if (least := needed[name]) > step:
            message = f"`{name}` cannot move: its next whole number is {least:.3g} of its range away"
            help = f"[limits] step allows {step:.3g}; allow {_rounded_up(least)}, or make `{name}` a constant"
            yield draft.problem("RT506", place, message, help, part="key")
    if step < _STEP:
        message = f"params may move by {step * 100:.3g} % of their range: hardly any effect can be shown"
        yield draft.problem("RT506", path, message, "step is a share: 0.1 is 10 % of a param's range")


def _least_step(param: Param) -> float:
    """The share of its range by which a param must move at least; 0 where it is no whole number."""
    low, high, production = param.low, param.high, param.production
    if param.type != "int" or not low <= production <= high or not low < high:
        return 0.0
    if param.scale == "log" and low <= 0:
        return 0.0
    place = math.log if param.scale == "log" else float
    near = [place(n) for n in (production - 1, production + 1) if low <= n <= high]
    shares = [abs(n - place(production)) / (place(high) - place(low)) for n in near]
    return min(shares, default=0.0) * (1 - 1e-9)  # as tolerant as those who keep the limit


def _rounded_up(share: float) -> str:
    return f"{math.ceil(share * 1000 - 1e-3) / 1000:g}"


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
