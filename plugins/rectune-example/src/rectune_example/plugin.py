"""What this plugin brings, and what it listens to: hooks are found by name, wherever they come from."""

from __future__ import annotations

from rectune_dsl.hooks.specs import Register, RegisterAgent, hookimpl
from rectune_example.webhook import (
    rectune_approval_asked,
    rectune_arm_stopped,
    rectune_round_finished,
    rectune_run_finished,
)

__all__ = [
    "rectune_approval_asked",
    "rectune_arm_stopped",
    "rectune_register_agents",
    "rectune_register_functions",
    "rectune_round_finished",
    "rectune_run_finished",
]

rectune_api = 1


@hookimpl
def rectune_register_agents(register: RegisterAgent) -> None:
    register("critic", "smallest-first", "rectune_example.critic:SmallestFirst")


@hookimpl
def rectune_register_functions(register: Register) -> None:
    register("fade", "rectune_example.function:FADE")
