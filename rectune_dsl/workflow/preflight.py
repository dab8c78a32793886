"""Checks that need the backend's users: whether they suffice, and power; and those of language models."""

from __future__ import annotations

from collections.abc import Iterator

from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.verdicts import OBJECTIVE
from rectune_dsl.hooks.api import Capabilities, CheckedLLM, UsageError
from rectune_dsl.workflow.capable import Problem, guardrail_of, located, place_of
from rectune_dsl.workflow.compile import compile_task
from rectune_dsl.workflow.estimate import Estimate, estimate
from rectune_dsl.workflow.prepare import Loaded
from rectune_dsl.workflow.providers import Providers
from rectune_dsl.workflow.traffic import LARGE, Power, Traffic, traffic


def preflight(loaded: Loaded, found: Power | None) -> tuple[Diagnostic, ...]:
    """Every problem a campaign on this backend would meet, in the order of the file."""
    task, capabilities = loaded.task, loaded.backend.capabilities()
    problems = [
        *_too_few_users(task, capabilities, traffic(task, capabilities)),
        *_too_little_power(task, found),
        *_broken_already(task, found),
    ]
    return located(loaded.checked.source, problems)


def model_preflight(loaded: Loaded, providers: Providers) -> tuple[Diagnostic, ...]:
    """Every problem that its questions to language models would meet, in the order of the file. Raises what
    the providers' factories raise."""
    problems = list(_unreadable(providers)) if providers.asked else []
    plan = None if problems else estimate(compile_task(loaded.task), loaded.backend.capabilities(), providers)
    if plan is not None:
        problems += [
            *_unpriced(loaded.task, plan, providers),
            *_capped(plan),
            *_speechless(loaded.task, providers),
        ]
    return located(loaded.checked.source, problems)


def _unreadable(providers: Providers) -> Iterator[Problem]:
    for key, read in (("cassette", lambda: providers.takes), ("prices", lambda: providers.prices)):
        try:
            read()
        except UsageError as error:
            yield "RT908", ("llm", key), str(error), error.help


def _unpriced(task: Task, plan: Estimate, providers: Providers) -> Iterator[Problem]:
    if task.llm.max_usd is not None and not providers.replays:
        for model in plan.unpriced:
            message = f"no price is known for model `{model}`, so max_usd cannot be kept"
            help = 'write prices = "prices.toml", a file with its price, or cap max_tokens instead'
            yield "RT909", ("llm", "max_usd"), message, help


def _capped(plan: Estimate) -> Iterator[Problem]:
    if plan.reached is not None:
        cap, step = plan.reached
        message = f"{cap} is likely to be reached before {step}: agents go on without a model from there"
        yield "RT910", ("llm", cap), message, f"raise {cap}, if it is worth it"


def _speechless(task: Task, providers: Providers) -> Iterator[Problem]:
    """Models that could not be asked if the campaign began now, each at the first role that asks it."""
    for name in dict.fromkeys(providers.asked.values()):
        model = providers.provider(name)
        said = model.check() if isinstance(model, CheckedLLM) else ()
        if said:
            role = next(role for role, asked in providers.asked.items() if asked == name)
            message = f"`{getattr(task.agents, role)}` cannot be asked now: {'; '.join(said)}"
            yield "RT911", ("agents", role), message, "numeric agents would take over in every step"


def _too_few_users(task: Task, capabilities: Capabilities, planned: Traffic) -> Iterator[Problem]:
    if planned.share is None or planned.confirm_share is None or planned.fresh is None:
        return
    fits = planned.eligible is None or planned.per_round <= planned.eligible
    if not fits:
        yield _too_few_for_a_round(task, planned)
    limit = task.limits.traffic_share
    for table, share in (("experiment", planned.share), ("confirm", planned.confirm_share)):
        if share > limit and (fits or table == "confirm"):
            yield (
                "RT904",
                (table, "users_per_arm"),
                f"its arms need {share:.0%} of the backend's {capabilities.population:,} users; "
                f"{limit:.0%} may be used",
                "lower `users_per_arm` or `arms`, or raise `[limits] traffic_share`",
            )
    if fits and planned.confirm > planned.fresh:
        yield (
            "RT904",
            ("confirm", "users_per_arm"),
            f"after all rounds {planned.fresh:,.0f} users are fresh; "
            f"the confirmation needs {planned.confirm:,}",
            "lower `rounds`, `arms` or `users_per_arm`",
        )


def _too_few_for_a_round(task: Task, planned: Traffic) -> Problem:
    whom = {
        (True, True): ": those of the task's [exclusion], without the holdout",
        (True, False): ": those of the task's [exclusion]",
        (False, True): ": all but the holdout",
        (False, False): "",
    }[task.exclusion is not None, task.holdout is not None]
    help = "lower `users_per_arm` or `arms`"
    if task.exclusion is not None:
        help += ", or widen the `share` of [exclusion]"
    message = f"its arms need {planned.per_round:,} users, and {planned.eligible:,.0f} may take part{whom}"
    return "RT904", ("experiment", "users_per_arm"), message, help


def _broken_already(task: Task, found: Power | None) -> Iterator[Problem]:
    for name, limit in task.guarded.items():
        level = found.confirm.levels.get(name) if found else None
        if level is not None and not limit.relative and not limit.holds(level):
            message = f"production itself is at {level:.4g}, and the guardrail is {limit}"
            yield "RT905", place_of(task, name), message, "widen the limit, or mend production first"


def _too_little_power(task: Task, found: Power | None) -> Iterator[Problem]:
    """Every way of not succeeding: nothing is known, something cannot be measured, a guardrail would not be
    shown to be kept, or all together would not be."""
    if found is None:
        message = (
            "the backend does not tell how production's metrics vary: whether anything could ship is unknown"
        )
        help = (
            "size the confirmation from the intervals of past experiments, or ask its author for a baseline"
        )
        yield "RT903", ("experiment", "backend"), message, help
    elif lost := {n: why for n, why in found.confirm.missing.items() if n in _needed(task)}:
        for name, why in lost.items():
            message = f"`{name}` could not be judged, so nothing could ship: {why}"
            yield "RT903", place_of(task, name), message, "measure it otherwise, or do without it"
    else:
        yield from _unshown(task, found)
        yield from _too_few_to_ship(task, found)


def _needed(task: Task) -> set[str]:
    """What must be known to ship; a level needs no lift."""
    return task.north_stars.keys() | task.guarded.keys()


def _unshown(task: Task, found: Power) -> Iterator[Problem]:
    """Guardrails that even production's own behaviour would not be shown to keep."""
    asked = task.experiment.power
    for name, limit in task.guarded.items():
        chance = found.alone.get(name, 1.0)
        if chance >= asked or (not limit.relative and not limit.holds(found.confirm.levels[name])):
            continue
        message = f"production itself would be shown to be {limit} with a chance of {chance:.0%}"
        needed = found.needed_each.get(name)
        help = "no traffic suffices: widen the margin"
        if needed is not None:
            help = f"it takes about {needed:,.0f} users per arm, or a wider margin"
        yield "RT903", guardrail_of(task, name), message, help


def _too_few_to_ship(task: Task, found: Power) -> Iterator[Problem]:
    asked = task.experiment.power
    if found.large >= asked:
        return
    what = f"a gain of {LARGE:.0%} in every goal, with no guardrail metric changed,"
    chance = found.large
    if found.ceiling < asked:
        what, chance = "even a large gain with no guardrail metric changed", found.ceiling
    tight = [name for name in found.alone if name != OBJECTIVE and found.alone[name] < asked]
    if found.needed is None:
        enough = "no traffic suffices"
        other = f"widen the margins of {', '.join(tight)}" if tight else "make the goals less noisy"
        help = f"{enough}: {other}"
    else:
        times = found.needed / task.confirm.users_per_arm
        enough = f"it takes about {times:.1f} times the confirmation's traffic"
        help = f"{enough}, or wider margins" if tight else enough
    yield (
        "RT903",
        ("confirm", "users_per_arm"),
        f"{what} would ship with a chance of {chance:.0%}; the task asks for {asked:.0%}",
        help,
    )
