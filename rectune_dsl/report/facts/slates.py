"""What a config changes in real slates: production's and its own for the same requests of a panel."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from rectune_dsl.agents.shown import name_of
from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.features import SlateFeatures
from rectune_dsl.funnel.replay import Replay
from rectune_dsl.funnel.source import head
from rectune_dsl.hooks.api import Config, FormulaFunction, Panel, PanelBackend, Slates, UsageError
from rectune_dsl.memory.journal import Journal
from rectune_dsl.plugins.host import Host
from rectune_dsl.report.facts.records import FeatureFacts, SlateFacts
from rectune_dsl.workflow.prepare import reload

REQUESTS = 128
"""Requests of a panel that are replayed."""
PLACES = 10
"""Places at the top of a slate that overlap is about."""
_TOLD = ("mean", "repetition", "spread", "share")
"""Kinds of features that are told: the others say the same in other words."""
_TINY = 1e-12


def replayed(journal: Journal, run: str, host: Host) -> Callable[[Config, str], SlateFacts]:
    """What a config, called by its second argument, changes in slates of the run's own backend. The backend
    is made when it is asked; what its platform raises then, it raises."""

    def showing(config: Config, of: str) -> SlateFacts:
        loaded = reload(journal, run, host)
        backend = loaded.backend
        panel = backend.panel(REQUESTS) if isinstance(backend, PanelBackend) else None
        if panel is None or not panel.items.size:
            raise UsageError(
                f"the backend {loaded.task.experiment.backend!r} has no panel of logged requests",
                help="a backend with a `panel` shows what a config changes",
            )
        if panel.is_drawn:
            raise UsageError(
                f"the backend {loaded.task.experiment.backend!r} draws what it shows at random",
                help='slates are told where the best items are shown; of a log, with `policy = "top"`',
            )
        return slates(loaded.task, head(panel, REQUESTS), loaded.functions, config, of)

    return showing


def slates(
    task: Task, panel: Panel, functions: Mapping[str, FormulaFunction], config: Config, of: str
) -> SlateFacts:
    """Replay production and a config, which is called `of`. Raises UsageError when the panel lacks what the
    formulas read."""
    replay = Replay(task, panel, {name: function.evaluate for name, function in functions.items()})
    served = Config(task.production)
    before, after = replay.slates([served]), replay.slates([config])
    kept, places = _kept(before, after)
    lengths = np.maximum(_lengths(before), _lengths(after))
    shown = lengths > 0
    shares = kept[shown] / lengths[shown]
    return SlateFacts(
        of=of,
        requests=int(shown.sum()),
        places=places,
        overlap=float(shares.mean()) if shares.size else 1.0,
        unchanged=float((shares == 1.0).mean()) if shares.size else 1.0,
        overlaps=tuple(np.bincount(kept[shown], minlength=places + 1).tolist()),
        features=_features(SlateFeatures(task, panel), before, after),
    )


def _kept(before: Slates, after: Slates) -> tuple[np.ndarray, int]:
    """How many of the first items are in both slates, (requests,); and how many first items there are."""
    places = min(PLACES, max(before.candidates.shape[1], after.candidates.shape[1]))
    old, new = before.candidates[:, :places], after.candidates[:, :places]
    same = (new[:, :, np.newaxis] == old[:, np.newaxis, :]) & (new >= 0)[:, :, np.newaxis]
    return same.any(axis=2).sum(axis=1), places


def _lengths(slates: Slates) -> np.ndarray:
    """Items among the first places, (requests,)."""
    return np.asarray((slates.candidates[:, :PLACES] >= 0).sum(axis=1))


def _features(features: SlateFeatures, before: Slates, after: Slates) -> tuple[FeatureFacts, ...]:
    told = zip(features.names, features.of(before).tolist(), features.of(after).tolist(), strict=True)
    return tuple(
        FeatureFacts(name, name_of(name), old, new, None if abs(old) < _TINY else (new - old) / abs(old))
        for name, old, new in told
        if name.partition(":")[0] in _TOLD
    )
