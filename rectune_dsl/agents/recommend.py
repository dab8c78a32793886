"""What to confirm: by the posterior, never by the best raw observation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.agents import words
from rectune_dsl.agents.acquisition import Score, search
from rectune_dsl.agents.belief import guardrail_risks, objective, predictions, told_chance
from rectune_dsl.agents.past import learnt, tested_arms, tested_configs
from rectune_dsl.agents.region import Region, distance
from rectune_dsl.agents.safety import Safety
from rectune_dsl.agents.shipping import Confirmation
from rectune_dsl.agents.shown import shown
from rectune_dsl.hooks.api import AgentContext, Config, Recommendation

SAFE = 0.95
"""P(all guardrails hold) that a recommendation needs."""
DOUBTED = 0.99
"""The same where there is a reason to doubt the panel, or what experiments showed, or how few they are."""
FEW = 3
"""Rounds that too little was measured below: what looks best then is mostly luck."""
LEAST_CHANCE = 0.1
"""A config less likely to ship than this would only use up a confirmation of the surface: each one that is
used makes the next one stricter."""


def recommend(context: AgentContext, region: Region) -> Recommendation:
    """The safe config of the region with the largest expected gain times its chance to ship, tested or not;
    production where no config is safe, expected to gain, and likely enough to ship."""
    confirmation = Confirmation.planned(
        context.task,
        context.history,
        confirmation=context.confirmation,
        holdout_users=context.holdout_users,
    )
    if confirmation is None:
        return _production(context, _nothing_to_stand_on(context, region))
    tested, safe = tested_configs(context.history), _safe(context)
    found = search(region, _score(context, confirmation, safe), context.rng, tested)
    if not found.configs or found.scores[0] < 0:
        why = f"No config that was searched keeps all guardrails with {words.chance(safe)}{_doubts(context)}."
        broken = words.sentence(str(Safety(context.task, context.surrogate)))
        return _production(context, f"{why} {broken}".rstrip())
    best = found.configs[0]
    expected = objective(context.surrogate, best)
    chance = float(confirmation.chances(context.surrogate, [best])[0])
    if expected.lift <= 0 or chance < LEAST_CHANCE:
        why = (
            f"The best safe config is expected at {words.lift(expected)} and would ship with "
            f"{words.chance(chance)}: too little to use a confirmation on. "
            f"{_needed(confirmation, context, best)}"
        )
        return _production(context, why)
    p = float(context.surrogate.p_feasible([best])[0])
    return Recommendation(
        config=best,
        is_production=False,
        predictions=predictions(context.task, context.surrogate, best),
        objective=expected,
        p_feasible=p,
        chance_to_ship=chance,
        why=_why(context, region, best, p, chance),
    )


def _needed(confirmation: Confirmation, context: AgentContext, config: Config) -> str:
    """What it would take to answer the question, in a sentence."""
    times = confirmation.traffic_needed(context.surrogate, config)
    power = words.chance(context.task.experiment.power)
    if times is None:
        return "If this is the truth, no traffic would ship it."
    return (
        f"If this is the truth, it takes about {times:.1f} times the confirmation's traffic "
        f"to ship with {power}."
    )


def _safe(context: AgentContext) -> float:
    return DOUBTED if _reasons(context) else SAFE


def _doubts(context: AgentContext) -> str:
    reasons = _reasons(context)
    return f" (more than usual, because {words.listed(reasons)})" if reasons else ""


def _reasons(context: AgentContext) -> tuple[str, ...]:
    rounds = learnt(context.history)
    few = (f"only {words.count(rounds, 'round')} taught something",) if rounds < FEW else ()
    return (*few, *context.doubts)


def _score(context: AgentContext, confirmation: Confirmation, safe: float) -> Score:
    surrogate = context.surrogate

    def score(configs: Sequence[Config]) -> NDArray[np.float64]:
        mean, _ = surrogate.objective(configs)
        p = surrogate.p_feasible(configs)
        worth = np.maximum(mean, 0.0)
        worth *= confirmation.chances(surrogate, configs, (p >= safe) & (mean > 0))
        return np.where(p >= safe, worth, p - safe - 1.0)

    return score


def _why(context: AgentContext, region: Region, best: Config, p: float, chance: float) -> str:
    expected = objective(context.surrogate, best)
    users = context.task.confirm.users_per_arm
    parts = [
        f"Expected: {words.lift(expected)} (90 % interval). At {users:,} users per arm it would ship with "
        f"{words.chance(chance)}. Of the configs that keep all guardrails with at least "
        f"{words.chance(_safe(context))}{_doubts(context)}, none has a larger expected gain times chance to "
        f"ship."
    ]
    risks = guardrail_risks(context, best)
    if risks:
        parts.append(f"They hold with {told_chance(context, p)}; the weakest: {risks[0]}.")
    if context.whatif is not None:
        parts.append(words.sentence(f"it {shown(context.whatif, best)}"))
    parts.append(_provenance(context, region, best))
    parts.append(
        "These are expectations of a model, drawn towards no effect, and not raw results. What looks best of "
        "many is still more often too high than too low: the confirmation on fresh users settles it."
    )
    return " ".join(parts)


def _provenance(context: AgentContext, region: Region, best: Config) -> str:
    """Whether it was tested, or how far it is from what was."""
    arms = tested_arms(context.history)
    same = [arm.name for arm in arms if arm.config.values == best.values]
    if same:
        return f"It was tested as {words.listed(same)}."
    space = region.space
    point = space.to_unit(best.values)
    nearest = min(arms, key=lambda arm: distance(point, space.to_unit(arm.config.values)))
    gap = distance(point, space.to_unit(nearest.config.values))
    return (
        f"It was not tested itself: the nearest arm, {nearest.name}, differs by up to {gap * 100:.1f} % of a "
        f"param's range."
    )


def _production(context: AgentContext, why: str) -> Recommendation:
    config = Config(context.task.production)
    return Recommendation(
        config=config,
        is_production=True,
        predictions=predictions(context.task, context.surrogate, config),
        objective=objective(context.surrogate, config),
        p_feasible=float(context.surrogate.p_feasible([config])[0]),
        chance_to_ship=0.0,
        why=f"Keep production. {why}",
    )


def _nothing_to_stand_on(context: AgentContext, region: Region) -> str:
    if not context.history:
        why = "No arm was tested in any round, so nothing has been measured."
        return f"{why} {_why_untested(context, region)}"
    trusted = [result for result in context.history if not result.frozen]
    if not trusted:
        return "No experiment that can be trusted has measured anything: all were frozen."
    if all(arm.name in result.stopped for result in trusted for arm in tested_arms([result])):
        return "Every arm that was tested was stopped for harm."
    missing = {
        name: reason
        for result in context.history
        for name, reason in result.estimates.missing.items()
        if name in context.task.judged
    }
    reasons = "; ".join(f"{name}: {reason}" for name, reason in missing.items())
    return f"No arm has all that a verdict needs{f' ({reasons})' if reasons else ''}, so nothing could ship."


def _why_untested(context: AgentContext, region: Region) -> str:
    """In a sentence: there is no change, none is safe enough, or those that are were refused."""
    found = search(region, context.surrogate.p_feasible, context.rng)
    floor = 1.0 - context.task.experiment.risk
    if not found.configs and context.whatif is None:
        return "Within bounds, constraints and the allowed step no config but production was found."
    if not found.configs:
        return "No config was found that shows users something else and still most of what production shows."
    if found.scores[0] >= floor:
        return "Changes that are safe enough were found; each round says what was refused, and why."
    return (
        f"The safest change keeps all guardrails with {words.chance(float(found.scores[0]))}, "
        f"{words.chance(floor)} are needed; the weakest: {guardrail_risks(context, found.configs[0])[0]}. "
        "Loosen that guardrail, or allow more `risk`."
    )
