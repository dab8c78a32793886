"""Puts a run's parts together."""

from __future__ import annotations

from functools import partial

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import UsageError
from rectune_dsl.memory import slots
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.lease import Lease
from rectune_dsl.memory.ledger import RunLedger
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.plugins.host import Host
from rectune_dsl.workflow.abort import ABORT, by_whom
from rectune_dsl.workflow.approval import Approver, Questions, Unattended
from rectune_dsl.workflow.campaign import Campaign
from rectune_dsl.workflow.clock import clock_of
from rectune_dsl.workflow.compile import compile_task
from rectune_dsl.workflow.deliveries import overtaken
from rectune_dsl.workflow.journaled import Abort
from rectune_dsl.workflow.models import model_of_step
from rectune_dsl.workflow.parts import Agents, Parts
from rectune_dsl.workflow.pause import Pause
from rectune_dsl.workflow.prepare import Loaded, header_of, hub
from rectune_dsl.workflow.providers import Providers
from rectune_dsl.workflow.surface import holdout_config, next_confirmation, surface_id
from rectune_dsl.workflow.watch import Watcher, silent


def campaign(
    run: str,
    loaded: Loaded,
    journal: Journal,
    host: Host,
    *,
    watch: Watcher = silent,
    approver: Approver | None = None,
    lease: Lease | None = None,
    stay: bool = True,
) -> Campaign:
    """The campaign of a run: with a fresh journal it starts, with a longer one it goes on.

    `approver` is who is here to answer questions, by default nobody. With a `lease` it is the only writer of
    the run. One that does not `stay` ends with Waiting when it has to wait. Raises UsageError for a run that
    was aborted, and where a file that `[llm]` names cannot be read.
    """
    header = header_of(journal, run)
    recorder = Recorder(journal, run, lease)
    if (aborted := recorder.recall(ABORT, Abort)) is not None:
        raise was_aborted(run, aborted)
    task, capabilities = loaded.task, loaded.backend.capabilities()
    clock = clock_of(capabilities)
    providers = Providers(task, loaded.folder, host)
    providers.check()
    pause = Pause(recorder, clock, stay, watch)
    return Campaign(
        Parts(
            workflow=compile_task(task),
            seed=header.seed,
            backend=loaded.backend,
            capabilities=capabilities,
            agents=_agents(task, host),
            clock=clock,
            recorder=recorder,
            hub=hub(header.task_path),
            skill=header.skill,
            borrowed=header.borrowed,
            surface=surface_id(task),
            watch=watch,
            pause=pause,
            questions=Questions(recorder, journal, approver or Unattended(), pause, watch),
            functions=loaded.functions,
            llm=partial(model_of_step, providers, RunLedger(journal.store, run)),
            holdout=partial(holdout_config, task, journal, run),
            next_confirmation=partial(next_confirmation, task, journal),
            overtaken=partial(overtaken, journal, run),
            release=partial(slots.release, journal.store, run),
        )
    )


def _agents(task: Task, host: Host) -> Agents:
    """The agents that the task names."""
    return Agents(
        actor=host.agent("actor", task.agents.actor),
        critic=host.agent("critic", task.agents.critic),
        online=host.agent("online", task.agents.online),
        insight=host.agent("insight", task.agents.insight),
        skill=host.agent("skill", task.agents.skill),
    )


def was_aborted(run: str, order: Abort) -> UsageError:
    """Says by whom, when and why. `rectune status` says whether that is finished."""
    return UsageError(
        f"run {run} was aborted {by_whom(order)}",
        help=f"start a new run with `rectune run`; `rectune status {run}` tells whether all is undone",
    )
