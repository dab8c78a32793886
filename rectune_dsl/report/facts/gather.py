"""All that a run has found, in one record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import Config
from rectune_dsl.report.costs import costs
from rectune_dsl.report.facts.ending import ending
from rectune_dsl.report.facts.forecasts import forecasts
from rectune_dsl.report.facts.learnt import bets, records
from rectune_dsl.report.facts.measured import arms
from rectune_dsl.report.facts.provenance import provenance
from rectune_dsl.report.facts.records import ArmFacts, Facts, RoundFacts, SlateFacts
from rectune_dsl.report.facts.rounds import floor, rounds
from rectune_dsl.report.facts.space import params
from rectune_dsl.report.view import RunView, traffic
from rectune_dsl.report.worth import worth

Showing = Callable[[Config, str], SlateFacts]
"""What a config, called by its second argument, changes in real slates."""
NO_PANEL = "nobody looked at slates for this page: `rectune report` does"


def facts(task: Task, view: RunView, store_flag: str = "", showing: Showing | None = None) -> Facts:
    """Everything that reports show of a run. `showing` replays configs on a panel, where there is one."""
    tested = arms(task, view)
    told = rounds(task, view, tested)
    slates, why = _slates(view, tested, told, showing)
    users, experiments, until = traffic(view)
    recommendation = view.recommendation
    mechanics = (r.insight.mechanics for r in reversed(view.rounds) if r.insight is not None)
    return Facts(
        run=view.run,
        task=task.task.name,
        surface=task.task.surface,
        about=task.task.about,
        end=ending(task, view, store_flag),
        floor=floor(task),
        weights=task.objective_weights,
        arms=tested,
        rounds=told,
        params=params(task, recommendation.config.values if recommendation else None),
        mechanics=next(mechanics, ()),
        slates=slates,
        no_slates=why,
        forecasts=forecasts(view),
        records=records(task, view),
        bets=bets(view),
        worth=worth(task, view),
        costs=costs(view.calls),
        users=users,
        experiments=experiments,
        days=_days(view),
        until=until.isoformat() if until else "",
        provenance=provenance(view, store_flag),
    )


def _slates(
    view: RunView, tested: tuple[ArmFacts, ...], told: tuple[RoundFacts, ...], showing: Showing | None
) -> tuple[SlateFacts | None, str]:
    """What the recommended config changes or, before there is one, the best safe arm; or why nobody knows."""
    recommendation = view.recommendation
    if recommendation is not None and recommendation.is_production:
        return None, "production is recommended, so no slate changes"
    if recommendation is not None:
        config, name = recommendation.config, "the recommended config"
    elif told and told[-1].safe_arm:
        name = told[-1].safe_arm
        config = Config(next(arm.config for arm in tested if arm.name == name))
    else:
        return None, "no config is recommended, and no safe arm is better than production yet"
    if showing is None:
        return None, NO_PANEL
    try:
        return showing(config, name), ""
    except Exception as error:  # whatever a platform raises: the rest of the report does not need it
        return None, str(error).rstrip(".") or type(error).__name__


def _days(view: RunView) -> int:
    """Days on which experiments served users, by their last looks."""
    seen = [(r.spec, r.looks[-1]) for r in view.rounds if r.spec is not None and r.looks]
    seen += [view.confirming] if view.confirming else []
    return sum(max((look.as_of - spec.start) // timedelta(days=1), 0) for spec, look in seen)
