"""What a campaign is assembled from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import (
    LLM,
    ABBackend,
    Actor,
    Capabilities,
    Config,
    Critic,
    FormulaFunction,
    InsightAgent,
    OnlineAgent,
    Skill,
    SkillAgent,
)
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.skillhub.hub import Skillhub
from rectune_dsl.workflow.approval import Questions
from rectune_dsl.workflow.clock import Clock
from rectune_dsl.workflow.compile import Step, Workflow
from rectune_dsl.workflow.pause import Pause
from rectune_dsl.workflow.watch import Watcher


@dataclass(frozen=True)
class Agents:
    actor: Actor
    critic: Critic
    online: OnlineAgent
    insight: InsightAgent
    skill: SkillAgent


@dataclass(frozen=True)
class Parts:
    """`skill` is the task's skill, and `borrowed` are the few others that know most of its product, as they
    were when the run began. `surface` is the surface's name in the store; `llm` finds the model that a step's
    agent may ask in one of its acts, None where it asks none, `holdout` the config that the surface's holdout
    is served, None where that is production, `next_confirmation` the number that its next confirmation will
    have, `overtaken` why its production is no longer what this run compares with, and `release` gives the
    run's users back to it."""

    workflow: Workflow
    seed: int
    backend: ABBackend
    capabilities: Capabilities
    agents: Agents
    clock: Clock
    recorder: Recorder
    hub: Skillhub
    skill: Skill | None
    borrowed: tuple[Skill, ...]
    surface: str
    watch: Watcher
    pause: Pause
    questions: Questions
    functions: Mapping[str, FormulaFunction] = field(default_factory=dict)
    holdout: Callable[[], Config | None] = lambda: None
    llm: Callable[[Step, str], LLM | None] = lambda step, act: None
    next_confirmation: Callable[[], int] = lambda: 1
    overtaken: Callable[[], str] = lambda: ""
    release: Callable[[], None] = lambda: None

    @property
    def task(self) -> Task:
        return self.workflow.task

    @property
    def evidence(self) -> str:
        """What the campaign's experiments are called in the Skillhub. Real traffic is new in every run; a
        simulated campaign is the same one whenever its seed is, and a log is one log in all of them."""
        name = self.task.task.name
        if not self.capabilities.randomises:
            return f"{self.surface}/{name}"
        if self.capabilities.virtual_time:
            return f"{self.surface}/{name}/seed-{self.seed}"
        return self.recorder.run
