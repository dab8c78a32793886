"""Loads plugins and keeps what they register. A plugin that fails is named and left out."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import pluggy

from rectune_dsl.dsl.llm import ASKING
from rectune_dsl.dsl.table import Table
from rectune_dsl.hooks import specs
from rectune_dsl.hooks.errors import BackendError, PluginError, UsageError
from rectune_dsl.hooks.models import ModelSettings, NoAnswerError
from rectune_dsl.hooks.specs import Role
from rectune_dsl.hooks.version import API_VERSION
from rectune_dsl.plugins import sound
from rectune_dsl.plugins.finding import GROUP, Found, built_in, from_file, installed
from rectune_dsl.plugins.guard import Guarded, guarded
from rectune_dsl.plugins.registry import DUTIES, METHODS, ROLES, Kind, Registered, Registry


@dataclass(frozen=True)
class Plugin:
    """A plugin as `rectune plugins` lists it. `api` is the version of the hooks that it is written for.
    `failure` says why it did not load, `traceback` where; both are empty when it did."""

    name: str
    version: str
    origin: str
    distribution: str = ""
    api: object = API_VERSION
    hooks: tuple[str, ...] = ()
    failure: str = ""
    traceback: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}".rstrip()


class Host:
    """All plugins of this process, the built-in one first."""

    def __init__(self, files: Sequence[Path] = (), warn: Callable[[str], None] = warnings.warn) -> None:
        """Load all plugins, then single files. `warn` is told of whatever fails."""
        self._warn = warn
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(specs)
        self._registry = Registry()
        self.plugins: list[Plugin] = []
        for found in chain([built_in()], installed(), map(from_file, files)):
            self._load(found)

    def agent(self, role: Role, name: str) -> Any:
        """A new agent. Raises PluginError when nobody registered it."""
        words = f"{role} {name!r}"
        kind = "llm" if self._is_named_after_provider(role, name) else name
        make = self._find("agent", f"{role}/{kind}", words).load()
        agent = guarded(make, words, PluginError)()
        return Guarded(_whole(agent, DUTIES[role], words), words, PluginError)

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
        names = [registered.name.split("/", 1) for registered in self._registry.of("agent")]
        found = {role: frozenset(name for r, name in names if r == role) for role in ROLES}
        return {role: of | self.names("llm") if "llm" in of else of for role, of in found.items()}

    def names(self, kind: Kind) -> frozenset[str]:
        return frozenset(registered.name for registered in self._registry.of(kind))

    def loaded(self, kind: Kind) -> dict[str, Any]:
        """Every registered object of a kind, imported; one that cannot be is warned of and left out."""
        found = {}
        for registered in self._registry.of(kind):
            try:
                found[registered.name] = registered.load()
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

        return {r.name: partial(load, r) for r in self._registry.of("settings")}

    def owner(self, kind: Kind, name: str) -> Plugin | None:
        """The plugin that registered it; None where nobody did. An agent's name has its role before it."""
        found = self._registry.get(kind, name)
        return next((p for p in self.plugins if found and p.name == found.plugin), None)

    def registered(self) -> tuple[Registered, ...]:
        return self._registry.all()

    def broken(self) -> tuple[Plugin, ...]:
        """Those that did not load."""
        return tuple(plugin for plugin in self.plugins if plugin.failure)

    def plugins_named(self, name: str) -> tuple[Plugin, ...]:
        """Those with this name, or of the distribution with it."""
        return tuple(p for p in self.plugins if name in (p.name, p.distribution))

    def hooks(self) -> tuple[tuple[str, str], ...]:
        """Every hook with the first line of its documentation."""
        return tuple((name, first_paragraph(getattr(specs, name))) for name in sound.HOOKS)

    def emit(self, event: str, **facts: object) -> None:
        """Tell plugins of an event. A listener that fails is warned of and does not stop the run."""
        for listener in getattr(self._manager.hook, event).get_hookimpls():
            try:
                listener.function(**{name: facts[name] for name in listener.argnames})
            except Exception as error:
                self._warn(f"plugin {listener.plugin_name}: {event} failed: {type(error).__name__}: {error}")

    def _is_named_after_provider(self, role: Role, name: str) -> bool:
        known = self._registry.get
        return known("agent", f"{role}/{name}") is None and known("llm", name) is not None

    def _maker(self, kind: Literal["backend", "delivery"], name: str) -> Callable[..., Any]:
        words = f"{kind} {name!r}"
        make = guarded(self._find(kind, name, words).load(), words, BackendError)
        return lambda context: Guarded(_whole(make(context), METHODS[kind], words), words, BackendError)

    def _find(self, kind: Kind, key: str, words: str) -> Registered:
        if (found := self._registry.get(kind, key)) is not None:
            return found
        role = key.rpartition("/")[0]
        names = (registered.name.rpartition("/") for registered in self._registry.of(kind))
        known = sorted(name for of, _, name in names if of == role)
        broken = ", ".join(map(str, self.broken()))
        raise PluginError(
            f"there is no {words}" + (f"; these plugins failed to load: {broken}" if broken else ""),
            help=f"known: {', '.join(known) or 'none'}; `rectune plugins` lists what is loaded",
        )

    def _load(self, found: Found) -> None:
        """Load a plugin and list it, with what it failed of where it did."""
        told: dict[str, Any] = {}
        try:
            if any(other.name == found.name for other in self.plugins):
                raise PluginError(
                    f"there is another plugin with the name {found.name!r}", help="uninstall one of the two"
                )
            plugin = found.load()
            told["api"] = sound.version_of(plugin)
            told["hooks"] = self._joined(plugin, found.name)
        except (Exception, SystemExit) as error:
            told |= {"failure": _tail(error), "traceback": "".join(traceback.format_exception(error))}
        listed = Plugin(found.name, found.version, found.origin, found.distribution, **told)
        self.plugins.append(listed)
        if listed.failure:
            reason = listed.failure.splitlines()[-1]
            more = f"`rectune plugins --why {found.name}` tells more"
            self._warn(f"plugin {listed} did not load and is left out: {reason}; {more}")

    def _joined(self, plugin: object, name: str) -> tuple[str, ...]:
        """Keep what a plugin registers; its hooks. Nothing is left of one that fails."""
        sound.check(plugin, self._manager)
        self._manager.register(plugin, name)
        try:
            self._collect(name)
        except BaseException:
            self._manager.unregister(plugin)
            self._registry.drop(name)
            raise
        return tuple(caller.name for caller in self._manager.get_hookcallers(plugin) or ())

    def _collect(self, plugin: str) -> None:
        """Ask the plugin just registered what it brings."""
        hook = self._manager.subset_hook_caller
        others = [p for n, p in self._manager.list_name_plugin() if n != plugin and p is not None]

        def keep(kind: Kind) -> specs.Register:
            def register(name: str, target: object) -> None:
                self._registry.keep(Registered(kind, name, target, plugin))

            return register

        def register_agent(role: Role, name: str, factory: object) -> None:
            if role not in ROLES:
                raise UsageError(f"there is no agent role {role!r}", help=f"roles: {', '.join(ROLES)}")
            self._registry.keep(Registered("agent", f"{role}/{name}", factory, plugin))

        hook("rectune_register_agents", others)(register=register_agent)
        hook("rectune_register_backends", others)(register=keep("backend"))
        hook("rectune_register_deliveries", others)(register=keep("delivery"))
        hook("rectune_register_settings", others)(register=keep("settings"))
        hook("rectune_register_llms", others)(register=keep("llm"))
        hook("rectune_register_functions", others)(register=keep("function"))
        hook("rectune_register_executors", others)(register=keep("executor"))


def _whole(made: object, methods: Sequence[str], words: str) -> object:
    """What a plugin made, if it has all methods that it has to have. Raises PluginError."""
    if missing := [f"`{name}`" for name in methods if not callable(getattr(made, name, None))]:
        many = "methods" if len(missing) > 1 else "method"
        raise PluginError(
            f"{words} has no {many} {', '.join(missing)}",
            help="update or uninstall its plugin; rectune_dsl.hooks.api has what they do",
        )
    return made


def first_paragraph(documented: object) -> str:
    """Of a docstring, as one line."""
    return " ".join((documented.__doc__ or "").split("\n\n")[0].split())


def _tail(error: BaseException) -> str:
    """The last lines of a traceback, and what to do: enough to find the fault, short enough for a list."""
    lines = "".join(traceback.format_exception(error)[-2:]).strip()
    return f"{lines}; {help}" if (help := getattr(error, "help", "")) else lines
