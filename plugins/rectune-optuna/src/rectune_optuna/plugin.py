"""What this plugin brings. Optuna is imported when a task names one of the actors, not before."""

from __future__ import annotations

from rectune_dsl.hooks.specs import RegisterAgent, hookimpl

rectune_api = 1


@hookimpl
def rectune_register_agents(register: RegisterAgent) -> None:
    register("actor", "optuna-tpe", "rectune_optuna.actors:TPEActor")
    register("actor", "optuna-gp", "rectune_optuna.actors:GPActor")
