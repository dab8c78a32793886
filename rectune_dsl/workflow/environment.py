"""What task files may name, given the loaded plugins."""

from __future__ import annotations

from rectune_dsl.dsl.check import Environment
from rectune_dsl.dsl.formula.functions import Signature
from rectune_dsl.plugins.host import Host


def environment(host: Host) -> Environment:
    """The names that `check` accepts: plugin functions, agents by role, backends."""
    functions = host.loaded("function")
    signatures = {name: Signature(f.arguments, f.arguments, f.about) for name, f in functions.items()}
    implementations = {name: f.evaluate for name, f in functions.items()}
    return Environment(signatures, host.agents(), host.names("backend"), implementations)
