"""Experiment, limits, and what the task names by name: it must be there, and let params move."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic, Fix
from rectune_dsl.dsl.model import Agents
from rectune_dsl.dsl.params import Param
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.suggest import did_you_mean, misspelt

_STEP = 0.01
"""A smaller share of its range moves a param by less than an experiment can show."""


def check(draft: Draft) -> Iterator[Diagnostic]:
    yield from _arms(draft)
    yield from _steps(draft)
    yield from _backend(draft)
    yield from _delivery(draft)
    yield from _agents(draft)
    yield from _executor(draft)
    yield from _world(draft)
    yield from _skill(draft)


def _arms(draft: Draft) -> Iterator[Diagnostic]:
    arms, most = draft.task.experiment.arms, draft.task.limits.arms
    if most is not None and arms > most and not draft.cuts.touch(("experiment", "arms")):
        message = f"{arms} arms, and [limits] allows {most}"
        path, help = ("experiment", "arms"), f"write arms = {most}, or raise the limit"
        fix = draft.mend.value(path, most)
        yield draft.problem(
            "RT501", path, message, help, fix=fix or draft.mend.insert(path[:-1], "arms", most)
        )


def _steps(draft: Draft) -> Iterator[Diagnostic]:
    step, path = draft.task.limits.step, ("limits", "step")
    if draft.cuts.touch(("stages",)) or draft.cuts.touch(path):
        return
    needed = {tuned.name: _least_step(tuned.param) for tuned in draft.params()}
    if needed and all(least > step for least in needed.values()):
        message = f"no param can leave production by {step:.3g} of its range: all are whole numbers"
        enough = _rounded_up(min(needed.values()))
        help, fix = f"write step = {enough:g}, or more", draft.mend.value(path, enough)
        yield draft.problem("RT505", path, message, help, fix=fix)
        return
    for tuned in draft.params():
        name, place = tuned.name, tuned.path
        if (least := needed[name]) > step:
            message = f"`{name}` cannot move: its next whole number is {least:.3g} of its range away"
            enough = _rounded_up(least)
            help = f"[limits] step allows {step:.3g}; allow {enough:g}, or make `{name}` a constant"
            fix = draft.mend.value(path, enough)
            yield draft.problem("RT506", place, message, help, part="key", fix=fix)
    if step < _STEP:
        message = f"params may move by {step * 100:.3g} % of their range: hardly any effect can be shown"
        help = "step is a share: write 0.1 for 10 % of a param's range"
        yield draft.problem("RT506", path, message, help)


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


def _rounded_up(share: float) -> float:
    return math.ceil(share * 1000 - 1e-3) / 1000


def _backend(draft: Draft) -> Iterator[Diagnostic]:
    backend, path = draft.task.experiment.backend, ("experiment", "backend")
    yield from _named(draft, "RT502", path, "backend", backend, draft.environment.backends)
    if backend == "replay" and draft.task.replay is None and not draft.cuts.touch(("replay",)):
        help = 'add a [replay] table that says where the log is: [replay] log = "log.parquet"'
        yield draft.problem("RT504", path, "the replay backend has no log", help)


def _delivery(draft: Draft) -> Iterator[Diagnostic]:
    delivery, path = draft.task.experiment.delivery, ("experiment", "delivery")
    if delivery:
        yield from _named(draft, "RT519", path, "delivery", delivery, draft.environment.deliveries)


def _agents(draft: Draft) -> Iterator[Diagnostic]:
    for role in Agents.model_fields:
        name, known = getattr(draft.task.agents, role), (draft.environment.agents or {}).get(role)
        yield from _named(draft, "RT503", ("agents", role), role, name, known)


def _executor(draft: Draft) -> Iterator[Diagnostic]:
    executor, known = draft.task.simulator.executor, draft.environment.executors
    yield from _named(draft, "RT507", ("simulator", "executor"), "executor", executor, known)


def _named(
    draft: Draft, code: str, path: KeyPath, kind: str, name: str, known: frozenset[str] | None
) -> Iterator[Diagnostic]:
    """A problem where nobody registered a name."""
    if known is not None and name not in known and not draft.cuts.touch(path):
        help = did_you_mean(name, known) or "install the plugin that registers it"
        fix = _nearest(draft, path, name, known)
        yield draft.problem(code, path, f"there is no {kind} `{name}`", help, fix=fix)


def _world(draft: Draft) -> Iterator[Diagnostic]:
    """A world file is not looked for: what the task may not name is a world that nobody bundled."""
    world, known = draft.task.simulator.world, draft.environment.worlds
    path = ("simulator", "world")
    if known is None or world in known or world.endswith(".toml") or draft.cuts.touch(path):
        return
    message, fix = f"there is no simulated world `{world}`", _nearest(draft, path, world, known)
    help = f"{did_you_mean(world, known)} (a world of your own is named by its file, which ends in .toml)"
    yield draft.problem("RT508", path, message, help, fix=fix)


def _skill(draft: Draft) -> Iterator[Diagnostic]:
    skill, known, path = draft.task.task.skill, draft.environment.skills, ("task", "skill")
    if skill is None or known is None or skill in known or draft.cuts.touch(path):
        return
    help = did_you_mean(skill, known) or "put it into a folder `skills` beside the task"
    fix = _nearest(draft, path, skill, known)
    yield draft.problem("RT522", path, f"there is no skill `{skill}`", help, fix=fix)


def _nearest(draft: Draft, path: KeyPath, name: str, known: Iterable[str]) -> Fix | None:
    guess = misspelt(name, known)
    return draft.mend.value(path, guess) if guess is not None else None
