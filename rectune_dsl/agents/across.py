"""Cross-learning: what several tasks say of one cause and metric, and how much they differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rectune_dsl.agents import words
from rectune_dsl.hooks.api import AgentContext, Mechanic, Status
from rectune_dsl.surrogate.limits import Z90

THIS_TASK = "this task"


@dataclass(frozen=True)
class Finding:
    """What one task says: `task` is the skill that it learnt for, or `THIS_TASK`; `status` is its record's,
    empty for what was measured just now."""

    task: str
    mechanic: Mechanic
    status: Status | Literal[""] = ""


@dataclass(frozen=True)
class Shared:
    """A mechanic of several tasks: `effect` is their mean, with a 90 % interval; `spread` the standard
    deviation of the true effects between tasks."""

    cause: str
    unit: str
    metric: str
    findings: tuple[Finding, ...]
    effect: float
    low: float
    high: float
    spread: float

    def __str__(self) -> str:
        each = (f"{f.task} {words.percent(f.mechanic.effect)}" for f in self.findings)
        signs = {f.mechanic.effect > 0 for f in self.findings}
        agreed = "all point one way" if len(signs) == 1 else "they point different ways"
        mean = words.interval(self.effect, self.low, self.high)
        return (
            f"{self.cause} {self.unit}: {self.metric} {mean} over "
            f"{words.count(len(self.findings), 'task')} ({', '.join(each)}); {agreed}, heterogeneity "
            f"{words.percent(self.spread).removeprefix('+')} between tasks."
        )


def findings(context: AgentContext, own: Iterable[Mechanic]) -> tuple[Finding, ...]:
    """What every task knows, one by one: this one's mechanics, then the skills' records with a mechanic that
    were not retired."""
    skills = [*([context.skill] if context.skill else []), *context.borrowed]
    records = [(skill.name, record) for skill in skills if skill.trusted for record in skill.knowledge]
    return (
        *(Finding(THIS_TASK, mechanic) for mechanic in own),
        *(
            Finding(name, record.mechanic, record.status)
            for name, record in records
            if record.mechanic is not None and record.status != "retired"
        ),
    )


def shared(found: Sequence[Finding]) -> tuple[Shared, ...]:
    """Mechanics that at least two tasks have, stated for the same unit; those that most tasks have first."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in found:
        m = finding.mechanic
        groups.setdefault((m.cause, m.unit, m.metric), []).append(finding)
    several = [group for group in groups.values() if len({f.task for f in group}) > 1]
    return tuple(_pooled(group) for group in sorted(several, key=len, reverse=True))


def _pooled(group: Sequence[Finding]) -> Shared:
    """A random-effects mean (DerSimonian & Laird 1986, Controlled Clinical Trials 7)."""
    effects = np.array([f.mechanic.effect for f in group])
    errors = np.array([(f.mechanic.high - f.mechanic.low) / (2.0 * Z90) for f in group])
    weights = 1.0 / np.maximum(errors, 1e-12) ** 2
    fixed = float(weights @ effects / weights.sum())
    surplus = float(weights @ (effects - fixed) ** 2) - (len(group) - 1)
    scale = float(weights.sum() - (weights**2).sum() / weights.sum())
    variance = max(surplus / scale, 0.0) if scale > 0 else 0.0
    weights = 1.0 / (1.0 / weights + variance)
    mean, half = float(weights @ effects / weights.sum()), Z90 * float(weights.sum()) ** -0.5
    m = group[0].mechanic
    return Shared(m.cause, m.unit, m.metric, tuple(group), mean, mean - half, mean + half, variance**0.5)
