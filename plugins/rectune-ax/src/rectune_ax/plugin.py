"""What this plugin brings. Ax, and with it PyTorch, is imported when a task names the actor, not before."""

from __future__ import annotations

from rectune_dsl.hooks.specs import RegisterAgent, hookimpl

rectune_api = 1


@hookimpl
def rectune_register_agents(register: RegisterAgent) -> None:
    register("actor", "ax", "rectune_ax.actor:AxActor")
