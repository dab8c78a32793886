"""Whether a name is unknown because a plugin that did not load would have brought it."""

from __future__ import annotations

from collections.abc import Iterable

from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.plugins.host import Host

_UNREGISTERED = frozenset({"RT502", "RT503", "RT507", "RT515", "RT519", "RT520"})
"""Rules about names that nobody registered."""


def missed(problems: Iterable[Diagnostic], host: Host) -> str:
    """What to look at where a task names what nobody registered, and a plugin that may bring it is broken;
    empty where that is not so."""
    return lost(host) if any(map(_is_unregistered, problems)) else ""


def lost(host: Host) -> str:
    """The same of a name that nobody registered; empty where every plugin was loaded."""
    broken = host.broken()
    if not broken:
        return ""
    tells = " and ".join(f"`rectune plugins --why {plugin.name}`" for plugin in broken)
    return f"what is missing may come with a plugin that did not load: {tells} tells why"


def _is_unregistered(problem: Diagnostic) -> bool:
    is_call = problem.code == "RT201" and problem.message.startswith("there is no function")
    return problem.severity == "error" and (problem.code in _UNREGISTERED or is_call)
