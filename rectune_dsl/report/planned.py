"""A plan as one JSON object, for scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.hooks.api import Capabilities
from rectune_dsl.report.support import advice
from rectune_dsl.workflow.compile import Workflow
from rectune_dsl.workflow.schedule import Schedule
from rectune_dsl.workflow.traffic import Power, Traffic


@dataclass(frozen=True)
class Assumed:
    """The chance to ship under stated truths; None where it is not known."""

    when: str
    lifts: Mapping[str, float]
    chance: float | None


@dataclass(frozen=True)
class Plan:
    """What a campaign would do, and what that can show; `power` is None where nobody knows."""

    workflow: Workflow
    capabilities: Capabilities
    traffic: Traffic
    schedule: Schedule
    power: Power | None
    assumed: tuple[Assumed, ...]


def plan_json(plan: Plan, problems: Sequence[Diagnostic]) -> str:
    """Everything that a plan shows in figures. Numbers that do not exist are null."""
    task, power, schedule = plan.workflow.task, plan.power, plan.schedule
    shown = {
        "task": task.task.name,
        "surface": task.task.surface,
        "backend": plan.capabilities.description,
        "steps": [step.name for step in plan.workflow.steps],
        "params": {
            name: {"production": param.production, "low": param.low, "high": param.high}
            for name, param in task.params.items()
        },
        "traffic": asdict(plan.traffic),
        "schedule": {
            "begins": schedule.begins.isoformat(),
            "ends": schedule.ends.isoformat(),
            "frozen": schedule.frozen,
        },
        "power": None if power is None else _power(power),
        "support": {} if power is None else {arm: asdict(own) for arm, own in power.support.items()},
        "advice": [] if power is None else list(advice(power.support)),
        "assumed": [asdict(own) for own in plan.assumed],
        "problems": [
            {"code": p.code, "severity": p.severity, "line": p.line, "message": p.message, "help": p.help}
            for p in problems
        ],
    }
    return json.dumps(shown, indent=2, ensure_ascii=False, allow_nan=False)


def _power(power: Power) -> dict[str, object]:
    return {
        "confirmation": power.confirmation,
        "chances": [{"gain": gain, "chance": chance} for gain, chance in power.chances],
        "large": power.large,
        "ceiling": power.ceiling,
        "needed": power.needed,
        "alone": dict(power.alone),
        "needed_each": dict(power.needed_each),
        "later": [{"confirmation": number, "chance": chance} for number, chance in power.later],
        "missing": dict(power.confirm.missing),
    }
