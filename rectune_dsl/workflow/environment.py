"""What task files may name, given the loaded plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.formula.functions import Signature
from rectune_dsl.simulator.worlds import WORLDS

if TYPE_CHECKING:
    from rectune_dsl.hooks.api import FormulaFunction
    from rectune_dsl.plugins.host import Host


def environment(host: Host, skills: frozenset[str] | None = None) -> Environment:
    """The names that `check` accepts: plugin functions, agents by role, backends, executors, worlds,
    providers of language models, deliveries; `skills`, where they are looked for; and what imports plugins'
    settings."""
    functions = host.loaded("function")
    signatures = {name: _signature(f) for name, f in functions.items()}
    implementations = {name: f.evaluate for name, f in functions.items()}
    return Environment(
        functions=signatures,
        agents=host.agents(),
        backends=host.names("backend"),
        implementations=implementations,
        executors=host.names("executor"),
        worlds=frozenset(WORLDS),
        llms=host.names("llm"),
        deliveries=host.names("delivery"),
        skills=skills,
        settings=host.settings(),
    )


def _signature(function: FormulaFunction) -> Signature:
    count = function.arguments
    return Signature(count, count, function.about, function.range, function.monotone)
