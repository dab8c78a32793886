"""The hooks. A plugin implements some of them, marked with `hookimpl`; these docstrings are their reference.

What is registered is an object or, so that nothing is imported before it is used, a string
`"module:attribute"`. Each name has one owner: a plugin that registers a name that is taken does not load.

Of events a listener takes those arguments that it needs. It is called in the process that runs the campaign,
which waits for it; where it fails, that is warned of, and the campaign goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

import pluggy

if TYPE_CHECKING:
    from rectune_dsl.hooks.api import AskedFor, RoundResult, Verdict

hookspec = pluggy.HookspecMarker("rectune")
hookimpl = pluggy.HookimplMarker("rectune")

Role = Literal["actor", "critic", "online", "insight", "skill"]
Register = Callable[[str, object], None]


class RegisterAgent(Protocol):
    def __call__(self, role: Role, name: str, factory: object) -> None: ...


@hookspec
def rectune_register_agents(register: RegisterAgent) -> None:
    """Call `register(role, name, factory)`: `factory()` makes the agent that `[agents]` names.

    Where the factory has a true attribute `asks_model`, its agents are given the task's language model, as
    `context.llm`."""


@hookspec
def rectune_register_backends(register: Register) -> None:
    """Call `register(name, factory)`: `factory(BackendContext)` makes an `ABBackend`."""


@hookspec
def rectune_register_deliveries(register: Register) -> None:
    """Call `register(name, factory)`: `factory(BackendContext)` makes a `Delivery`, which serves the arms
    that a backend measures. `[experiment] delivery` names it."""


@hookspec
def rectune_register_settings(register: Register) -> None:
    """Call `register(name, model)` with a subclass of `Settings`: what the table `[plugins.NAME]` may have,
    for the backend or delivery of that name. `rectune check` then says what is wrong in it, and where. It is
    imported only for a task that has the table."""


@hookspec
def rectune_register_llms(register: Register) -> None:
    """Call `register(name, factory)`: `factory(ModelSettings)` makes an `LLM`. Its name is that of an agent
    too, in every role: `actor = "NAME"` is the built-in agent `llm` asking this model."""


@hookspec
def rectune_register_functions(register: Register) -> None:
    """Call `register(name, function)` with a `FormulaFunction` that formulas may call."""


@hookspec
def rectune_register_executors(register: Register) -> None:
    """Call `register(name, factory)`: `factory()` makes an `Executor` that `[simulator]` may name. It starts
    what it needs when it is first used."""


@hookspec
def rectune_run_started(run: str, task: str) -> None:
    """A run begins. `run` is its id, `task` the name of its task."""


@hookspec
def rectune_approval_asked(
    run: str, step: str, asked_for: AskedFor, arms: tuple[str, ...], expires: datetime | None
) -> None:
    """A run waits for people: `rectune approve RUN` or `rectune reject RUN`. `expires` is when silence
    becomes a no, None where it never does. Told at least once for each question."""


@hookspec
def rectune_arm_stopped(run: str, experiment: str, arm: str, why: str) -> None:
    """An arm's harm is shown, and it takes no more traffic. `experiment` is the experiment's key. Told at
    least once."""


@hookspec
def rectune_round_finished(run: str, result: RoundResult) -> None:
    """A round's experiment has ended and its result stands in the journal. Told at least once."""


@hookspec
def rectune_run_finished(run: str, verdict: Verdict) -> None:
    """A run has its verdict, and what it ships is delivered. Told at least once."""
