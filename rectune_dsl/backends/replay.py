"""The replay backend: experiments on logged interactions with propensities, evaluated off-policy.

Nobody is served. An experiment estimates what its arms would have done on the impressions of the log: arms
of explore experiments on the tune part, those of a confirmation on the confirm part, which is later
in time and which nothing else looks at. `users_per_arm` and `days` of the spec change nothing, as every
arm is evaluated on all of a part's impressions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.backends.replaylog import (
    contexts,
    estimate,
    log,
    play,
    policy,
    problems,
    reach,
    rewards,
    signals,
    slates,
    support,
)
from rectune_dsl.backends.replaylog.catalogue import Catalogue
from rectune_dsl.backends.replaylog.layout import COVERAGE, IMPRESSIONS, diversity_keys, outcome_names
from rectune_dsl.backends.replaylog.log import PartName
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.replay import Replay
from rectune_dsl.hooks.api import (
    CONTROL,
    Arm,
    BackendContext,
    Capabilities,
    Config,
    Estimates,
    ExperimentSpec,
    Panel,
    Support,
)
from rectune_dsl.hooks.errors import BackendError, UsageError

REFERENCE = "reference"
"""The arm of `baseline`: a config as far from production as a first round's arms."""


class ReplayBackend:
    """Evaluates configs on the log that the task's `[replay]` names. The log is read when first needed."""

    def __init__(self, context: BackendContext) -> None:
        if context.task.replay is None:
            raise UsageError(
                "the replay backend needs to know its log",
                help="add [replay] to the task; docs/how-to/your-own-logs.md shows how",
            )
        self._task = context.task
        self._replay: Replay = context.task.replay
        self._seed = context.seed
        self._folder = context.folder
        self._functions = {name: function.evaluate for name, function in context.functions.items()}
        self._specs: dict[str, ExperimentSpec] = {}

    # --- what it can do ------------------------------------------------------------------------

    def capabilities(self) -> Capabilities:
        """What the task asks of the log; `check` says what of it the log does not have."""
        judged = self._task.judged
        columns = [c for name, metric in judged.items() for c in metric.columns(name)]
        share, model = self._replay.split, self._replay.slate_model
        slates = f", {model} slates" if model is not None else ""
        return Capabilities(
            metrics=tuple(dict.fromkeys((*judged, *columns, COVERAGE))),
            signals=tuple(self._replay.signals),
            keys=diversity_keys(self._task),
            virtual_time=True,
            randomises=False,
            real_traffic=False,
            population=None,
            description=(
                f"off-policy replay of {self._replay.log} ({self._replay.policy} policy, "
                f"{self._replay.estimator}{slates}): {share.fit:.0%} of it fit signals, the next "
                f"{share.tune:.0%} tune, the last {share.confirm:.0%} confirm; users_per_arm and days "
                "are not used"
            ),
            sources=tuple(self._task.sources),
            serves=False,
        )

    def check(self) -> Sequence[str]:
        """Problems of the task, its files, their values, and of production's fit to the log."""
        found = list(problems.task_problems(self._task, self._replay))
        if found:
            return found
        try:
            found += problems.file_problems(self._replay, self._task, self._folder)
            return found or self._data_problems()
        except BackendError as error:
            return [f"{error}: {error.help}" if error.help else str(error)]

    # --- experiments ---------------------------------------------------------------------------

    def create(self, spec: ExperimentSpec, key: str) -> str:
        """Keep the spec, or find it. Raises BackendError when `key` was used for another spec."""
        if replace(self._specs.setdefault(key, spec), key="") != replace(spec, key=""):
            raise BackendError(
                f"there is another experiment with the key {key!r}", help="give each experiment its own key"
            )
        return key

    def start(self, experiment: str) -> None:
        self._spec(experiment)

    def set_exposure(
        self, experiment: str, fraction: float, arm: str | None = None, at: datetime | None = None
    ) -> None:
        """Nobody is exposed, so nothing changes."""
        self._spec(experiment)

    def observe(self, experiment: str, as_of: datetime) -> Estimates:
        """The same estimates at any time: a log holds all of its events."""
        spec = self._spec(experiment)
        return self._estimates(spec.arms, "confirm" if spec.purpose == "confirm" else "tune", as_of)

    def stop(self, experiment: str, outcome: str) -> None:
        self._spec(experiment)

    def deliver(self, config: Config) -> None:
        """Changes nothing: a log serves nobody, and stays as it was. `rectune export` writes the config."""

    def rollback(self) -> None:
        """Nothing was changed."""

    # --- what can be known beforehand ----------------------------------------------------------

    def baseline(self, days: int) -> Estimates:
        """Production against one reference arm on the tune part; the confirm part is not looked at.

        Production against itself would have no error at all. The reference moves one param by a fifth of its
        range, as far as arms of a first round lie from production; of all such moves it is the one whose
        objective the log shows least certainly. Its standard errors are to be used, its lifts mean nothing.
        """
        as_of = datetime.fromtimestamp(int(self._loaded.parts["tune"].log.time[-1]) / 1e6, UTC)
        control = Arm(CONTROL, Config(self._task.production))
        moves = [Arm(REFERENCE, config) for config in reach.reference_configs(self._task)]
        if not moves:
            raise UsageError("the task has no param to tune", help="give a param production, low and high")
        least = reach.least_certain(self._estimates([control, *moves], "tune", as_of), self._task)
        return self._estimates([control, moves[least]], "tune", as_of)

    def panel(self, requests: int) -> Panel:
        """Contexts of the tune part, drawn without replacement. A softmax draws what it shows."""
        part = self._loaded.parts["tune"]
        generator = np.random.Generator(np.random.Philox(key=[self._seed, _PANEL]))
        rows = np.sort(generator.permutation(part.log.rows)[:requests])
        panel = self._loaded.panels.of(part.contexts, part.contexts.of_row[rows])
        return replace(panel, is_drawn=self._replay.policy == "softmax")

    def diagnostics(self, config: Config, part: PartName = "tune") -> Support:
        """How much of a part a config can use, and with which weights."""
        (played,) = self._played((config,), part)
        return self._support(played, part)

    # --- the log -------------------------------------------------------------------------------

    @cached_property
    def _loaded(self) -> _Loaded:
        return _load(self._task, self._replay, self._folder, self._functions)

    def _spec(self, experiment: str) -> ExperimentSpec:
        if experiment not in self._specs:
            raise BackendError(
                f"no experiment {experiment!r} was created", help="create it again with the same key"
            )
        return self._specs[experiment]

    def _played(self, configs: Sequence[Config], part: PartName) -> tuple[play.Played, ...]:
        loaded, own = self._loaded, self._loaded.parts[part]
        found = play.play(loaded.policy, loaded.panels, loaded.catalogue, own, configs, loaded.rewards)
        if self._replay.slate_model != "standard":
            return found
        return tuple(replace(p, chosen=slates.whole(p.chosen, loaded.units[part])) for p in found)

    def _estimates(self, arms: Sequence[Arm], part: PartName, as_of: datetime) -> Estimates:
        own, units, judged = self._loaded.parts[part].log, self._loaded.units[part], self._task.judged
        values, supported = [], {}
        for arm, played in zip(arms, self._played([arm.config for arm in arms], part), strict=True):
            weight = estimate.weights(played.chosen, own.propensity, self._replay.clip)
            values.append(estimate.arm_values(self._replay, judged, own.outcomes, played, weight, units))
            supported[arm.name] = self._support(played, part)
        return estimate.estimates(arms, values, tuple(judged), as_of, supported)

    def _support(self, played: play.Played, part: PartName) -> Support:
        own, loaded = self._loaded.parts[part].log, self._loaded
        return support.support(
            played.chosen / own.propensity,
            own.outcomes[IMPRESSIONS],
            loaded.units[part],
            self._replay.clip,
            played.choices,
            loaded.chance,
        )

    def _data_problems(self) -> list[str]:
        loaded = self._loaded
        parts = {name: part.log for name, part in loaded.parts.items()}
        found = list(problems.source_problems(self._task, loaded.catalogue))
        if found:
            return found
        found += problems.data_problems(self._task, parts, loaded.items)
        found += loaded.doubts
        for part in loaded.parts.values():
            found += problems.sparse_problems(self._task, part.contexts)
        own = self.diagnostics(Config(self._task.production))
        if own.effective < self._replay.min_ess and set(self._task.judged) != {COVERAGE}:
            found.append(
                f"production's effective sample size on the tune part is {own.effective:,.0f} of "
                f"{own.units:,} {own.unit}, below min_ess = {self._replay.min_ess:,.0f}, so every metric "
                "would be missing: bring a longer log, raise the temperature, or lower min_ess"
            )
        return list(dict.fromkeys(found))


_PANEL = 1
"""Names the random stream that draws panels."""


@dataclass(frozen=True, eq=False)
class _Loaded:
    """A log that is ready to be played. `chance`: see `support.best_chances`, in the parts before the confirm
    part; `doubts`: what the fit part is too short for; `rewards`: by outcome, for the doubly robust
    estimator."""

    catalogue: Catalogue
    parts: dict[PartName, play.Part]
    units: dict[PartName, slates.Units]
    items: dict[str, signals.Table]
    panels: contexts.Panels
    policy: policy.Policy
    chance: NDArray[np.float64]
    doubts: tuple[str, ...]
    rewards: dict[str, rewards.Reward]


def _load(task: Task, replay: Replay, folder: Path, functions: policy.Functions) -> _Loaded:
    for problem in problems.task_problems(task, replay):
        raise BackendError(problem, help="`rectune check` and `rectune plan` list all problems")
    whole, catalogue = log.load(task, folder, functions)
    logs = log.split(whole, replay.split)
    items = signals.item_signals(replay.signals, logs["fit"], catalogue)
    panels = contexts.Panels(task, catalogue, items)
    examined = slates.examination(replay, logs["fit"])

    def part(own: log.Log) -> play.Part:
        return play.Part(own, contexts.contexts(own, replay.signals, catalogue, replay.policy == "top"))

    used = slates.prepared(replay, {name: own for name, own in logs.items() if name != "fit"}, examined)
    return _Loaded(
        catalogue,
        {name: part(own) for name, own in used.items()},
        {name: slates.units(own) for name, own in used.items()},
        items,
        panels,
        policy.policy_of(task, panels.width, functions, examined),
        np.maximum(*(support.best_chances(logs[name], catalogue) for name in ("fit", "tune"))),
        tuple(slates.doubts(replay, logs["fit"])),
        _rewards(task, part(logs["fit"]), catalogue, items, panels) if replay.estimator == "dr" else {},
    )


def _rewards(
    task: Task,
    fit: play.Part,
    catalogue: Catalogue,
    items: dict[str, signals.Table],
    panels: contexts.Panels,
) -> dict[str, rewards.Reward]:
    assert task.replay is not None
    # a rate is made of the fit part's own outcomes: they would seem to be foretold
    given = {n: table for n, table in items.items() if task.replay.signals[n].rate is None}
    sparse = play.logged_values(panels, fit)
    return {name: rewards.fit(fit.log, name, catalogue, given, sparse) for name in outcome_names(task)}
