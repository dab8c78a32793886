"""Loads plugins and keeps what they register. A plugin that fails is named and left out."""

from __future__ import annotations

import importlib
import importlib.util
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

import click
import pluggy

from rectune_dsl.dsl.llm import ASKING
from rectune_dsl.dsl.table import Table
from rectune_dsl.hooks import specs
from rectune_dsl.hooks.errors import BackendError, PluginError, UsageError
from rectune_dsl.hooks.models import ModelSettings, NoAnswerError
from rectune_dsl.hooks.specs import Role
from rectune_dsl.plugins.guard import Guarded, guarded

GROUP = "rectune"
"""The entry-point group of plugins."""
ROLES: tuple[Role, ...] = get_args(Role)
DUTIES: Mapping[Role, tuple[str, ...]] = {
    "actor": ("propose", "recommend"),
    "critic": ("review",),
    "online": ("design", "step"),
    "insight": ("learn",),
    "skill": ("evolve",),
}
"""The methods an agent has to have."""
Kind = Literal["agent", "backend", "delivery", "settings", "llm", "function", "executor", "command"]


@dataclass(frozen=True)
class Plugin:
    """A plugin as `rectune plugins` lists it. `failure` is empty when it loaded."""

    name: str
    version: str
    origin: str
    hooks: tuple[str, ...] = ()
    failure: str = ""


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
            return self._fit(_resolve(self.target))
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
        if self.kind == "command" and not isinstance(loaded, click.Command):
            raise TypeError(f"{type(loaded).__name__} is no click.Command")
        if self.kind in ("agent", "backend", "delivery", "llm", "executor") and not callable(loaded):
            raise TypeError(f"{type(loaded).__name__} cannot be called to make one")
        return loaded


class Host:
    """All plugins of this process, the built-in one first."""

    def __init__(self, files: Sequence[Path] = (), warn: Callable[[str], None] = warnings.warn) -> None:
        """Load all plugins, then single files. `warn` is told of whatever fails."""
        self._warn = warn
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(specs)
        self._registered: dict[tuple[str, str], Registered] = {}
        self.plugins: list[Plugin] = []
        self._load("rectune", _version("rectune"), "built in", _import("rectune_dsl.plugins.builtin"))
        for entry in sorted(metadata.entry_points(group=GROUP), key=lambda e: e.name):
            version = entry.dist.version if entry.dist else ""
            self._load(entry.name, version, entry.value, entry.load)
        for file in files:
            self._load(file.stem, "", str(file), partial(_module_from, file))

    def agent(self, role: Role, name: str) -> Any:
        """A new agent. Raises PluginError when nobody registered it."""
        words = f"{role} {name!r}"
        kind = "llm" if self._is_named_after_provider(role, name) else name
        make = self._find("agent", f"{role}/{kind}", words).load()
        agent = guarded(make, words, PluginError)()
        if missing := [duty for duty in DUTIES[role] if not callable(getattr(agent, duty, None))]:
            raise PluginError(f"{words} has no method `{missing[0]}`", help="update or uninstall its plugin")
        return Guarded(agent, words, PluginError)

    def backend(self, name: str) -> Callable[..., Any]:
        """The factory of a backend. Raises PluginError when nobody registered it."""
        return self._maker("backend", name)

    def delivery(self, name: str) -> Callable[..., Any]:
        """The factory of a delivery. Raises PluginError when nobody registered it."""
        return self._maker("delivery", name)

    def llm(self, name: str) -> Callable[[ModelSettings], Any]:
        """The factory of a language model's provider. Raises PluginError when nobody registered it."""
        words = f"llm {name!r}"
        make = guarded(self._find("llm", name, words).load(), words, PluginError)
        return lambda settings: Guarded(make(settings), words, partial(NoAnswerError, outcome="refused"))

    def executor(self, name: str) -> Any:
        """A new executor. Raises PluginError when nobody registered it."""
        words = f"executor {name!r}"
        make = guarded(self._find("executor", name, words).load(), words, PluginError)
        return Guarded(make(), words, BackendError)

    def provider(self, role: Role, name: str, default: str) -> str:
        """The provider of language models that an agent asks: the one it is named after, or `default`; empty
        for an agent that asks none."""
        if self._is_named_after_provider(role, name):
            return name
        factory = self._find("agent", f"{role}/{name}", f"{role} {name!r}").load()
        return default if name in ASKING or getattr(factory, "asks_model", False) else ""

    def agents(self) -> Mapping[str, frozenset[str]]:
        """The agents' names by role: those that are registered, and providers' where there is an agent `llm`
        to ask them."""
        names = [key.split("/", 1) for kind, key in self._registered if kind == "agent"]
        found = {role: frozenset(name for r, name in names if r == role) for role in ROLES}
        return {role: of | self.names("llm") if "llm" in of else of for role, of in found.items()}

    def names(self, kind: Kind) -> frozenset[str]:
        return frozenset(name for k, name in self._registered if k == kind)

    def loaded(self, kind: Kind) -> dict[str, Any]:
        """Every registered object of a kind, imported; one that cannot be is warned of and left out."""
        found = {}
        for (of, name), registered in self._registered.items():
            if of == kind:
                try:
                    found[name] = registered.load()
                except PluginError as error:
                    self._warn(str(error))
        return found

    def settings(self) -> Mapping[str, Callable[[], type[Table] | None]]:
        """What imports the settings of each plugin that registered some: None, and a warning, where it cannot
        be imported."""

        def load(registered: Registered) -> type[Table] | None:
            try:
                found: type[Table] = registered.load()
            except PluginError as error:
                self._warn(str(error))
                return None
            return found

        return {n: partial(load, r) for (kind, n), r in self._registered.items() if kind == "settings"}

    def registered(self) -> tuple[Registered, ...]:
        return tuple(self._registered.values())

    def hooks(self) -> tuple[tuple[str, str], ...]:
        """Every hook with the first line of its documentation."""
        listed = []
        for name, function in vars(specs).items():
            if name.startswith("rectune_"):
                listed.append((name, " ".join((function.__doc__ or "").split("\n\n")[0].split())))
        return tuple(listed)

    def emit(self, event: str, **facts: object) -> None:
        """Tell plugins of an event. A listener that fails is warned of and does not stop the run."""
        for listener in getattr(self._manager.hook, event).get_hookimpls():
            try:
                listener.function(**{name: facts[name] for name in listener.argnames})
            except Exception as error:
                self._warn(f"plugin {listener.plugin_name}: {event} failed: {type(error).__name__}: {error}")

    def _is_named_after_provider(self, role: Role, name: str) -> bool:
        return ("agent", f"{role}/{name}") not in self._registered and ("llm", name) in self._registered

    def _maker(self, kind: Literal["backend", "delivery"], name: str) -> Callable[..., Any]:
        words = f"{kind} {name!r}"
        make = guarded(self._find(kind, name, words).load(), words, BackendError)
        return lambda context: Guarded(make(context), words, BackendError)

    def _find(self, kind: Kind, key: str, words: str) -> Registered:
        if (found := self._registered.get((kind, key))) is not None:
            return found
        prefix = key.rpartition("/")[0]
        known = sorted(
            k.rpartition("/")[2] for (kd, k) in self._registered if kd == kind and k.startswith(prefix)
        )
        broken = ", ".join(f"{p.name} {p.version}" for p in self.plugins if p.failure)
        raise PluginError(
            f"there is no {words}" + (f"; these plugins failed to load: {broken}" if broken else ""),
            help=f"known: {', '.join(known) or 'none'}; `rectune plugins` lists what is loaded",
        )

    def _load(self, name: str, version: str, origin: str, load: Callable[[], Any]) -> None:
        try:
            plugin = load()
            self._manager.register(plugin, name)
            self._manager.check_pending()
            self._collect(name)
        except Exception as error:
            if (broken := self._manager.get_plugin(name)) is not None:
                self._manager.unregister(broken)
            self._registered = {k: r for k, r in self._registered.items() if r.plugin != name}
            failure = _tail(error)
            self.plugins.append(Plugin(name, version, origin, failure=failure))
            reason = failure.splitlines()[-1]
            self._warn(f"plugin {name} {version} did not load and is left out: {reason}")
            return
        hooks = tuple(caller.name for caller in self._manager.get_hookcallers(plugin) or ())
        self.plugins.append(Plugin(name, version, origin, hooks))

    def _collect(self, plugin: str) -> None:
        """Ask the plugin just registered what it brings."""
        hook = self._manager.subset_hook_caller
        others = [p for n, p in self._manager.list_name_plugin() if n != plugin and p is not None]

        def keep(kind: Kind) -> specs.Register:
            def register(name: str, target: object) -> None:
                self._keep(Registered(kind, name, target, plugin))

            return register

        def register_agent(role: Role, name: str, factory: object) -> None:
            if role not in ROLES:
                raise UsageError(f"there is no agent role {role!r}", help=f"roles: {', '.join(ROLES)}")
            self._keep(Registered("agent", f"{role}/{name}", factory, plugin))

        hook("rectune_register_agents", others)(register=register_agent)
        hook("rectune_register_backends", others)(register=keep("backend"))
        hook("rectune_register_deliveries", others)(register=keep("delivery"))
        hook("rectune_register_settings", others)(register=keep("settings"))
        hook("rectune_register_llms", others)(register=keep("llm"))
        hook("rectune_register_functions", others)(register=keep("function"))
        hook("rectune_register_executors", others)(register=keep("executor"))
        hook("rectune_register_commands", others)(register=keep("command"))

    def _keep(self, registered: Registered) -> None:
        key = (registered.kind, registered.name)
        if (taken := self._registered.get(key)) is not None:
            raise UsageError(
                f"{registered.kind} {registered.name!r} is already registered by {taken.plugin}",
                help="register it under another name, or uninstall one of the two",
            )
        self._registered[key] = registered


def _resolve(target: object) -> Any:
    if not isinstance(target, str):
        return target
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _import(module: str) -> Callable[[], ModuleType]:
    return lambda: importlib.import_module(module)


def _module_from(file: Path) -> ModuleType:
    if not file.is_file():
        raise UsageError(f"there is no plugin file {file}", help="give the path of a .py file")
    spec = importlib.util.spec_from_file_location(f"rectune_plugin_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file} is not a Python file", help="give the path of a .py file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _tail(error: Exception) -> str:
    """The last lines of a traceback: enough to find the fault, short enough to read in a list."""
    return "".join(traceback.format_exception(error)[-2:]).strip()
