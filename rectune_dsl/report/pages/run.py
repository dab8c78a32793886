"""The page of one run: the verdict first, and then what stands behind it."""

from __future__ import annotations

from collections.abc import Callable

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


def page(facts: Facts) -> Page:
    """Everything that is known of a run. Sections are always there: an empty one says why it is."""
    agents = ", ".join(f"{role} {name}" for role, name in facts.provenance.agents.items())
    about = (
        facts.about,
        f"Run {facts.run} on surface {facts.surface}, backend {facts.provenance.backend}, "
        f"seed {facts.provenance.seed}, started {moment(facts.provenance.started)}.",
        f"Agents: {agents}.",
    )
    sections = tuple(Section(name, title, made(facts)) for name, title, made in _SECTIONS)
    return Page(facts.task, tuple(filter(None, about)), sections)
