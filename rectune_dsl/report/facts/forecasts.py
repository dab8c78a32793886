"""Predictions that were registered before an experiment, held against what it measured."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rectune_dsl.experiments.intervals import lift
from rectune_dsl.hooks.api import Prediction, RoundResult
from rectune_dsl.report.facts.measured import expected, span
from rectune_dsl.report.facts.records import ForecastFacts
from rectune_dsl.report.view import RunView
from rectune_dsl.report.words import Z90


def forecasts(view: RunView) -> tuple[ForecastFacts, ...]:
    """Of every tested arm and metric that was both predicted and measured, as lifts."""
    return tuple(
        found
        for round in view.rounds
        if round.result is not None and not round.result.frozen
        for proposal in round.proposals
        if proposal.name in round.result.estimates.arms
        for prediction in proposal.hypothesis.predictions
        for found in _forecast(round.round, round.result, proposal.name, prediction)
    )


def _forecast(round: int, result: RoundResult, arm: str, prediction: Prediction) -> Iterator[ForecastFacts]:
    estimates = result.estimates
    seen = lift(estimates, arm, prediction.metric) if prediction.metric in estimates.metrics else None
    measured = span(seen)
    if seen is None or measured is None:
        return
    doubt = math.hypot((prediction.high - prediction.low) / 2, Z90 * seen.error)
    close = abs(seen.value - prediction.lift) <= doubt
    yield ForecastFacts(round, arm, prediction.metric, expected(prediction), measured, close)
