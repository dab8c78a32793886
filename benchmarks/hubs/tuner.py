"""rectune's own agents with a Skillhub, driven as the workflow drives them: forecasts, scores, revisions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar, cast

from tuning.own import Agents, OwnTuner
from tuning.tuner import Setup

from rectune_dsl.agents.insight_numeric import NumericInsight
from rectune_dsl.agents.skill_numeric import NumericSkill
from rectune_dsl.hooks.api import (
    CONTROL,
    AgentContext,
    Arm,
    Config,
    KnowledgeRecord,
    RoundResult,
    Skill,
)
from rectune_dsl.skillhub.applicable import applicable, without
from rectune_dsl.skillhub.hub import Skillhub
from rectune_dsl.workflow.compile import Step, StepKind, round_step
from rectune_dsl.workflow.context import Contexts, runs_unskilled
from rectune_dsl.workflow.learning import Learning
from rectune_dsl.workflow.parts import Parts

T = TypeVar("T")
SEEDS = Path(__file__).parents[2] / "skills"
FUNNEL = Agents("rectune_dsl.agents.actor_funnel:FunnelActor", fit="rectune_dsl.surrogate.slates:fit")


def empty_hub(workspace: Path) -> Skillhub:
    """The seed skills, and nothing learnt."""
    return Skillhub((SEEDS,), workspace)


class SkilledTuner(OwnTuner):
    """`campaign` names it, and chooses the rounds that run without skills."""

    def __init__(self, setup: Setup, hub: Skillhub, campaign: int) -> None:
        super().__init__(setup, FUNNEL)
        task = setup.task.task
        name = task.skill or task.name
        evidence = f"{task.surface}/{task.name}/seed-{campaign}"
        related = hub.related(name, task.surface, task.regime)
        self._own = without(hub.load(name), evidence) if name in hub.names() else None
        self._borrowed = tuple(without(skill, evidence) for skill in related)
        self._campaign, self._evidence = campaign, evidence
        self._withdrawn: frozenset[str] = frozenset()
        self._unskilled = False
        self._learning = Learning(self._parts(hub), cast(Contexts, self))

    @property
    def _skill(self) -> Skill | None:
        return None if self._unskilled else self._own

    @property
    def _knowledge(self) -> tuple[KnowledgeRecord, ...]:
        known = applicable(self._task.task, self._own, self._borrowed)
        return () if self._unskilled else tuple(r for r in known if r.id not in self._withdrawn)

    def propose(self, number: int, arms: int) -> Sequence[Config]:
        self._without(runs_unskilled(self._campaign, number))
        configs = super().propose(number, arms)
        self._without(False)
        named = [Arm(f"r{number}p{i}", config) for i, config in enumerate(configs, 1)]
        if named:
            step = _step(number, StepKind.EXPERIMENT)
            self._learning.register(step, [Arm(CONTROL, Config({})), *named], self._history)
        return configs

    def observe(self, result: RoundResult) -> None:
        super().observe(result)
        step = _step(result.round, StepKind.EVOLVE)
        insight = NumericInsight().learn(self.of(step, self._history))
        self._learning.evolve(step, self._history, insight)

    # --- what `Learning` asks of contexts ---

    def of(self, step: Step, history: tuple[RoundResult, ...]) -> AgentContext:
        return self._context(step.round, step.kind, self._task.experiment.arms)

    def withdraw(self, ids: Iterable[str]) -> None:
        self._withdrawn |= frozenset(ids)
        self._fitted = None

    def _without(self, unskilled: bool) -> None:
        if unskilled != self._unskilled:
            self._unskilled, self._fitted = unskilled, None

    def _parts(self, hub: Skillhub) -> Parts:
        parts = SimpleNamespace(
            recorder=_Unwritten(f"campaign-{self._campaign}"),
            hub=hub,
            agents=SimpleNamespace(skill=NumericSkill()),
            skill=self._own,
            borrowed=self._borrowed,
            task=self._task,
            evidence=self._evidence,
        )
        return cast(Parts, parts)


class _Unwritten:
    """A recorder without a journal: nothing here is taken up later."""

    def __init__(self, run: str) -> None:
        self.run = run

    def act(self, key: str, kind: type[T], work: Callable[[], T]) -> T:
        return work()


def _step(number: int, kind: StepKind) -> Step:
    return Step(round_step(number, kind), kind, number, "", ())
