"""What `check` knows of the outside: handed in, never looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from rectune_dsl.dsl.formula.functions import Signature


@dataclass(frozen=True)
class Environment:
    """Plugins' functions, and the registered names of agents (by role), backends, executors, simulated
    worlds, deliveries, providers of language models and skills; None is unknown and not checked. With
    `implementations`, formulas that call plugins' functions are sampled too. `settings` imports what the
    table `[plugins.NAME]` may have, by that name; None where that cannot be imported."""

    functions: Mapping[str, Signature] = field(default_factory=dict)
    agents: Mapping[str, frozenset[str]] | None = None
    backends: frozenset[str] | None = None
    implementations: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    executors: frozenset[str] | None = None
    worlds: frozenset[str] | None = None
    llms: frozenset[str] | None = None
    deliveries: frozenset[str] | None = None
    skills: frozenset[str] | None = None
    settings: Mapping[str, Callable[[], type[BaseModel] | None]] = field(default_factory=dict)
