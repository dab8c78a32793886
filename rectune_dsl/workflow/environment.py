"""What task files may name, given the loaded plugins."""

from __future__ import annotations

from rectune_dsl.dsl.check import Environment
from rectune_dsl.dsl.formula.functions import Signature
from rectune_dsl.plugins.host import Host


def environment(host: Host) -> Environment:
    """The names that `check` accepts: plugin functions, agents by role, backends."""
    functions = {
        name: Signature(f.arguments, f.arguments, f.about) for name, f in host.loaded("function").items()
    }
    return Environment(functions, host.agents(), host.names("backend"))
