"""The funnel that is standard in a world, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from rectune_dsl.dsl.checks import names
from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.positions import Entry, KeyPath
from rectune_dsl.dsl.source import Source
from rectune_dsl.dsl.structure import Cuts
from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.simulator.signals import KEYS, kinds_of
from rectune_dsl.simulator.worldfile import WorldFile

_TRAFFIC = {"users_per_arm": 2, "days": 1}


def standard_task(file: WorldFile) -> Task:
    """The world's standard policy as a task; its production config is what serves."""
    return Task.model_validate(
        {
            "dsl": 1,
            "task": {"name": "standard", "surface": "standard"},
            "signals": {name: {"kind": kind} for name, kind in kinds_of(file).items()},
            "stages": dict(file.standard),
            "metrics": {file.main_amount: {"goal": "maximize"}},
            "experiment": _TRAFFIC,
            "confirm": _TRAFFIC,
        }
    )


def problems_in_standard(file: WorldFile, source: Source) -> Iterator[Diagnostic]:
    """Names that the standard policy's formulas cannot read, and keys that the world's items do not have."""
    draft = Draft(_AsTask(source.path, source.text), standard_task(file), Environment(), Cuts())
    yield from names.check(draft)
    for name, stage in file.standard.items():
        if stage.diversity is not None and stage.diversity.by not in KEYS:
            key, help = stage.diversity.by, did_you_mean(stage.diversity.by, KEYS)
            path = ("stages", name, "diversity", "by")
            yield draft.problem("RT902", path, f"items have no key `{key}`", help)


@dataclass(frozen=True)
class _AsTask(Source):
    """A world file whose standard policy stands where a task has its stages."""

    @cached_property
    def entries(self) -> Mapping[KeyPath, Entry]:
        found = Source(self.path, self.text).entries
        return {
            ("stages", *path[1:]) if path[:1] == ("standard",) else path: entry
            for path, entry in found.items()
        }
