"""A skill for a task that none covers: its six slots, by what the task file says."""

from __future__ import annotations

from rectune_dsl.agents import words
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import NovelSkill


def novel_skill(task: Task) -> NovelSkill:
    """Nothing in it is known by experience: that is what its records are for."""
    name, surface = task.task.name, task.task.surface
    tuned = words.listed(task.params)
    about = task.task.about or f"Tunes {tuned}."
    stars = (f"{star} ({metric.goal}, weight {metric.weight:g})" for star, metric in task.north_stars.items())
    limits = [f"- {metric} {limit}" for metric, limit in task.guarded.items()]
    return NovelSkill(
        description=f"Tune the task {name} of {surface}. Use when a task tunes {tuned}.",
        context=f"{about} The params are numbers of the formulas of {words.listed(task.stages)}.",
        requirement="\n".join(["Raise the weighted north stars while all guardrails hold:", "", *limits]),
        north_star=f"The weighted lifts of {words.listed(stars)}.",
        initial_config="Production: no other start is known to be better.",
        domain_knowledge="Nothing was known when this skill was made. What experiments have shown since:",
        tools="`rectune plan` for what the traffic can show; the panel, to see what a config does to slates.",
    )
