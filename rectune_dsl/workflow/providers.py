"""The `[llm]` table at work: who asks which provider, with what settings, caps, prices and cassette."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import get_args

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import LLM, ModelSettings
from rectune_dsl.hooks.specs import Role
from rectune_dsl.llm.caps import Caps
from rectune_dsl.llm.cassette import Recorded, Replayed, Take, read_takes
from rectune_dsl.llm.prices import Prices, load_prices
from rectune_dsl.llm.question import model_of
from rectune_dsl.plugins.host import Host

PATIENCE = 3
"""Questions in a row that a provider may leave unanswered before it is left alone."""
RESTS = 8
"""From then on it is asked each so many questions."""


class Providers:
    """The providers that a task's agents ask, each made when it is first needed, and kept.

    `folder` is the task file's, where the paths of `[llm]` start. `asked` are the providers by the roles of
    who asks one.
    """

    def __init__(self, task: Task, folder: Path, host: Host) -> None:
        self._table = task.llm
        self._folder = folder
        self._host = host
        self._made: dict[str, LLM] = {}
        self._unheard: dict[str, int] = {}
        self.asked = _asked(task, host)
        self.settings = ModelSettings(
            model=task.llm.model,
            thinking=task.llm.thinking or "",
            timeout=task.llm.timeout_seconds,
            max_output_tokens=task.llm.max_output_tokens,
            endpoint=task.llm.endpoint,
            api_version=task.llm.api_version,
            options=task.llm.options,
        )
        self.attempts = task.llm.attempts

    def provider(self, name: str) -> LLM:
        """A provider with the cassette around it, or in its place. Raises what the factory does, and
        UsageError for a cassette that cannot be read."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def rests(self, name: str) -> bool:
        """Whether a provider is left alone for this question: so many in a row had no answer that waiting for
        it again would only take time."""
        unheard = self._unheard.get(name, 0)
        return unheard >= PATIENCE and bool((unheard - PATIENCE + 1) % RESTS)

    def heard(self, name: str, *, answered: bool) -> None:
        """Count the questions in a row that had no answer, those that were not asked included."""
        self._unheard[name] = 0 if answered else self._unheard.get(name, 0) + 1

    def model(self, name: str) -> str:
        """The model that a provider asks; empty where it does not say."""
        return model_of(self.provider(name), self.settings)

    @property
    def replays(self) -> bool:
        """Whether answers come from the cassette alone, and cost nothing."""
        return self._table.cassette_mode == "replay"

    @property
    def caps(self) -> Caps:
        """The most that a run may spend."""
        if self.replays:
            return Caps()
        return Caps(self._table.max_usd, self._table.max_calls, self._table.max_tokens)

    @cached_property
    def prices(self) -> Prices:
        """Raises UsageError for a file that is no price list."""
        return load_prices(self._path(self._table.prices))

    @cached_property
    def takes(self) -> Mapping[str, Take]:
        """What the cassette had at first. Raises UsageError for one that cannot be read; one that is still to
        be recorded need not be there."""
        path = self._path(self._table.cassette)
        if path is None or not (self.replays or path.exists()):
            return {}
        return read_takes(path)

    def check(self) -> None:
        """Raises UsageError where a file that is needed cannot be read."""
        if self.asked:
            assert self.prices is not None
            assert self.takes is not None

    def _make(self, name: str) -> LLM:
        path = self._path(self._table.cassette)
        if path is not None and self.replays:
            return Replayed(path, name, self.settings)
        made: LLM = self._host.llm(name)(self.settings)
        return made if path is None else Recorded(made, path, name, self.settings)

    def _path(self, written: str | None) -> Path | None:
        return None if written is None else self._folder / written


def _asked(task: Task, host: Host) -> Mapping[str, str]:
    roles: tuple[Role, ...] = get_args(Role)
    named = {role: host.provider(role, getattr(task.agents, role), task.llm.provider) for role in roles}
    return {role: provider for role, provider in named.items() if provider}
