"""What a run cost, where it comes from, and how to run it again."""

from __future__ import annotations

from rectune_dsl.report.costs import costs_table
from rectune_dsl.report.facts.records import Facts, Provenance
from rectune_dsl.report.pages.blocks import Block, Code, Folded, Prose, Titled
from rectune_dsl.report.tables import table
from rectune_dsl.report.words import count, moment
from rectune_dsl.skillhub.revisions import SHORT


def cost(facts: Facts) -> tuple[Block, ...]:
    """Traffic, and what language models were paid."""
    until = f", until {facts.until[:10]}" if facts.until else ""
    experiments = count(facts.experiments, "experiment")
    traffic = (
        f"{experiments} used {count(facts.users, 'user')} on {count(facts.days, 'day')}{until}."
        if facts.users
        else f"{experiments}, and no users of its own: nobody was served."
        if facts.experiments
        else "No experiment was run."
    )
    if not facts.costs:
        return (Prose(traffic), Prose("No language model was asked."))
    return (Prose(traffic), costs_table(facts.costs))


def _changed(origin: Provenance) -> tuple[Block, ...]:
    if not origin.is_changed:
        return ()
    return (
        Prose("The task's files have changed since, or are gone: save the text below under its name first."),
    )


def _knowing(facts: Facts) -> tuple[Block, ...]:
    """What a second run would know that this one did not, and how to make it forget."""
    skill, revision = facts.provenance.skill, facts.provenance.skill_revision[:SHORT]
    if not skill:
        return ()
    begins = (
        f"It begins with what skills know then; this one began with {skill} at revision {revision}, and "
        "told it "
    )
    rollback = f"rectune skills rollback {skill} {revision}"
    if not any(record.skill == skill for record in facts.records):
        return (Prose(f"{begins}nothing. `{rollback}` takes back what others have told it since, if any."),)
    words = (
        "more. To begin with that again, roll back first. What other skills lend it is today's all the same."
    )
    return (Prose(f"{begins}{words}"), Code(rollback))


def provenance(facts: Facts) -> tuple[Block, ...]:
    """All that the run was started with."""
    origin = facts.provenance
    skill = f"{origin.skill} at revision {origin.skill_revision[:SHORT]}" if origin.skill else "none"
    rows = [
        ["run", facts.run],
        ["started", moment(origin.started)],
        ["rectune", origin.rectune],
        ["task file", origin.task_path],
        ["seed", str(origin.seed)],
        ["backend", origin.backend],
        *([f"{role} agent", name] for role, name in origin.agents.items()),
        ["skill", skill],
        *(["plugin", f"{name} {version}"] for name, version in origin.plugins.items()),
        *(["plugin file", path] for path in origin.plugin_files),
    ]
    texts = {origin.task_path: origin.task_text, **origin.bases}
    return (
        table("what it was started with", ("what", "value"), rows),
        Titled("Run it again", (*_changed(origin), Code(origin.command), *_knowing(facts))),
        *(Folded(f"Task text as journalled: {path}", (Code(text),)) for path, text in texts.items()),
    )
