"""The story of the rounds: what was proposed and why, what the Critic said, what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rectune_dsl.agents.words import sentence
from rectune_dsl.report.facts.records import ArmFacts, Facts, ForecastFacts, ProposalFacts, RoundFacts
from rectune_dsl.report.pages.arms import ELSEWHERE, MOST_ROWS, interval, rounded
from rectune_dsl.report.pages.blocks import Block, Figure, Folded, Listing, Panel, Prose, Row, Titled
from rectune_dsl.report.pages.progress import NO_ROUND
from rectune_dsl.report.support import LOGGED, advice, support_table
from rectune_dsl.report.tables import Cell, Table, first_rows, table
from rectune_dsl.report.words import answered, count, predicted

MOST_PANELS = 8
"""Of a figure: metrics."""
MOST_PROPOSALS = 240
"""As many as people may read are told in full: those of the last rounds."""


def timeline(facts: Facts) -> tuple[Block, ...]:
    """Every round, folded but for the last."""
    if not facts.rounds:
        return (Prose(NO_ROUND),)
    arms = {arm.name: arm for arm in facts.arms}
    outcomes = _grouped(facts.forecasts, lambda forecast: forecast.arm)
    early, late = _split(facts.rounds)
    told = tuple(Folded(_summary(r), _round(r, arms, outcomes), is_open=r is facts.rounds[-1]) for r in late)
    if not early:
        return told
    words = f"Told in full: the last {count(len(late), 'round')}; {ELSEWHERE}."
    return (
        Prose(words, "dim"),
        Folded(f"Rounds 1 to {len(early)}", (Listing(tuple(map(_summary, early))),)),
        *told,
    )


def _split(rounds: Sequence[RoundFacts]) -> tuple[Sequence[RoundFacts], Sequence[RoundFacts]]:
    """Rounds to be told by a line each, and in full: the last one always, more as long as there is room."""
    room, first = MOST_PROPOSALS - len(rounds[-1].proposals), len(rounds) - 1
    while first > 0 and len(rounds[first - 1].proposals) <= room:
        first -= 1
        room -= len(rounds[first].proposals)
    return rounds[:first], rounds[first:]


def predictions(facts: Facts) -> tuple[Block, ...]:
    """How well predictions that were registered before experiments came true."""
    if not facts.forecasts:
        return (Prose("Nothing that was predicted has been measured yet."),)
    hits = sum(f.came_true for f in facts.forecasts)
    share = hits / len(facts.forecasts)
    words = (
        f"{hits} of {len(facts.forecasts)} predictions ({share:.0%}) differ from what was measured by less "
        f"than chance allows in nine cases of ten: about 90 % is what honest intervals give. Arms "
        f"of a round share their control, so misses come together."
    )
    by_metric = _grouped(facts.forecasts, lambda forecast: forecast.metric)
    panels = tuple(_calibration(metric, own) for metric, own in list(by_metric.items())[:MOST_PANELS])
    figure = Figure(
        "predictions",
        "Predicted and measured lifts",
        words,
        panels,
        _outcomes(facts.forecasts, "predictions against outcomes"),
        key="● within what chance allows, ▼ not; bars are 90 % intervals, on the dashed line both agree",
    )
    return (Prose(words), figure)


def _grouped(
    forecasts: Sequence[ForecastFacts], key: Callable[[ForecastFacts], str]
) -> dict[str, list[ForecastFacts]]:
    found: dict[str, list[ForecastFacts]] = {}
    for forecast in forecasts:
        found.setdefault(key(forecast), []).append(forecast)
    return found


def _summary(round: RoundFacts) -> str:
    taken = sum(bool(p.taken) for p in round.proposals)
    users = f", {round.users:,} users" if round.users else ""
    return f"Round {round.round}: {round.state}; {taken} of {len(round.proposals)} proposals taken{users}"


def _round(
    round: RoundFacts, arms: Mapping[str, ArmFacts], outcomes: Mapping[str, list[ForecastFacts]]
) -> tuple[Block, ...]:
    blocks: list[Block] = [Prose(round.told, "dim")] if round.told else []
    if round.idle:
        blocks.append(Prose(sentence(f"nothing was tested: {round.idle}"), "doubtful"))
    if round.frozen:
        blocks.append(Prose(f"Frozen: {round.frozen}", "bad"))
    if round.answer is not None:
        said = answered(granted=round.answer.granted, by=round.answer.by, why=round.answer.why)
        blocks.append(Prose(f"The launch was {said}."))
    for proposal in round.proposals:
        blocks += _proposal(proposal, arms.get(proposal.name), outcomes.get(proposal.name, []))
    if round.support:
        blocks.append(support_table(round.support, LOGGED))
        blocks += [Prose(note, "doubtful") for note in advice(round.support)]
    if round.notes:
        blocks.append(Titled("Learnt", (Listing(round.notes),)))
    return tuple(blocks)


def _proposal(
    proposal: ProposalFacts, arm: ArmFacts | None, outcomes: Sequence[ForecastFacts]
) -> list[Block]:
    mark = "not reviewed" if proposal.taken is None else "taken" if proposal.taken else "refused"
    stopped = ", stopped" if arm is not None and arm.stopped else ""
    hedge = ", a hedge" if proposal.is_hedge else ""
    lines = [f"Changes {proposal.changes}.", f"Hypothesis: {proposal.hypothesis}"]
    if proposal.shows and proposal.shows not in proposal.hypothesis:
        lines.append(f"What users would see: {proposal.shows}.")
    if proposal.critic:
        lines.append(f"Critic: {proposal.critic}")
    lines += [f"{check.name}: {check.detail}" for check in proposal.checks if not check.passed]
    if arm is not None and arm.stopped:
        lines.append(f"Stopped: {arm.stopped}")
    blocks: list[Block] = [Listing(tuple(lines))]
    if outcomes:
        blocks.append(_outcomes(outcomes, f"{proposal.name}: predicted and measured"))
    elif proposal.predictions:
        blocks.append(Prose(f"Predicted: {predicted(proposal.predictions)}.", "dim"))
    return [Titled(f"{proposal.name}, {mark}{stopped} ({proposal.author}{hedge})", tuple(blocks))]


def _outcomes(forecasts: Sequence[ForecastFacts], title: str) -> Table:
    headings = ("arm", "metric", "predicted", "measured", "")
    rows: list[list[str | Cell]] = [
        [
            f.arm,
            f.metric,
            interval(f.expected),
            interval(f.measured),
            Cell("as predicted", "good") if f.came_true else Cell("not as predicted", "doubtful"),
        ]
        for f in forecasts
    ]
    return first_rows(table(title, headings, rows, numbers=headings[2:4]), MOST_ROWS, ELSEWHERE)


def _calibration(metric: str, own: Sequence[ForecastFacts]) -> Panel:
    rows: list[Row] = [
        {
            "name": f.arm,
            "expected": rounded(f.expected.value * 100),
            "expected_low": rounded(f.expected.low * 100),
            "expected_high": rounded(f.expected.high * 100),
            "measured": rounded(f.measured.value * 100),
            "measured_low": rounded(f.measured.low * 100),
            "measured_high": rounded(f.measured.high * 100),
            "hit": "yes" if f.came_true else "no",
        }
        for f in own
    ]
    seen = [v for f in own for v in (f.expected.value, f.measured.value, f.measured.low, f.measured.high)]
    room = max(max(seen) - min(seen), 1e-4) * 0.05
    ends: Row = {"least": rounded((min(seen) - room) * 100), "most": rounded((max(seen) + room) * 100)}
    return Panel(metric, "calibration", tuple(rows), ends)
