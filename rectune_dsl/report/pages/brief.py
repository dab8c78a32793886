"""A run on one screen: the verdict and why, what to do next, what changes, a line per round, the cost."""

from __future__ import annotations

from collections import Counter

from rectune_dsl.agents.words import listed
from rectune_dsl.report.configs import changes_table, is_moved
from rectune_dsl.report.facts.records import Facts, RoundFacts
from rectune_dsl.report.pages import ends, forest, origin, progress
from rectune_dsl.report.pages.blocks import Block, Listing, Page, Prose, Section
from rectune_dsl.report.pages.run import which
from rectune_dsl.report.tables import Table, table
from rectune_dsl.report.verdicts import bounds_table
from rectune_dsl.report.words import answered, objective, percent

MOST_ROUNDS = 12
"""Rounds with a line, the last ones."""


def page(facts: Facts, store_flag: str) -> Page:
    """`store_flag` is what commands have to add so that they find the run."""
    sections = (
        Section("verdict", "Verdict", _verdict(facts)),
        Section("rounds", "Rounds", _rounds(facts)),
        Section("cost", "Cost", (*_cost(facts), Prose(_more(facts.run, store_flag), "dim"))),
    )
    return Page(facts.task, (which(facts), objective(facts.weights)), sections)


def _verdict(facts: Facts) -> tuple[Block, ...]:
    end = facts.end
    blocks = list(ends.decision(end))
    if end.decision == "ship":  # of which each reason is a row below
        blocks = [block for block in blocks if not isinstance(block, Listing)]
    if end.bounds and end.confirmation is not None and end.alpha is not None:
        blocks.append(bounds_table(end.bounds, end.confirmation, end.alpha))
    blocks += ends.what_next(end)
    if end.is_production is False:
        blocks.append(changes_table([param for param in facts.params if is_moved(param)]))
    return (*blocks, *ends.doubts(end))


def _rounds(facts: Facts) -> tuple[Block, ...]:
    if not facts.rounds:
        return (Prose(progress.NO_ROUND),)
    refused = [
        Prose(
            f"Round {r.round} was not launched: {answered(granted=False, by=r.answer.by, why=r.answer.why)}",
            "doubtful",
        )
        for r in facts.rounds
        if r.answer is not None and not r.answer.granted
    ]
    worth = [Prose(facts.worth, "dim")] if facts.worth else []
    return (_table(facts), *refused, *_idle(facts), *forest.doubts(facts), *worth)


def _idle(facts: Facts) -> list[Prose]:
    """Why rounds launched nothing, a line for each reason."""
    by_reason: dict[str, list[str]] = {}
    for r in facts.rounds[-MOST_ROUNDS:]:
        if r.idle:
            by_reason.setdefault(r.idle, []).append(str(r.round))
    return [
        Prose(f"Round{'s' if len(own) > 1 else ''} {listed(own)} tested nothing: {why}", "doubtful")
        for why, own in by_reason.items()
    ]


def _table(facts: Facts) -> Table:
    headings = ("round", "state", "arms", "stopped", "users", "best U so far", "safe gain", "of")
    arms = Counter(arm.round for arm in facts.arms)
    stopped = Counter(arm.round for arm in facts.arms if arm.stopped)
    rows = [_row(r, arms[r.round], stopped[r.round]) for r in facts.rounds[-MOST_ROUNDS:]]
    early = len(facts.rounds) - len(rows)
    note = f"{early} earlier rounds are left out." if early else ""
    return table("", headings, rows, numbers=(headings[0], *headings[2:7]), note=note)


def _row(round: RoundFacts, arms: int, stopped: int) -> list[str]:
    best = percent(round.best.value) if round.best else "none"
    gain = percent(round.safe_gain.value) if round.safe_arm else "0"
    safe_arm = round.safe_arm or "production"
    return [str(round.round), round.state, str(arms), str(stopped), f"{round.users:,}", best, gain, safe_arm]


def _cost(facts: Facts) -> tuple[Block, ...]:
    return origin.cost(facts) if facts.costs else origin.cost(facts)[:1]


def _more(run: str, flag: str) -> str:
    return f"`rectune show {run}{flag} --full` tells all of it, and `rectune report {run}{flag}` draws it."
