"""The backend `growthbook`."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from rectune_dsl.hooks.api import (
    HOLDOUT,
    USER,
    BackendContext,
    BackendError,
    Capabilities,
    Config,
    Estimates,
    ExperimentSpec,
    settings_of,
)
from rectune_growthbook.bodies import milliseconds, until, written
from rectune_growthbook.client import Client
from rectune_growthbook.experiments import Experiment, Experiments
from rectune_growthbook.flag import Flag
from rectune_growthbook.metrics import Definitions
from rectune_growthbook.ready import platform_problems, task_problems
from rectune_growthbook.results import Wanted, estimates, unknown
from rectune_growthbook.settings import NAME, GrowthBookSettings
from rectune_growthbook.users import Range, share_of
from rectune_growthbook.wire import DRIFT, Record

POLL_SECONDS = 2.0
"""Between the first two looks at whether results are there; up to ten times as long later."""


class GrowthBook:
    """Runs experiments on GrowthBook, which assigns, serves and measures. All that is remembered stands
    there: a new process goes on from what it finds. Raises UsageError for settings that cannot be."""

    def __init__(self, context: BackendContext) -> None:
        self._task = context.task
        self._settings = settings_of(context.task, NAME, GrowthBookSettings)
        self._client = Client(self._settings)
        self._experiments = Experiments(self._client, self._settings)
        self._flag = Flag(self._client, self._settings)
        self._definitions = Definitions(self._client, self._settings)

    def capabilities(self) -> Capabilities:
        """Which signals, keys and candidates there are is the product's to know: the task is believed."""
        task, settings = self._task, self._settings
        keys = (stage.diversity.by for stage in task.stages.values() if stage.diversity is not None)
        return Capabilities(
            metrics=tuple(settings.metrics),
            signals=None,
            keys=tuple(dict.fromkeys(keys)),
            virtual_time=False,
            randomises=True,
            real_traffic=True,
            population=settings.population,
            description=f"GrowthBook at {settings.url}, feature {settings.feature} in {settings.environment}",
            sources=tuple(task.sources),
        )

    def check(self) -> Sequence[str]:
        if said := list(task_problems(self._task)):
            return said
        try:
            return list(
                platform_problems(
                    self._task,
                    self._settings,
                    self._client,
                    self._experiments,
                    self._flag,
                    self._definitions,
                )
            )
        except BackendError as error:
            return [f"GrowthBook cannot be asked: {error}; {error.help}"]

    def create(self, spec: ExperimentSpec, key: str) -> str:
        """A draft, and a rule of the feature that serves nobody until it is started."""
        found = self._experiments.find(key)
        if found is None:
            _refuse(spec)
            self._flag.compare(spec)
            share = share_of(spec, self._settings.population, self._taken(spec))
            found = self._experiments.make(spec, key, share)
        self._experiments.check(found, spec)
        if found.status != "stopped":
            self._flag.link(found, spec)
        return found.id

    def start(self, experiment: str) -> None:
        """From now on it is in what applications load, and by its condition it serves on its days."""
        found = self._experiments.get(experiment)
        if found.status == "stopped":
            raise BackendError(
                f"experiment {experiment} was stopped, and cannot be started again",
                help="start a new run: `create` with another key makes another experiment",
            )
        if found.status != "running":
            self._experiments.change(found, {}, status="running")

    def set_exposure(
        self, experiment: str, fraction: float, arm: str | None = None, at: datetime | None = None
    ) -> None:
        """The coverage of its phase; users of an arm that is stopped are served production. Of one that was
        stopped as a whole nothing changes."""
        if not 0 <= fraction <= 1:
            raise BackendError(
                f"a fraction of {fraction} of the users cannot be served", help="give one from 0 to 1"
            )
        found = self._experiments.get(experiment)
        if found.status == "stopped":
            return
        if arm is not None:
            self._stop_arm(found, arm, fraction)
            return
        phase = {"coverage": found.share.coverage(fraction)}
        if found.memo.flag("ramps"):
            phase |= self._experiments.timed(found, fraction == 1, at)
        self._experiments.change(found, phase)

    def observe(self, experiment: str, as_of: datetime) -> Estimates:
        """GrowthBook computes results of what happened before `as_of`: the phase's end is set to it, cut to
        the milliseconds in which GrowthBook tells times. Nothing is waited for but that: what may not be in
        its tables yet is said to be incomplete."""
        end = milliseconds(as_of)
        found = self._experiments.get(experiment)
        wanted = self._wanted(found)
        if end <= found.start:
            return unknown(wanted, as_of, "the experiment has not begun")
        if found.status == "draft":
            raise BackendError(f"experiment {experiment} was not started", help="call `start` first")
        if found.ended != end:
            self._experiments.change(found, until(end))
        self._compute(found)
        phase = str(len(found.phases) - 1)
        result = self._client.get("experiments", experiment, "results", phase=phase).record("result")
        if result.moment("dateEnd") != end:
            raise BackendError(
                f"GrowthBook's results end at {result.text('dateEnd')}, not at {written(end)}",
                help="somebody changed the experiment's phase meanwhile: resume the run, which asks again",
            )
        known = result.moment("dateUpdated") - self._lag
        return estimates(result, wanted, as_of, as_of if known >= end else known)

    def stop(self, experiment: str, outcome: str) -> None:
        found = self._experiments.get(experiment)
        if found.status != "stopped":
            phase = {"reason": outcome}
            self._experiments.change(found, phase, status="stopped", excludeFromPayload=True)
        self._flag.unlink(found)

    def deliver(self, config: Config) -> None:
        """The feature's default value; what it was before is remembered in the feature's description."""
        self._flag.deliver(config)

    def rollback(self) -> None:
        self._flag.rollback()

    @property
    def _lag(self) -> timedelta:
        return timedelta(hours=self._settings.lag_hours)

    def _taken(self, spec: ExperimentSpec) -> list[Range]:
        """The users that the experiments of `fresh_of` may have had, as GrowthBook has it."""
        taken = []
        for salt, earlier in self._experiments.by_salt([used.salt for used in spec.fresh_of]).items():
            if not earlier:
                raise BackendError(
                    f"GrowthBook has no experiment with the salt {salt!r}, whose users take no part",
                    help="was it deleted? then nobody can tell whom it served: start a new run",
                )
            taken += [self._experiments.range_of(experiment) for experiment in earlier]
        return taken

    def _stop_arm(self, found: Experiment, arm: str, fraction: float) -> None:
        if arm not in found.variations:
            raise BackendError(
                f"experiment {found.id} has no arm {arm!r}", help=f"arms: {', '.join(found.variations)}"
            )
        if fraction > 0:
            raise BackendError(
                f"a fraction of {fraction} of one arm cannot be served: GrowthBook's coverage is of all arms",
                help="stop the arm with 0, or set the exposure of all",
            )
        self._flag.stop_arm(found, arm)

    def _wanted(self, found: Experiment) -> Wanted:
        metrics = {
            name: self._settings.metrics[name] for name in self._task.judged if name in self._settings.metrics
        }
        ratios = frozenset(name for name in metrics if self._definitions.of(name).is_ratio)
        return Wanted(found.variations, metrics, ratios, self._task.objective_weights)

    def _compute(self, found: Experiment) -> None:
        """Let GrowthBook compute results. Raises BackendError where it fails to, or takes too long."""
        snapshot = self._client.post("experiments", found.id, "snapshot", body={}).record("snapshot")
        begun, pause = time.monotonic(), POLL_SECONDS
        while (status := snapshot.text("status")) == "running":
            if (waited := time.monotonic() - begun) >= self._settings.snapshot_timeout:
                raise BackendError(
                    f"GrowthBook computes results of experiment {found.id} for more than {waited:.0f} s",
                    help="look at its queries, or raise `snapshot_timeout`; then resume the run",
                )
            time.sleep(pause * (1 + random.random()) / 2)
            pause = min(1.5 * pause, 10 * POLL_SECONDS)
            snapshot = self._client.get("snapshots", snapshot.text("id")).record("snapshot")
        if status != "success":
            raise _failed(found, snapshot, status)


def _failed(found: Experiment, snapshot: Record, status: str) -> BackendError:
    if status != "error":
        return BackendError(
            f"GrowthBook's snapshot has the status {status!r}, which is not known", help=DRIFT
        )
    why = snapshot.maybe("error", "")
    return BackendError(
        f"GrowthBook could not compute the results of experiment {found.id}{': ' if why else ''}{why}",
        help="its page on GrowthBook shows which query failed and why; mend that and resume the run",
    )


def _refuse(spec: ExperimentSpec) -> None:
    """Raises BackendError for what an experiment here cannot keep."""
    if spec.holdout_share or any(arm.name == HOLDOUT for arm in spec.arms):
        raise BackendError(
            "GrowthBook cannot keep a holdout: it has no users that experiments leave out and a confirmation "
            "compares with",
            help="remove [holdout] from the task",
        )
    if len(spec.arms) < 2:
        raise BackendError("an experiment has two arms at least", help="test something against control")
    if spec.unit != USER:
        raise BackendError(
            f"GrowthBook does not assign by {spec.unit!r}", help="remove `unit` from [experiment]"
        )
    if spec.caps:
        raise BackendError(
            "GrowthBook does not cap by the task's quantiles",
            help="remove `winsorize`, or cap in its metrics",
        )
    if any(used.salt == spec.salt for used in spec.fresh_of):
        raise BackendError(
            f"the experiment's users shall be fresh of an experiment with its own salt {spec.salt!r}",
            help="give every experiment a salt of its own",
        )
