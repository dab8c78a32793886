"""What the command line chooses over a task file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.hooks.api import PluginError, UsageError
from rectune_dsl.plugins.host import Host
from rectune_dsl.workflow.missed import lost


@dataclass(frozen=True)
class Choices:
    """`seed` keys every random choice; an agent's or the backend's name stands for the one in the file."""

    seed: int = 0
    agents: Mapping[str, str] = field(default_factory=dict)
    backend: str = ""
    plugin_files: tuple[str, ...] = ()


def refuse_unknown(choices: Choices, host: Host) -> None:
    """Raises UsageError where nobody registered a name or there is no such role; PluginError where one that
    did not load may have brought it."""
    agents = host.agents()
    for role, name in choices.agents.items():
        if role not in agents:
            help = f"write role=name; {did_you_mean(role, agents)}"
            raise UsageError(f"there is no agent role {role!r}", help=help)
        _refuse(host, f"--agent: there is no {role} {name!r}", name, agents[role])
    if choices.backend:
        message = f"--backend: there is no backend {choices.backend!r}"
        _refuse(host, message, choices.backend, host.names("backend"))


def _refuse(host: Host, message: str, name: str, known: Collection[str]) -> None:
    if name in known:
        return
    if help := lost(host):
        raise PluginError(message, help=help)
    raise UsageError(message, help=did_you_mean(name, known) or "`rectune plugins` lists what is loaded")
