"""A plan on the terminal: what would happen, with which traffic, and what that can show."""

from __future__ import annotations

import math

from rich.console import Console
from rich.text import Text

from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.linear import LEAST_USERS
from rectune_dsl.experiments.power import detectable_margins, minimum_detectable_lift
from rectune_dsl.experiments.rebase import AGAINST_HOLDOUT
from rectune_dsl.experiments.verdicts import OBJECTIVE, confirmation_alpha
from rectune_dsl.hooks.api import Capabilities
from rectune_dsl.report.console import plain_table
from rectune_dsl.report.planned import Assumed, Plan
from rectune_dsl.report.support import print_support
from rectune_dsl.report.words import bounds, count, number, objective, percent
from rectune_dsl.workflow.compile import Workflow
from rectune_dsl.workflow.schedule import Schedule
from rectune_dsl.workflow.traffic import LARGE, Power, Traffic


def print_plan(out: Console, plan: Plan) -> None:
    """All but the chances under stated truths, and what language models would cost."""
    task, capabilities, power = plan.workflow.task, plan.capabilities, plan.power
    out.print(Text.assemble(("task ", "dim"), (task.task.name, "bold"), f"  on surface {task.task.surface}"))
    if task.task.about:
        out.print(Text(task.task.about, "dim"))
    out.print(f"backend: {capabilities.description}")
    _print_steps(out, plan.workflow)
    _print_space(out, task)
    _print_metrics(out, task, power)
    _print_traffic(out, task, capabilities, plan.traffic)
    if capabilities.randomises:
        _print_freezes(out, task, plan.schedule)
    _print_power(out, task, power)
    if power is not None and power.support:
        out.print()
        print_support(out, power.support, "the log, for production and for one param moved a fifth")


def print_chance(out: Console, assumed: Assumed) -> None:
    shown = ", ".join(
        f"{name} {percent(value)}" if not name.startswith("=") else f"{name[1:]} {value:.4g}"
        for name, value in assumed.lifts.items()
    )
    out.print(Text(f"chance to ship {assumed.when} ({shown}): {_chance(assumed.chance)}", "bold"))


def _print_steps(out: Console, workflow: Workflow) -> None:
    table = plain_table("workflow", "step", "done by", "reads")
    rounds = workflow.task.experiment.rounds
    for step in workflow.steps:
        if step.round in (1, rounds + 1):
            name = step.name.replace("round-1", f"round-1..{rounds}") if rounds > 1 else step.name
            reads = ", ".join(step.reads).replace("round-1/", "").replace("production", "history")
            table.add_row(name, step.agent or "rules", reads if step.round == 1 else ", ".join(step.reads))
    out.print()
    out.print(table)


def _print_space(out: Console, task: Task) -> None:
    table = plain_table("search space", "param", "production", "bounds", "about", numbers=("production",))
    for name, param in task.params.items():
        table.add_row(name, number(param.production), bounds(param), Text(param.about, "dim"))
    out.print()
    out.print(table)
    for name, constraint in task.constraints.items():
        out.print(Text(f"constraint {name}: {constraint}"))


def _print_metrics(out: Console, task: Task, power: Power | None) -> None:
    title = f"metrics: smallest effects shown with power {task.experiment.power:.0%}"
    numbers = ("lift in a round", "lift at confirm", "tightest guardrail", f"{_units(task)} needed")
    table = plain_table(title, "metric", "goal", "guardrail", *numbers, numbers=numbers)
    margins = detectable_margins(task, power.confirm, alpha=_alpha(task, power)) if power else {}
    for name, metric in task.judged.items():
        limit = task.guarded.get(name)
        margin = margins.get(name)
        tightest = "-" if margin is None or limit is None else _margin(margin, limit.relative)
        table.add_row(
            name,
            _goal(metric),
            str(limit) if limit else "",
            _detectable(task, power, name, explore=True),
            _detectable(task, power, name, explore=False),
            tightest,
            _needed(power, name) if limit else "-",
        )
    out.print()
    out.print(table)


def _print_traffic(out: Console, task: Task, capabilities: Capabilities, traffic: Traffic) -> None:
    out.print()
    if not capabilities.randomises:
        out.print(f"traffic: none; {count(traffic.rounds, 'round')} evaluated on what was logged")
        return
    share = "" if traffic.share is None else f" ({traffic.share:.1%} of all {_units(task)} at a time)"
    out.print(
        f"traffic: {count(traffic.rounds, 'round')} of {count(traffic.per_round)} {_units(task)}"
        f" for {count(task.experiment.days, 'day')}{share}, "
        f"then {count(traffic.confirm)} fresh {_units(task)} for {count(task.confirm.days, 'day')}: "
        f"{count(traffic.days, 'day')} in all{', freezes apart' if task.freeze else ''}"
    )
    if task.ramp:
        steps = ", ".join(f"{step:.3g}" for step in task.ramp.steps)
        days = count(task.ramp_days, "day")
        out.print(f"ramp: each begins with {steps} of its users, {days} before all are served")


def _print_freezes(out: Console, task: Task, schedule: Schedule) -> None:
    if not task.freeze:
        return
    wait = f"make it wait for {count(schedule.frozen, 'day')}" if schedule.frozen else "do not make it wait"
    out.print(
        f"freezes {wait}: the first experiment starts on {schedule.begins:%Y-%m-%d}, and a config ships on "
        f"{schedule.ends:%Y-%m-%d}, at the earliest"
    )


def _print_power(out: Console, task: Task, power: Power | None) -> None:
    if power is None:
        out.print("power: the backend does not tell how production's metrics vary, so it cannot be planned")
        return
    out.print(objective(task.objective_weights))
    smallest = minimum_detectable_lift(task, power.confirm, alpha=_alpha(task, power))
    if smallest is not None:
        out.print(
            f"smallest U that the confirmation shows with power {task.experiment.power:.0%}: "
            f"{percent(smallest)}"
        )
    out.print(
        f"confirmation {power.confirmation} of this surface, one-sided at alpha {_alpha(task, power):.2g}; "
        f"chance to ship, guardrail metrics unchanged, if every goal gains"
    )
    out.print("  " + "   ".join(f"{gain * 100:g} %: {_chance(c)}" for gain, c in power.chances))
    later = "   ".join(f"confirmation {number}: {_chance(chance)}" for number, chance in power.later)
    out.print(f"chance to ship if every goal gains {LARGE * 100:g} %, by confirmation:")
    out.print(f"  {later}")
    _print_needed(out, task, power)


def _print_needed(out: Console, task: Task, power: Power) -> None:
    """Users with which every requirement has its part of the power."""
    needs = list(power.needed_each.values())
    if not needs:
        return
    each = 1 - (1 - task.experiment.power) / len(needs)
    known = [users for users in needs if users is not None]
    most = "no traffic suffices" if len(known) < len(needs) else f"it takes {count(max(known))}"
    out.print(
        f"{_units(task)} per arm at confirm, for each of {len(needs)} requirements to be shown with power "
        f"{each:.1%}: {most} (U, if every goal gains {LARGE * 100:g} %: {_needed(power, OBJECTIVE)}; "
        "guardrails as above)"
    )


def _alpha(task: Task, power: Power) -> float:
    return confirmation_alpha(task.experiment.alpha, power.confirmation)


def _units(task: Task) -> str:
    """What is randomised, in the plural."""
    return f"{task.experiment.unit}s"


def _goal(metric: Metric) -> str:
    return f"{metric.goal}, weight {metric.weight:g}" if metric.goal else ""


def _detectable(task: Task, power: Power | None, name: str, *, explore: bool) -> str:
    if power is None:
        return "-"
    planned = power.explore if explore else power.confirm
    alpha = task.experiment.alpha if explore else _alpha(task, power)
    lift = minimum_detectable_lift(task, planned, name, alpha=alpha)
    return "-" if lift is None else f"±{lift * 100:.2f} %"


def _needed(power: Power | None, name: str) -> str:
    """Users per arm, those against a holdout counted."""
    if power is None or not power.needed_each:
        return "-"
    needs = [power.needed_each[n] for n in (name, name + AGAINST_HOLDOUT) if n in power.needed_each]
    known = [n for n in needs if n is not None]
    if len(known) < len(needs):
        return "no traffic"
    return count(max(LEAST_USERS, *map(math.ceil, known))) if known else "-"


def _margin(margin: float, relative: bool) -> str:
    return percent(margin) if relative else f"{margin:.4g}"


def _chance(chance: float | None) -> str:
    if chance is None:
        return "unknown"
    return "> 99 %" if chance > 0.99 else "< 1 %" if chance < 0.01 else f"{chance:.0%}".replace("%", " %")
