"""The table of an experiment: arms by metrics, each lift with its interval, guardrails marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.holm import holm_adjusted
from rectune_dsl.experiments.intervals import objective
from rectune_dsl.hooks.api import Estimates, Proposal
from rectune_dsl.report.console import plain_table
from rectune_dsl.report.words import Z90, changes, interval


def print_lifts(
    out: Console, task: Task, estimates: Estimates, stopped: Mapping[str, str], title: str
) -> None:
    """One row per treatment: U, where it is more than one metric, and every metric.

    A guarded metric is marked: ✓ its whole interval keeps the guardrail, ? only the estimate does, ✗ not even
    that.
    """
    table = plain_table(title)
    table.add_column("arm")
    with_objective = list(task.objective_weights.values()) != [1.0]
    if with_objective:
        table.add_column("U", justify="right")
    for metric in estimates.metrics:
        table.add_column(_heading(task, metric), justify="right", overflow="fold")
    gains = objective(estimates, task.judged)
    for row, (arm, gain) in enumerate(zip(estimates.arms, gains, strict=True)):
        cells = [Text("missing" if gain is None else interval(*gain), "bold")] if with_objective else []
        cells += [_cell(task, estimates, row, column) for column in range(len(estimates.metrics))]
        table.add_row(Text(f"{arm} (stopped)", "red") if arm in stopped else Text(arm), *cells)
    out.print(table)


def print_p_values(out: Console, estimates: Estimates) -> None:
    """Holm-adjusted over all lifts of the experiment. They decide nothing."""
    table = plain_table("two-sided p-values, Holm-adjusted; they decide nothing", "arm")
    for metric in estimates.metrics:
        table.add_column(metric, justify="right", overflow="fold")
    for arm, adjusted in holm_adjusted(estimates, estimates.metrics).items():
        cells = [f"{adjusted[m]:.2g}" if m in adjusted else "missing" for m in estimates.metrics]
        table.add_row(arm, *cells)
    out.print(table)


def print_proposals(out: Console, task: Task, proposals: Sequence[Proposal]) -> None:
    """What each changes, a line each, and below it what it shows users, where that is known."""
    for proposal in proposals:
        name = f"  {proposal.name}: "
        out.print(Text.assemble((name, "bold"), changes(proposal.config, task.production)))
        if shows := proposal.hypothesis.shows:
            out.print(Padding(Text(shows, "dim"), (0, 0, 0, len(name)), expand=False))


def _heading(task: Task, metric: str) -> Text:
    limit = task.guarded.get(metric)
    return Text(f"{metric}\n{limit}" if limit else metric)


def _cell(task: Task, estimates: Estimates, row: int, column: int) -> Text:
    metric = estimates.metrics[column]
    limit = task.guarded.get(metric)
    if limit is not None and not limit.relative:
        value, error = estimates.level[row + 1][column], estimates.level_se[row + 1][column]
        words = "missing" if value is None else f"{value:.4g} ±{Z90 * error:.2g}"
    else:
        at = row * len(estimates.metrics) + column
        value, error = estimates.lift[row][column], estimates.covariance[at][at] ** 0.5
        words = interval(value, error)
    if limit is None or value is None:
        return Text(words)
    if limit.holds(value - Z90 * error) and limit.holds(value + Z90 * error):
        return Text(f"{words} ✓", "green")
    return Text(f"{words} ?") if limit.holds(value) else Text(f"{words} ✗", "yellow")
