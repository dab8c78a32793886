"""How a run ended, or where it stands, and what to do next."""

from __future__ import annotations

from rectune_dsl.agents.belief import assumed
from rectune_dsl.agents.words import sentence
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import HOLDOUT, Estimates
from rectune_dsl.report.facts.measured import measures, objective
from rectune_dsl.report.facts.records import AbortFacts, EndFacts, Measure, Span
from rectune_dsl.report.facts.rounds import answer
from rectune_dsl.report.standing import abort_words, aborted_words, taken_back_words
from rectune_dsl.report.turnout import turnout
from rectune_dsl.report.view import RunView, assigned, results

UNSERVED = "Nothing is delivered, for the backend serves nobody: bring the config into your own system."


def ending(task: Task, view: RunView, store_flag: str) -> EndFacts:
    """`store_flag` is what commands have to add so that they find the run."""
    verdict, told, confirmation = view.verdict, view.recommendation, view.confirmation
    estimates = confirmation.estimates if confirmation else None
    is_new = told is not None and not told.is_production
    return EndFacts(
        state=view.state,
        decision=verdict.decision if verdict and view.abort is None else "",
        reasons=_reasons(view),
        next=_next(view, store_flag),
        bounds=verdict.bounds if verdict else (),
        confirmation=verdict.confirmation if verdict and verdict.bounds else None,
        alpha=verdict.alpha if verdict and verdict.bounds else None,
        is_production=told.is_production if told else None,
        why=told.why if told else "",
        expected=told.predictions if told and is_new else (),
        p_feasible=told.p_feasible if told and is_new else None,
        assumed=assumed(task, results(view)) if told and is_new else "",
        chance_to_ship=told.chance_to_ship if told and is_new else None,
        objective=_objective(task, estimates) if estimates else None,
        measures=_confirmed(task, estimates) if estimates else (),
        confirmed_users=assigned(confirmation.look) if confirmation and confirmation.look else 0,
        answer=answer(view.shipping),
        confirm_answer=answer(confirmation.approval if confirmation else None),
        shipped=view.shipped or "",
        delivered=view.delivered,
        turnout=turnout(*view.confirming) if view.confirming else "",
        support=dict(estimates.support) if estimates and estimates.support else None,
        abort=_aborted(view),
    )


def _aborted(view: RunView) -> AbortFacts | None:
    order, done = view.abort, view.aborted
    if order is None:
        return None
    return AbortFacts(
        by=order.by,
        at=order.at.isoformat(),
        why=order.why,
        verdict=view.verdict.decision if view.verdict else "",
        shipped_at=view.delivered_at if view.delivered else "",
        done=done is not None,
        taken_back=done is not None and done.rolled_back,
        kept=done.kept if done is not None else "",
    )


def _confirmed(task: Task, estimates: Estimates) -> tuple[Measure, ...]:
    """What the confirmation's one treatment did."""
    return tuple(measure for arm in _treatments(estimates) for measure in measures(task, estimates, arm))


def _objective(task: Task, estimates: Estimates) -> Span | None:
    """U of the same treatment."""
    return next((objective(task, estimates, arm) for arm in _treatments(estimates)), None)


def _treatments(estimates: Estimates) -> list[str]:
    return [arm for arm in estimates.arms if arm != HOLDOUT]


def _reasons(view: RunView) -> tuple[str, ...]:
    if view.abort is not None:
        done = view.aborted
        parts = () if done is None else (sentence(aborted_words(done)), taken_back_words(done))
        return (sentence(abort_words(view.abort)), *filter(None, parts))
    return view.verdict.reasons if view.verdict else ()


def _next(view: RunView, flag: str) -> tuple[str, ...]:
    """What to do now, each a sentence."""
    run = view.run
    if view.abort is not None:
        if view.aborted is None:
            return (f"The abort is not finished: `rectune tick {run}{flag}` goes on with it.",)
        return ("Read why it was aborted; `rectune run` starts a new campaign.",)
    if view.verdict is None:
        where = f"`rectune status {run}{flag}` tells what it waits for, and what it asks"
        return (f"It is not over: {where}, `rectune resume {run}{flag}` goes on.",)
    if view.verdict.decision == "ship":
        return _after_ship(view, flag)
    if view.verdict.decision == "keep production":
        return (
            "Nothing is to be changed: production is the best config that can be stood for.",
            "If you had hoped for more, look at which guardrail binds, and which params touch their bounds.",
        )
    return (
        "Production stays. The reasons say what was not shown, and about how many users would show it.",
        "`rectune plan` tells what the traffic of a task can show before a new run spends any.",
    )


def _after_ship(view: RunView, flag: str) -> tuple[str, ...]:
    export = f"`rectune export {view.run}{flag} -o config.toml` writes the config for the code base."
    if view.delivered:
        back = f"Watch the guardrails; `rectune abort {view.run}{flag} --why TEXT` takes it back."
        return (f"It is delivered. {export}", back)
    if view.shipped == "nobody is served":
        return (f"{UNSERVED} {export}",)
    if view.shipping is not None and not view.shipping.granted:
        return (f"It may be shipped, and {view.shipping.by} refused to. {export}",)
    return (f"It is not delivered yet: `rectune status {view.run}{flag}` tells what it asks or waits for.",)
