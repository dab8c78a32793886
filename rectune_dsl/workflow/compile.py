"""Task to workflow: which steps a campaign takes, what each reads and writes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rectune_dsl.dsl.llm import ASKING
from rectune_dsl.dsl.model import Task


class StepKind(StrEnum):
    PROPOSE = "propose"
    REVIEW = "review"
    APPROVE = "approve"
    EXPERIMENT = "experiment"
    LEARN = "learn"
    EVOLVE = "evolve"
    RECOMMEND = "recommend"
    CONFIRM = "confirm"
    VERDICT = "verdict"


@dataclass(frozen=True)
class Step:
    """One step. `name` is its key in the journal, where it writes; `reads` are such names; `agent` is the
    role and name that does it, and whom it asks, empty for rules that no agent may bend."""

    name: str
    kind: StepKind
    round: int
    agent: str
    reads: tuple[str, ...]

    @property
    def role(self) -> str:
        """The role of who does it; empty for rules."""
        return self.agent.partition(" ")[0]


@dataclass(frozen=True)
class Workflow:
    task: Task
    steps: tuple[Step, ...]


_ROUND = (
    (StepKind.PROPOSE, "actor", ("history",)),
    (StepKind.REVIEW, "critic", ("propose", "history")),
    (StepKind.APPROVE, "", ("review",)),
    (StepKind.EXPERIMENT, "online", ("approve",)),
    (StepKind.LEARN, "insight", ("experiment", "history")),
    (StepKind.EVOLVE, "skill", ("learn",)),
)
_END = (
    (StepKind.RECOMMEND, "actor", ("history",)),
    (StepKind.CONFIRM, "online", ("recommend",)),
    (StepKind.VERDICT, "", ("confirm",)),
)


def compile_task(task: Task) -> Workflow:
    """Per round propose, review, approve, experiment, learn, evolve; then recommend, confirm, verdict."""
    steps = []
    for number in range(1, task.experiment.rounds + 1):
        for kind, role, reads in _ROUND:
            sources = tuple(_history(number) if r == "history" else round_step(number, r) for r in reads)
            steps.append(Step(round_step(number, kind), kind, number, _agent(task, role), sources))
    last = task.experiment.rounds + 1
    for kind, role, reads in _END:
        sources = tuple(_history(last) if r == "history" else r for r in reads)
        steps.append(Step(str(kind), kind, last, _agent(task, role), sources))
    return Workflow(task, tuple(steps))


def round_step(number: int, kind: str) -> str:
    """The name of a step of a round."""
    return f"round-{number}/{kind}"


def _agent(task: Task, role: str) -> str:
    if not role:
        return ""
    name = getattr(task.agents, role)
    return f"{role} {name} ({task.llm.provider})" if name in ASKING else f"{role} {name}"


def _history(number: int) -> str:
    if number == 1:
        return "production"
    return "round-1/experiment" if number == 2 else f"round-1..{number - 1}/experiment"
