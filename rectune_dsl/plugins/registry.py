"""What plugins register, under names of which each has one owner."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from rectune_dsl.dsl.table import Table
from rectune_dsl.hooks.errors import PluginError, UsageError
from rectune_dsl.hooks.specs import Role

ROLES: tuple[Role, ...] = get_args(Role)
DUTIES: Mapping[Role, tuple[str, ...]] = {
    "actor": ("propose", "recommend"),
    "critic": ("review",),
    "online": ("design", "step"),
    "insight": ("learn",),
    "skill": ("evolve",),
}
"""The methods an agent has to have."""
SERVING = ("check", "create", "start", "set_exposure", "stop", "deliver", "rollback")
"""Those of whoever serves arms."""
METHODS: Mapping[str, tuple[str, ...]] = {
    "backend": (*SERVING, "capabilities", "observe"),
    "delivery": SERVING,
}
"""The methods a backend and a delivery have to have."""
Kind = Literal["agent", "backend", "delivery", "settings", "llm", "function", "executor"]


@dataclass(frozen=True)
class Registered:
    """One registration: the object, or the `module:attribute` it is imported from when first used."""

    kind: Kind
    name: str
    target: object
    plugin: str

    def load(self) -> Any:
        """The registered object. Raises PluginError when it cannot be imported."""
        try:
            return self._fit(resolved(self.target))
        except Exception as error:
            raise PluginError(
                f"plugin {self.plugin!r} promised {self.kind} {self.name!r}, but {self.target} "
                f"could not be loaded: {type(error).__name__}: {error}",
                help=f"update or uninstall {self.plugin}",
            ) from error

    def _fit(self, loaded: Any) -> Any:
        """What was loaded, if it is what its kind has to be. Raises TypeError."""
        if self.kind == "function":
            from rectune_dsl.hooks.compute import FormulaFunction  # few tasks call a plugin's function

            if not isinstance(loaded, FormulaFunction):
                raise TypeError(f"{type(loaded).__name__} is no FormulaFunction")
        if self.kind == "settings" and not (isinstance(loaded, type) and issubclass(loaded, Table)):
            raise TypeError(f"{self.target} is no subclass of Settings")
        if self.kind in ("agent", "backend", "delivery", "llm", "executor") and not callable(loaded):
            raise TypeError(f"{type(loaded).__name__} cannot be called to make one")
        return loaded


class Registry:
    """All registrations, by kind and name. The name of an agent has its role before it: `actor/bayes`."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Kind, str], Registered] = {}

    def keep(self, registered: Registered) -> None:
        """Raises UsageError where somebody else has the name."""
        key = (registered.kind, registered.name)
        if (taken := self._kept.get(key)) is not None:
            raise UsageError(
                f"{registered.kind} {registered.name!r} is already registered by {taken.plugin}",
                help="register it under another name, or uninstall one of the two",
            )
        self._kept[key] = registered

    def drop(self, plugin: str) -> None:
        """Forget all that a plugin has registered."""
        self._kept = {key: kept for key, kept in self._kept.items() if kept.plugin != plugin}

    def get(self, kind: Kind, name: str) -> Registered | None:
        return self._kept.get((kind, name))

    def of(self, kind: Kind) -> tuple[Registered, ...]:
        return tuple(kept for kept in self._kept.values() if kept.kind == kind)

    def all(self) -> tuple[Registered, ...]:
        return tuple(self._kept.values())


def resolved(target: object) -> Any:
    """An object, or what `module:attribute` names."""
    if not isinstance(target, str):
        return target
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)
