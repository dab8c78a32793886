"""What an agent's context holds, as sections of a prompt. Texts of others are capped and quoted as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rectune_dsl.agents import words
from rectune_dsl.agents.belief import objective
from rectune_dsl.agents.llm.prompt import Row, Section, capped, rounded
from rectune_dsl.agents.past import failures
from rectune_dsl.agents.safety import Safety
from rectune_dsl.dsl.params import Param
from rectune_dsl.dsl.stages import Stage
from rectune_dsl.experiments.intervals import Measured, lift
from rectune_dsl.hooks.api import AgentContext, Config, EliteArm, Insight, KnowledgeRecord, Mechanic, Skill
from rectune_dsl.skillhub.gate import alarm, wealth

NAME, ABOUT, STATEMENT, SLOT, FORMULA = 64, 200, 300, 1_200, 500
"""Most characters of one text: of a name, an `about`, a statement, a slot of a skill, a formula."""
BORROWED = 2
"""Skills beside the task's own: three in all."""
_SLOTS = ("context", "requirement", "north_star", "initial_config", "domain_knowledge", "tools")


def task_of(context: AgentContext) -> Section:
    """What is tuned, by which formulas, and what is left to spend."""
    task, budget = context.task, context.budget
    told: Row = {
        "task": task.task.name,
        "surface": task.task.surface,
        **_about(task.task.about),
        "round": context.round,
        "rounds left": budget.rounds,
        "arms per round": budget.arms,
        "users per arm": budget.users_per_arm,
        "days": budget.days,
        "largest step from production, as a share of a param's range": task.limits.step,
        "least chance that all guardrails hold": 1.0 - task.experiment.risk,
    }
    stages = [row for name, stage in task.stages.items() for row in _stage(name, stage)]
    rules = [{"constraint": name, "keeps": capped(c.text, FORMULA)} for name, c in task.constraints.items()]
    doubts = [{"doubt": capped(doubt, STATEMENT)} for doubt in context.doubts]
    broken = str(Safety(task, context.surrogate))
    return Section("task", (told, *stages, *rules, *doubts, *([{"now": broken}] if broken else [])))


def wanted(what: str) -> Section:
    """What code asks for, besides the standing instruction."""
    return Section("wanted", ({"wanted": what},))


def params_of(context: AgentContext) -> Section:
    return Section("params", tuple(_param(name, param) for name, param in context.task.params.items()))


def metrics_of(context: AgentContext) -> Section:
    """Every judged metric: its direction and weight where it is a goal, its limit where it is guarded."""
    guarded = context.task.guarded
    rows = []
    for name, metric in context.task.judged.items():
        row: dict[str, object] = {"metric": name, **_about(metric.about)}
        if metric.goal:
            row |= {"goal": metric.goal, "weight": metric.weight}
        if name in guarded:
            row |= {"guardrail": str(guarded[name])}
        rows.append(row)
    return Section("metrics", tuple(rows))


def elite_of(context: AgentContext, insight: Insight) -> Section:
    """Arms worth remembering: what they changed, measured lifts with 90 % intervals, and what is believed."""
    configs = [arm.config for arm in insight.elite]
    chances = context.surrogate.p_feasible(configs).tolist() if configs else []
    pairs = zip(insight.elite, chances, strict=True)
    return Section("best arms so far", tuple(_elite(context, arm, float(p)) for arm, p in pairs))


def failures_of(context: AgentContext) -> Section:
    found = failures(context.task, context.history)
    return Section(
        "arms known to fail",
        tuple(
            {"arm": f.arm, "changes": changed(context, f.config), "why": capped(f.why, STATEMENT)}
            for f in found
        ),
    )


def learnt_of(context: AgentContext, insight: Insight) -> Section:
    """Notes, and mechanics with their intervals: those that are known, and what is uncertain of the goals."""
    goals = context.task.north_stars
    known = [m for m in insight.mechanics if not m.low <= 0 <= m.high]
    uncertain = [m for m in insight.mechanics if m not in known and m.metric in goals]
    told = [{"note": capped(note, STATEMENT)} for note in insight.notes]
    return Section("what this task's experiments showed", (*told, *map(mechanic_row, [*known, *uncertain])))


def knowledge_of(records: Iterable[KnowledgeRecord]) -> Section:
    return Section("knowledge from other campaigns", tuple(record_row(record) for record in records))


def skills_of(context: AgentContext) -> list[Section]:
    """The slots of at most three skills. One that was imported and that nobody has activated is not told."""
    own = [context.skill] if context.skill else []
    skills = [skill for skill in (*own, *context.borrowed[:BORROWED]) if skill.trusted]
    return [_skill(skill, SLOT if skill in own else SLOT // 2) for skill in skills]


def changed(context: AgentContext, config: Config) -> Mapping[str, object]:
    """The params that differ from production."""
    production = context.task.production
    return {name: rounded(value) for name, value in config.values.items() if value != production.get(name)}


def record_row(record: KnowledgeRecord) -> Row:
    """A record with its evidence and counters. What it says in numbers is told by its mechanic."""
    told = {"record": capped(record.id, NAME), "says": capped(record.statement, STATEMENT)}
    if record.mechanic is not None:
        told |= {k: str(v) for k, v in mechanic_row(record.mechanic).items()}
    bounds = record.bounds
    return {
        **told,
        **({"bounds": f"{bounds.param} in [{bounds.low:g}, {bounds.high:g}]"} if bounds else {}),
        "status": record.status,
        "experiments for it": len(record.supports),
        "experiments against it": len(record.contradicts),
        "helpful": record.helpful,
        "harmful": record.harmful,
        "gate": f"bets for it made {wealth(record):.2f}, against it {alarm(record):.2f} (log wealth)",
        **({"why": capped(record.why, STATEMENT)} if record.why else {}),
    }


def mechanic_row(mechanic: Mechanic) -> Row:
    return {
        "cause": capped(mechanic.cause, ABOUT),
        "goes up by": capped(mechanic.unit, ABOUT),
        "metric": capped(mechanic.metric, ABOUT),
        "effect": words.interval(mechanic.effect, mechanic.low, mechanic.high),
    }


def measured_lifts(context: AgentContext, arm: str, metrics: Sequence[str]) -> dict[str, str]:
    """What an arm's experiment showed, with 90 % intervals."""
    for result in context.history:
        if arm in result.estimates.arms:
            here = [m for m in metrics if m in result.estimates.metrics]
            seen = {metric: lift(result.estimates, arm, metric) for metric in here}
            return {metric: _interval(found) for metric, found in seen.items() if found is not None}
    return {}


def _stage(name: str, stage: Stage) -> Iterator[Row]:
    yield {"stage": name, "score": capped(stage.score.text, FORMULA), **_about(stage.about)}
    for term, formula in stage.terms.items():
        yield {"stage": name, "term": term, "is": capped(formula.text, FORMULA)}


def _about(text: str) -> dict[str, str]:
    """What people wrote of it, where they wrote anything."""
    return {"about": capped(text, ABOUT)} if text else {}


def _interval(found: Measured) -> str:
    return words.interval(found.value, *found.interval())


def _param(name: str, param: Param) -> Row:
    return {
        "param": name,
        "production": rounded(param.production),
        "low": rounded(param.low),
        "high": rounded(param.high),
        "scale": param.scale,
        **({"type": "int"} if param.type == "int" else {}),
        **_about(param.about),
    }


def _elite(context: AgentContext, arm: EliteArm, p_feasible: float) -> Row:
    return {
        "arm": arm.arm,
        "changes": changed(context, arm.config),
        "measured": measured_lifts(context, arm.arm, tuple(context.task.judged)),
        "believed": words.lift(objective(context.surrogate, arm.config)),
        "all guardrails hold with": words.chance(p_feasible),
    }


def _skill(skill: Skill, longest: int) -> Section:
    slots: list[Row] = [{slot: capped(getattr(skill, slot), longest)} for slot in _SLOTS]
    values = {"initial values": {name: rounded(value) for name, value in skill.initial_values.items()}}
    told: Row = {"skill": capped(skill.name, 64), "description": capped(skill.description, ABOUT)}
    return Section(
        f"skill {capped(skill.name, 64)}", (told, *slots, *([values] if skill.initial_values else []))
    )
