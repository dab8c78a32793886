"""Why a config should help, in a sentence and in registered predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rectune_dsl.agents import words
from rectune_dsl.agents.belief import (
    guardrail_risks,
    least_objective,
    objective,
    predictions,
    risk_is_known,
    told_chance,
)
from rectune_dsl.agents.safety import Safety
from rectune_dsl.agents.sensitivity import STEP, Effect, effects
from rectune_dsl.agents.shown import shown
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import AgentContext, Config, Hypothesis, Proposal

_NAMED = 3
"""Changes a sentence names; the rest is counted."""


@dataclass(frozen=True)
class Reasons:
    """What has been learnt about single params so far: their effects on the first north star."""

    task: Task
    metric: str
    effects: dict[str, Effect]

    @classmethod
    def of(cls, context: AgentContext) -> Reasons:
        metric = leading_metric(context.task)
        found = effects(context.task, context.history, metric)
        return cls(context.task, metric, {effect.param: effect for effect in found})

    def because(self, config: Config, names: Sequence[str]) -> str:
        """What was seen so far of the named params' moves."""
        parts = [self._seen(name, config) for name in names if self.effects[name].known]
        if parts:
            return f"because so far {words.listed(parts)}"
        if not any(effect.arms for effect in self.effects.values()):
            return "to learn what they do, because nothing is measured yet"
        return f"to learn more, because the effect of {words.listed(names)} on {self.metric} is not known yet"

    def order(self, config: Config) -> tuple[str, ...]:
        """The changed params, those first whose move should matter most."""
        tenths = self._tenths(config)
        moved = [name for name, move in tenths.items() if abs(move) > 1e-6]

        def weight(name: str) -> tuple[float, float]:
            effect = self.effects[name]
            return abs(effect.scaled(tenths[name])[0]) if effect.known else 0.0, abs(tenths[name])

        return tuple(sorted(moved, key=weight, reverse=True)[:_NAMED])

    def _seen(self, name: str, config: Config) -> str:
        move = self._tenths(config)[name]
        direction = "more" if move > 0 else "less"
        return (
            f"{direction} {name} went with {self.metric} {words.interval(*self.effects[name].scaled(move))}"
        )

    def _tenths(self, config: Config) -> dict[str, float]:
        space = Space(self.task)
        moves = (space.to_unit(config.values) - space.production) / STEP
        return dict(zip(space.names, map(float, moves), strict=True))


def leading_metric(task: Task) -> str:
    """The north star with the largest weight; the first metric where there is none."""
    stars = task.north_stars
    return max(stars, key=lambda name: stars[name].weight) if stars else next(iter(task.judged))


def proposals(context: AgentContext, configs: Sequence[Config], author: str) -> list[Proposal]:
    """The configs as proposals of this round, each with its hypothesis."""
    reasons = Reasons.of(context)
    return [
        Proposal(f"r{context.round}p{number}", config, hypothesis(context, reasons, config), author)
        for number, config in enumerate(configs, 1)
    ]


def hypothesis(context: AgentContext, reasons: Reasons, config: Config) -> Hypothesis:
    """What changes, why, what is expected of U, and which guardrail is the weakest."""
    order = reasons.order(config)
    change = words.changes(context.task.params, config.values, order)
    parts = [words.sentence(f"{change}, {_origin(context, config)}{reasons.because(config, order)}")]
    shows = "" if context.whatif is None else shown(context.whatif, config)
    if shows:
        parts.append(words.sentence(f"it {shows}"))
    parts.append(f"Expected: {outlook(context, config)}")
    if context.history and (breaks := str(Safety(context.task, context.surrogate))):
        parts.append(words.sentence(breaks))
    return Hypothesis(" ".join(parts), predictions(context.task, context.surrogate, config), shows)


def outlook(context: AgentContext, config: Config) -> str:
    """What the surrogate expects of U, and of the guardrails: where there are any, the weakest is named."""
    lift = words.lift(objective(context.surrogate, config), least_objective(context.task))
    expected = f"{lift} (90 % interval)."
    risks = guardrail_risks(context, config)
    if not risks:
        return expected
    if not risk_is_known(context):
        return f"{expected} The risk to guardrails is {words.RISK_UNKNOWN}."
    p = float(context.surrogate.p_feasible([config])[0])
    return f"{expected} All guardrails hold with {told_chance(context, p)}; the weakest: {risks[0]}."


def _origin(context: AgentContext, config: Config) -> str:
    skill = context.skill
    if skill is None or not skill.initial_values:
        return ""
    start = {**context.task.production, **skill.initial_values}
    same = all(
        abs(start[name] - value) <= 1e-6 * max(1.0, abs(value)) for name, value in config.values.items()
    )
    return f"as the skill {skill.name} advises to start, " if same else ""
