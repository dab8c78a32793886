"""A task's `[sources]`, ready for any config: quotas, and which candidate belongs to which source."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rectune_dsl.dsl.params import Param
from rectune_dsl.dsl.stages import CandidateSource
from rectune_dsl.funnel.blend import UNLIMITED, Groups, Quotas
from rectune_dsl.funnel.source import SOURCE, Indices, SignalSource
from rectune_dsl.hooks.api import Config
from rectune_dsl.hooks.errors import UsageError


class Sources:
    """The sources of a task, numbered in its order."""

    def __init__(self, sources: Mapping[str, CandidateSource]) -> None:
        self._sources = sources
        owners: dict[int, int] = {}
        for number, source in enumerate(sources.values()):
            for slot in source.slots:
                owners.setdefault(slot - 1, number)
        self._pins = tuple(sorted(owners.items()))

    def quotas(self, config: Config) -> Quotas:
        """The quotas of the slate under `config`."""
        least, most = [], []
        for name, source in self._sources.items():
            least.append(_count(source.min, f"{name}.min", config))
            most.append(UNLIMITED if source.max is None else _count(source.max, f"{name}.max", config))
        return Quotas(tuple(least), tuple(most), self._pins)

    def groups(self, source: SignalSource, alive: Indices | None) -> Groups:
        """Each candidate's source, (requests, kept). Raises UsageError when the candidates come from no
        source of a name that the task gives quotas."""
        known = source.labels(SOURCE)
        numbers = np.full(len(known) + 1, len(self._sources), np.intp)
        for number, name in enumerate(self._sources):
            if name not in known:
                shown = ", ".join(f"`{label}`" for label in known) or "none"
                raise UsageError(
                    f"no candidates come from a source `{name}`", help=f"the sources are: {shown}"
                )
            numbers[known.index(name)] = number
        # codes beyond the names stand where there is no candidate
        return numbers.take(source.keys(SOURCE, alive), mode="clip")


def _count(quota: int | Param, name: str, config: Config) -> int:
    return quota if isinstance(quota, int) else round(config[name])
