"""Configs that a model thought up: what it is asked, and which of them code lets pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rectune_dsl.agents import words
from rectune_dsl.agents.belief import predictions, told_chance
from rectune_dsl.agents.critic_numeric import NEAR_PRODUCTION
from rectune_dsl.agents.differences import Differences
from rectune_dsl.agents.hypotheses import outlook
from rectune_dsl.agents.insight_numeric import NumericInsight
from rectune_dsl.agents.llm import brief
from rectune_dsl.agents.llm.asking import Silence, asked
from rectune_dsl.agents.llm.prompt import capped, question
from rectune_dsl.agents.llm.schema import Schema, number, record, rows, text
from rectune_dsl.agents.past import tested_configs
from rectune_dsl.agents.safety import Safety
from rectune_dsl.agents.shown import shown
from rectune_dsl.agents.validity import step, validity
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.params import Param
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import AgentContext, Config, Hypothesis, Prediction

MOST_IDEAS = 12
"""That a model is asked for at once, however many arms there are."""
MOST_READ = 2 * MOST_IDEAS
"""Of an answer that has more than were asked for, so many are looked at."""
HYPOTHESIS = 400
"""Most characters of one."""
LARGEST_LIFT = 50.0
"""Percent: who expects more of a metric, up or down, is not believed."""


@dataclass(frozen=True)
class Idea:
    """One proposal as a model writes it: a value per param, and the lift that it expects of each metric."""

    config: Mapping[str, float]
    hypothesis: str
    lifts_percent: Mapping[str, float]


@dataclass(frozen=True)
class Ideas:
    proposals: tuple[Idea, ...]


def ideas(context: AgentContext, count: int) -> list[tuple[Config, Hypothesis]] | Silence:
    """At most `count` configs that may be tested, all different, with their hypotheses. At least one: where
    nothing a model says may be tested, also when it was told why, there is no usable answer."""
    sieve = Sieve(context)

    def problems(answer: Ideas) -> Sequence[str]:
        return () if sieve.passed(answer) else sieve.problems(answer)

    count = min(count, MOST_IDEAS)
    answer = asked(context, _question(context, count), Ideas, schema_of(context.task, count), problems)
    if isinstance(answer, Silence):
        return answer
    return [(config, _hypothesis(context, config, idea)) for config, idea in sieve.passed(answer)[:count]]


def schema_of(task: Task, count: int) -> Schema:
    """One named property per param, within its bounds, and one per metric."""
    idea = {
        "config": record({name: _bounded(param) for name, param in task.params.items()}),
        "hypothesis": text(HYPOTHESIS),
        "lifts_percent": record({name: number(-LARGEST_LIFT, LARGEST_LIFT) for name in task.judged}),
    }
    return record({"proposals": rows(record(idea), count)})


class Sieve:
    """Lets pass what may be tested in a context's round."""

    def __init__(self, context: AgentContext) -> None:
        self._context = context
        self._space = Space(context.task)
        self._safety = Safety(context.task, context.surrogate)
        self._differences = Differences(context.task, context.whatif)
        self._production = Config(context.task.production)
        self._tested = tested_configs(context.history)

    def passed(self, answer: Ideas) -> list[tuple[Config, Idea]]:
        """Those without a problem of their own that differ from what was tested and from each other."""
        taken: list[tuple[Config, Idea]] = []
        for idea in answer.proposals[:MOST_READ]:
            config = self._config(idea)
            known = [*self._tested, *(other for other, _ in taken)]
            if not self._problem(config) and self.is_new(config, known):
                taken.append((config, idea))
        return taken

    def problems(self, answer: Ideas) -> list[str]:
        """What is wrong with each, in words that the model may act on."""
        found = [self._problem(self._config(idea)) for idea in answer.proposals[:MOST_READ]]
        said = [f"proposal {i}: {why or 'it is like one that was tested'}" for i, why in enumerate(found, 1)]
        return said or ["there is no proposal; make at least one"]

    def is_new(self, config: Config, known: Sequence[Config]) -> bool:
        """Whether a valid config would tell something that the known ones do not."""
        return not any(self._differences.same(config, other) for other in known)

    def _config(self, idea: Idea) -> Config:
        """In the task's order; params that the task does not have come last, and are found by validity."""
        names = [name for name in self._space.names if name in idea.config]
        strangers = [capped(name, brief.ABOUT) for name in idea.config if name not in names]
        return Config({name: float(idea.config.get(name, 0.0)) for name in [*names, *strangers]})

    def _problem(self, config: Config) -> str:
        """Why a config may not be tested; empty where it may."""
        task = self._context.task
        for check in (validity, step):
            if not (found := check(task, self._space, config)).passed:
                return found.detail
        if self._differences.same(config, self._production, NEAR_PRODUCTION):
            return "it shows the same as production"
        p = float(self._context.surrogate.p_feasible([config])[0])
        if p >= self._safety.floor or self._safety.mending([config])[0] >= 0:
            return ""
        needed = f"{words.chance(self._safety.floor)} are needed"
        return f"all guardrails hold with {told_chance(self._context, p)}, {needed}"


def _question(context: AgentContext, count: int) -> tuple[str, str]:
    insight = NumericInsight().learn(context)
    sections = [
        brief.task_of(context),
        brief.wanted(f"{count} proposals"),
        brief.metrics_of(context),
        brief.params_of(context),
        brief.elite_of(context, insight),
        brief.failures_of(context),
        brief.learnt_of(context, insight),
        brief.knowledge_of(context.knowledge),
        *brief.skills_of(context),
    ]
    return question("actor", sections)


def _bounded(param: Param) -> Schema:
    return number(param.low, param.high, whole=param.type == "int")


def _hypothesis(context: AgentContext, config: Config, idea: Idea) -> Hypothesis:
    """The model's words, and after them what the numbers say."""
    said = words.sentence(capped(idea.hypothesis, HYPOTHESIS))
    shows = "" if context.whatif is None else shown(context.whatif, config)
    told = _predictions(context, config, idea.lifts_percent)
    return Hypothesis(f"{said} By the surrogate: {outlook(context, config)}".lstrip(), told, shows)


def _predictions(
    context: AgentContext, config: Config, lifts_percent: Mapping[str, float]
) -> tuple[Prediction, ...]:
    """The model's lifts, with the surrogate's intervals, widened to hold them; the surrogate's own where it
    gave none that can be believed."""
    found = []
    for known in predictions(context.task, context.surrogate, config):
        told = lifts_percent.get(known.metric)
        if told is None or abs(told) > LARGEST_LIFT:
            found.append(known)
        else:
            lift = told / 100.0
            found.append(Prediction(known.metric, lift, min(known.low, lift), max(known.high, lift)))
    return tuple(found)
