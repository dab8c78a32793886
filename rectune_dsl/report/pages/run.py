"""The page of one run: the verdict first, and then what stands behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rectune_dsl.report.facts.records import Facts
from rectune_dsl.report.pages import ends, forest, knowledge, origin, progress, story, tradeoffs, tuned
from rectune_dsl.report.pages.blocks import Block, Page, Section
from rectune_dsl.report.words import moment

Blocks = tuple[Block, ...]
SLATES = "slates"
"""The section of what needs a backend."""
_SECTIONS: tuple[tuple[str, str, Callable[[Facts], Blocks]], ...] = (
    ("verdict", "Verdict", ends.verdict),
    ("arms", "Arms", forest.arms),
    ("progress", "Objective and safe gain", progress.progress),
    ("tradeoffs", "What is traded for what", tradeoffs.tradeoffs),
    ("params", "Params", tuned.params),
    ("mechanics", "Mechanics", knowledge.mechanics),
    (SLATES, "What changes in slates", tuned.slates),
    ("timeline", "Proposals, round by round", story.timeline),
    ("predictions", "Predictions against outcomes", story.predictions),
    ("skills", "Skills learnt", knowledge.skills),
    ("cost", "Cost", origin.cost),
    ("provenance", "Provenance", origin.provenance),
)

_TOLD = {"verdict", "arms", "params", "mechanics", "timeline", "skills", "cost"}
"""Sections with all that happened: the others show its numbers once more, or ask a backend."""


def page(facts: Facts) -> Page:
    """Everything that is known of a run. Sections are always there: an empty one says why it is."""
    sections = tuple(Section(name, title, made(facts)) for name, title, made in _SECTIONS)
    return Page(facts.task, _about(facts), sections)


def told(facts: Facts) -> Page:
    """The same where nothing can be drawn: the sections that tell what happened."""
    whole = page(facts)
    return replace(whole, sections=tuple(section for section in whole.sections if section.name in _TOLD))


def which(facts: Facts) -> str:
    """What the run is, in a line."""
    return (
        f"Run {facts.run} on surface {facts.surface}, backend {facts.provenance.backend}, "
        f"seed {facts.provenance.seed}, started {moment(facts.provenance.started)}."
    )


def _about(facts: Facts) -> tuple[str, ...]:
    agents = ", ".join(f"{role} {name}" for role, name in facts.provenance.agents.items())
    return tuple(filter(None, (facts.about, which(facts), f"Agents: {agents}.")))
