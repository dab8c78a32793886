"""A single-file plugin that implements every hook, and writes down what it is given, in the file `heard`."""

import pickle
from pathlib import Path

from rectune_dsl.hooks.api import FormulaFunction, Settings
from rectune_dsl.hooks.specs import hookimpl


def write(hook, **given):
    with Path("heard").open("ab") as file:
        pickle.dump((hook, given), file)


@hookimpl
def rectune_register_agents(register):
    register("actor", "recorded", "rectune_dsl.agents.actor_random:RandomActor")
    write("rectune_register_agents", register=callable(register))


@hookimpl
def rectune_register_backends(register):
    register("recorded", "rectune_dsl.backends.simulator:SimulatorBackend")
    write("rectune_register_backends", register=callable(register))


@hookimpl
def rectune_register_deliveries(register):
    register("recorded", "nobody:asks_for_it")
    write("rectune_register_deliveries", register=callable(register))


@hookimpl
def rectune_register_settings(register):
    register("recorded", Settings)
    write("rectune_register_settings", register=callable(register))


@hookimpl
def rectune_register_llms(register):
    register("recorded", "nobody:asks_it")
    write("rectune_register_llms", register=callable(register))


@hookimpl
def rectune_register_functions(register):
    register("recorded", FormulaFunction("recorded", 1, lambda x: x, "x", monotone=("nondecreasing",)))
    write("rectune_register_functions", register=callable(register))


@hookimpl
def rectune_register_executors(register):
    register("recorded", "rectune_dsl.simulator.threads:Threads")
    write("rectune_register_executors", register=callable(register))


@hookimpl
def rectune_run_started(run, task):
    write("rectune_run_started", run=run, task=task)


@hookimpl
def rectune_approval_asked(run, step, asked_for, arms, expires):
    write("rectune_approval_asked", run=run, step=step, asked_for=asked_for, arms=arms, expires=expires)


@hookimpl
def rectune_arm_stopped(run, experiment, arm, why):
    write("rectune_arm_stopped", run=run, experiment=experiment, arm=arm, why=why)


@hookimpl
def rectune_round_finished(run, result):
    write("rectune_round_finished", run=run, result=result)


@hookimpl
def rectune_run_finished(run, verdict):
    write("rectune_run_finished", run=run, verdict=verdict)
