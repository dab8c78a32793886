"""What the suites of agents share: a model to ask, other people's random numbers, what must stay as it is."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
import pytest

from rectune_dsl.hooks.api import LLM, AgentContext

T = TypeVar("T")
ROUNDING = 1e-6
"""By how much a config, whose values are rounded, may go further than a limit."""
_OPAQUE = ("rng", "surrogate", "whatif", "llm", "panel")


class AgentSuite:
    """Fixtures of the suites. Override `make`, and `llm` where the agent asks a language model."""

    heard: dict[tuple[object, ...], Any]
    """What agents said: each is asked the same only once, since some think for long."""

    def __init_subclass__(cls) -> None:
        cls.heard = {}

    @pytest.fixture
    def make(self) -> Callable[[], object]:
        raise NotImplementedError("give the class a fixture `make`, which returns what makes a new agent")

    @pytest.fixture
    def llm(self) -> LLM | None:
        return None


def under_seed(seed: int, act: Callable[[], T]) -> T:
    """What an act returns where the generators that everybody shares have this seed."""
    before = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        return act()
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])


def snapshot(context: AgentContext) -> str:
    """All of a context that an agent could change, but for its generator, which it is to use."""
    plain = [field.name for field in fields(context) if field.name not in _OPAQUE]
    parts = [f"{name}: {getattr(context, name)!r}" for name in plain]
    if context.panel is not None:
        signals = context.panel.signals.values()
        parts += [repr(array.tobytes()) for stage in signals for array in stage.values()]
        parts.append(repr(context.panel.items.tobytes()))
    return "\n".join(parts)
