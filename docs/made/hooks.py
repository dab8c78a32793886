"""The pages on hooks: what a plugin implements, and the records that pass between it and rectune."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Iterator, Mapping

from made.declared import Declared, Method, declarations
from rectune_dsl.hooks import api, specs
from rectune_dsl.workflow import journaled

INTERFACES = """\
# Hooks

<!-- made by docs/generate.py -->

A plugin is a module with some of these functions, each marked with `hookimpl` of
`rectune_dsl.hooks.specs`. It is found by an entry point of the group `rectune`, or named with
`rectune --plugin FILE`. `rectune plugins --hooks` lists who implements which.

{about}

Everything named below is imported from `rectune_dsl.hooks.api`; [Records](records.md) tells of what is
passed. How to write a backend, a provider of models and an executor is told in
[Write a backend](../how-to/your-own-backend.md), [Ask a model](../how-to/ask-a-model.md) and
[Past one machine](../how-to/past-one-machine.md).

"""
RECORDS = """\
# Records

<!-- made by docs/generate.py -->

What passes between rectune and plugins, and what stands in the [journal](formats.md#the-journal): frozen
dataclasses, imported from `rectune_dsl.hooks.api`. All times are UTC, all lifts are relative (`0.01` is
+1 %).

"""
JOURNALED = """\
## What the workflow writes

Records of `rectune_dsl.workflow.journaled`, in the journal only: no plugin is given them.

"""


def hooks_page() -> str:
    """Every hook with its signature, and every protocol with its methods."""
    hooks = declarations(specs)
    registering = [hook for name, hook in hooks.items() if name.startswith("rectune_register_")]
    events = [hook for name, hook in hooks.items() if name.startswith("rectune_") and hook not in registering]
    _, _, about = (inspect.getdoc(specs) or "").partition("\n\n")
    return INTERFACES.format(about=about) + "\n".join(
        [
            "## What a plugin brings\n",
            *(_function(hook) for hook in registering),
            "## What a plugin is told\n",
            "An event is told to whoever listens. A listener that fails is named, and stops nothing.\n",
            *(_function(hook) for hook in events),
            "## Protocols\n",
            "What is registered implements one of these; some are optional, for what not everybody can.\n",
            *(_class(told) for told in _shared() if told.is_protocol),
        ]
    )


def records_page() -> str:
    """Every record, alias, constant, function and error, by the file that declares it."""
    parts = [RECORDS]
    for module, declared in _by_module().items():
        told = [one for one in declared if not one.is_protocol]
        if told:
            about, _, _ = (importlib.import_module(module).__doc__ or "").partition(". ")
            parts += [f"## {module.rpartition('.')[2].capitalize()}\n", f"{_flat(about).rstrip('.')}.\n"]
            parts += [_told(one) for one in told]
    parts += [JOURNALED, *(_told(one) for one in declarations(journaled).values())]
    return "\n".join(parts)


def _by_module() -> Mapping[str, list[Declared]]:
    """What `api` exports, by the module that declares it."""
    modules = dict.fromkeys(
        line.split()[1] for line in inspect.getsource(api).splitlines() if line[:5] == "from "
    )
    return {
        name: [one for one in declarations(importlib.import_module(name)).values() if one.name in api.__all__]
        for name in modules
    }


def _shared() -> Iterator[Declared]:
    for declared in _by_module().values():
        yield from declared


def _told(one: Declared) -> str:
    return _class(one) if one.head.startswith("class ") else _function(one)


def _function(one: Declared) -> str:
    return f"### `{one.name}`\n\n`{_flat(one.head)}`\n\n{one.about}\n"


def _class(one: Declared) -> str:
    above = ", ".join(f"`{base}`" for base in one.bases if base != "Protocol")
    kind = f"A kind of {above}." if above else ""
    parts = [f"### `{one.name}`", one.about, kind, _table(one.fields), _list(one.methods)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(fields: Iterable[tuple[str, str, str]]) -> str:
    rows = [f"| `{name}` | {_code(kind)} | {_code(default)} |" for name, kind, default in fields]
    return "\n".join(["| field | type | default |", "|---|---|---|", *rows]) if rows else ""


def _list(methods: Iterable[Method]) -> str:
    """A term for each method, its docstring below it."""
    return "\n".join(
        f"- `{_flat(method.signature)}`" + (f": {_flat(method.about)}" if method.about else "")
        for method in methods
    )


def _code(text: str) -> str:
    shown = text.replace("|", "\\|")
    return f"`{shown}`" if shown else ""


def _flat(text: str) -> str:
    return " ".join(text.split())
