"""The end of a run on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from rectune_dsl.agents.belief import assumed
from rectune_dsl.agents.words import marked
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Verdict
from rectune_dsl.report.configs import config_table
from rectune_dsl.report.console import outcome_style, print_table
from rectune_dsl.report.costs import print_costs
from rectune_dsl.report.facts.ending import UNSERVED
from rectune_dsl.report.facts.space import params
from rectune_dsl.report.lifts import print_lifts
from rectune_dsl.report.standing import abort_words, print_aborted
from rectune_dsl.report.support import LOGGED, print_support
from rectune_dsl.report.turnout import print_turnout
from rectune_dsl.report.verdicts import bounds_table
from rectune_dsl.report.view import RunView, results, traffic
from rectune_dsl.report.words import answered, count, moment, predicted
from rectune_dsl.report.worth import worth
from rectune_dsl.workflow.journaled import Abort, Approval


def print_end(out: Console, task: Task, view: RunView, store_flag: str) -> None:
    """The recommendation, the confirmation's numbers and the verdict, with its reasons."""
    recommendation, confirmation = view.recommendation, view.confirmation
    out.print()
    if recommendation is not None and recommendation.is_production:
        out.print("recommendation: production as it is")
    elif recommendation is not None:
        print_table(out, config_table(params(task, recommendation.config.values), "recommended config"))
        expected = predicted(recommendation.predictions)
        hold = f"P(all guardrails hold) {recommendation.p_feasible:.2f}"
        hold = marked(hold, assumed(task, results(view)))
        out.print(Text(f"expected: {expected}; {hold}"))
    if confirmation is not None and confirmation.approval is not None:
        _print_answer(out, confirmation.approval, "not confirmed")
    if confirmation is not None and confirmation.estimates is not None:
        out.print()
        title = "confirmation: lifts over control, ± 90 %"
        print_lifts(out, task, confirmation.estimates, confirmation.stopped, title)
        print_support(out, confirmation.estimates.support, LOGGED)
    if view.abort is None and view.verdict is None:
        out.print(Text(f"{view.state}; `rectune resume {view.run}{store_flag}` goes on", "yellow"))
    if view.verdict is not None:
        _print_verdict(out, view, view.verdict, store_flag)
    print_turnout(out, view)
    print_costs(out, view.calls)
    if said := worth(task, view):
        out.print(Text(said, "dim"))
    users, experiments, until = traffic(view)
    if users:
        spent = f"{count(experiments, 'experiment')}, {count(users, 'user')}"
        out.print(Text(f"traffic: {spent}, until {until:%Y-%m-%d}", "dim"))
    if view.abort is not None:
        _print_abort(out, view, view.abort, store_flag)


def _print_abort(out: Console, view: RunView, order: Abort, flag: str) -> None:
    """The last word, whatever was decided before."""
    out.print()
    out.print(Text(abort_words(order), "red"))
    if view.aborted is not None:
        print_aborted(out, view.run, view.aborted)
    else:
        out.print(Text(f"the abort is not finished: `rectune tick {view.run}{flag}` goes on with it", "red"))


def _print_verdict(out: Console, view: RunView, verdict: Verdict, store_flag: str) -> None:
    out.print()
    if verdict.bounds:
        print_table(out, bounds_table(verdict.bounds, verdict.confirmation, verdict.alpha))
    title = "verdict: " if view.abort is None else "verdict before it was aborted: "
    out.print(Text.assemble(title, (verdict.decision, outcome_style(verdict.decision))))
    for reason in verdict.reasons:
        out.print(Text(f"  {reason}"))
    if view.shipping is not None:
        _print_answer(out, view.shipping, "not delivered")
    if view.delivered:
        out.print(f"  The config was delivered to the backend{_when(view)}.", highlight=False)
    elif verdict.decision == "ship" and not view.header.serves:
        out.print(f"  {UNSERVED}")
    if verdict.decision == "ship" and view.abort is None:
        out.print(Text(f"`rectune export {view.run}{store_flag} -o config.toml` writes the config.", "dim"))


def _when(view: RunView) -> str:
    """Of a delivery that is over; empty where it still is."""
    return f" at {moment(view.delivered_at)}" if view.abort is not None and view.delivered_at else ""


def _print_answer(out: Console, answer: Approval, otherwise: str) -> None:
    """What people said; nothing where nobody was asked."""
    said = answered(granted=answer.granted, by=answer.by, why=answer.why)
    if not answer.granted:
        out.print(Text(f"{otherwise}: {said}", "yellow"))
    elif answer.asked:
        out.print(Text(said, "dim"))
