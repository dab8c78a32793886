"""`rectune plan`"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rectune_dsl.cli.common import (
    agent_option,
    backend_option,
    host,
    plugin_files,
    store_option,
    task_argument,
    warn,
)
from rectune_dsl.cli.outputs import json_option, quiet_option

if TYPE_CHECKING:
    from rectune_dsl.dsl.diagnostics import Diagnostic
    from rectune_dsl.dsl.model import Task
    from rectune_dsl.report.planned import Assumed, Plan
    from rectune_dsl.workflow.prepare import Loaded
    from rectune_dsl.workflow.providers import Providers
    from rectune_dsl.workflow.traffic import Power


@click.command("plan")
@task_argument
@store_option
@agent_option
@backend_option
@click.option(
    "--assume",
    metavar="METRIC=LIFT",
    multiple=True,
    help="State the chance to ship if a metric's true lift were this, such as watch_minutes=+3%.",
)
@click.option(
    "--oracle",
    is_flag=True,
    help="State the chance to ship at the best config there is. Only simulated backends know it.",
)
@json_option
@quiet_option("print problems only.")
@click.pass_context
def command(
    ctx: click.Context,
    task: Path,
    store: str,
    agents: dict[str, str],
    backend: str,
    assume: tuple[str, ...],
    oracle: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show the compiled workflow, the search space, what is judged, the traffic, and what it can detect; how
    well a log supports arms; and what agents that ask a language model would spend.

    Launches nothing. Exit code 2 when the campaign could not run.
    """
    from rectune_dsl.cli.execute import PREFLIGHT, checked_task
    from rectune_dsl.report.planned import plan_json
    from rectune_dsl.report.problems import print_problems
    from rectune_dsl.report.progress import working
    from rectune_dsl.workflow.choices import Choices
    from rectune_dsl.workflow.preflight import model_preflight, preflight
    from rectune_dsl.workflow.providers import Providers
    from rectune_dsl.workflow.traffic import power

    loaded = checked_task(ctx, task, Choices(0, agents, backend, plugin_files(ctx)))
    confirmation, outdated = _past(store, loaded.task)
    with working(PREFLIGHT, quiet):
        found = power(loaded.task, loaded.backend, confirmation)
        assumed = _assumed(loaded, found, assume, oracle)
    plan = _plan(loaded, found, assumed)
    providers = Providers(loaded.task, loaded.folder, host(ctx))
    asking = model_preflight(loaded, providers)
    warnings = tuple(p for p in loaded.checked.problems if p.severity == "warning")
    problems = (*warnings, *preflight(loaded, found), *asking)
    if as_json:
        click.echo(plan_json(plan, problems))
    elif not quiet:
        _print(plan, None if _unreadable(asking) else providers)
    if not as_json:
        print_problems(problems, loaded.checked.sources)
    if outdated:
        warn(outdated)
    if any(p.severity == "error" for p in problems):
        sys.exit(2)


def _plan(loaded: Loaded, found: Power | None, assumed: tuple[Assumed, ...]) -> Plan:
    from rectune_dsl.report.planned import Plan
    from rectune_dsl.workflow.clock import clock_of
    from rectune_dsl.workflow.compile import compile_task
    from rectune_dsl.workflow.schedule import schedule
    from rectune_dsl.workflow.traffic import traffic

    task, capabilities = loaded.task, loaded.backend.capabilities()
    return Plan(
        compile_task(task),
        capabilities,
        traffic(task, capabilities),
        schedule(task, clock_of(capabilities)),
        found,
        assumed,
    )


def _print(plan: Plan, providers: Providers | None) -> None:
    """The plan for people. `providers` None: what language models would cost cannot be told."""
    from rectune_dsl.report.console import console
    from rectune_dsl.report.costs import print_estimate
    from rectune_dsl.report.plan import print_chance, print_plan
    from rectune_dsl.workflow.estimate import estimate

    out = console()
    print_plan(out, plan)
    if providers is not None and (bill := estimate(plan.workflow, plan.capabilities, providers)) is not None:
        print_estimate(out, plan.workflow.task.llm, bill)
    for assumed in plan.assumed:
        print_chance(out, assumed)


def _assumed(loaded: Loaded, found: Power | None, assume: Sequence[str], oracle: bool) -> tuple[Assumed, ...]:
    from rectune_dsl.report.planned import Assumed
    from rectune_dsl.workflow.traffic import oracle_lifts, shipping_chance

    truths: list[tuple[str, dict[str, float]]] = []
    if assume:
        truths.append(("if the true lifts are as assumed", dict(_assumption(text) for text in assume)))
    if oracle:
        truths.append(("at the simulator's oracle config", oracle_lifts(loaded.backend)))
    return tuple(Assumed(when, lifts, shipping_chance(loaded.task, found, lifts)) for when, lifts in truths)


def _unreadable(asking: Sequence[Diagnostic]) -> bool:
    """Whether a file of `[llm]` cannot be read."""
    return any(problem.code == "RT908" for problem in asking)


def _past(store: str, task: Task) -> tuple[int, str]:
    """The number the surface's next confirmation will have, and why the task's production is not what serves
    today, if the store tells; 1 and nothing where there is no store yet."""
    from rectune_dsl.memory.journal import Journal
    from rectune_dsl.memory.store import NoStoreError
    from rectune_dsl.workflow.surface import next_confirmation, outdated

    try:
        journal = Journal(store, create=False)
    except NoStoreError:
        return 1, ""
    return next_confirmation(task, journal), outdated(task, journal)


def _assumption(text: str) -> tuple[str, float]:
    name, sign, value = text.partition("=")
    try:
        relative = value.strip().endswith("%")
        number = float(value.strip().removesuffix("%"))
        if not (sign and math.isfinite(number)):
            raise ValueError
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not METRIC=LIFT with a number, such as watch_minutes=+3%", param_hint="--assume"
        ) from None
    if not relative and abs(number) >= 1:
        raise click.BadParameter(
            f"{text!r} is a lift of {number:+.0%}: write {name.strip()}={number:+g}%, or a fraction",
            param_hint="--assume",
        )
    return name.strip(), number / 100 if relative else number
