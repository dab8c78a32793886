"""The bundled simulator as an A/B backend. It knows the truth, and gives it to judges of tuners only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from rectune_dsl.dsl.model import Simulator
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import (
    CONTROL,
    USER,
    Arm,
    BackendContext,
    Capabilities,
    Config,
    ExperimentSpec,
    Moments,
    Panel,
    Serving,
)
from rectune_dsl.hooks.errors import BackendError
from rectune_dsl.simulator.assignment import units_among
from rectune_dsl.simulator.catalogue import SOURCES
from rectune_dsl.simulator.counts import quantile
from rectune_dsl.simulator.experiment import UNITS, Experiment, Machine, baseline, unit_size
from rectune_dsl.simulator.faults.flaky import Line
from rectune_dsl.simulator.oracle import oracle_config, paired_lifts
from rectune_dsl.simulator.panel import sample_panel
from rectune_dsl.simulator.segments import segment_columns
from rectune_dsl.simulator.signals import KEYS
from rectune_dsl.simulator.world import build_world

BASELINE_USERS = 6_000


class SimulatorBackend:
    """Experiments on simulated users; also a source of panels, baselines and the truth.

    The task's `[simulator]` names the world; the context's seed keys what happens in it. Experiments are
    made again from their specs, so nothing need survive a crash: after `create` with the same spec,
    every observation is what it was before.
    """

    def __init__(self, context: BackendContext) -> None:
        self._task = context.task
        self._seed = context.seed
        self._machine = Machine() if context.executor is None else Machine(context.executor)
        self._functions = {name: f.evaluate for name, f in context.functions.items()}
        self._world = build_world(context.task.simulator, context.folder)
        self._funnel = Funnel(context.task, self._functions)
        self._segments = segment_columns(context.task, self._world.columns, self._functions)
        self._faults = context.task.simulator.faults
        self._line = Line(context.seed, self._faults.flaky if self._faults else 0.0, context.setbacks)
        self._experiments: dict[str, Experiment] = {}
        self._serves = self._before = Config(context.task.production)
        self._best: Config | None = None

    def capabilities(self) -> Capabilities:
        world = self._task.simulator
        return Capabilities(
            metrics=(*self._world.columns, *self._segments.names),
            signals=self._world.signals,
            keys=KEYS,
            virtual_time=True,
            randomises=True,
            real_traffic=False,
            population=units_among(world.users, unit_size(self._world, self._unit) or 1),
            description=_described(world),
            sources=SOURCES,
            units=UNITS,
            quantiles=self._world.columns,
            winsorises=True,
        )

    def check(self) -> Sequence[str]:
        """A world is always ready; what it has is among its capabilities."""
        return ()

    def create(self, spec: ExperimentSpec, key: str) -> str:
        """Make the experiment, or find it. Raises BackendError when there are too few users, or when
        `key` was used for another spec."""
        with self._line.call("create", spec.salt):
            known = self._experiments.get(key)
            if known is None:
                self._experiments[key] = self._made(spec)
            elif replace(known.spec, key="") != replace(spec, key=""):
                raise BackendError(
                    f"there is another experiment with the key {key!r}",
                    help="give each experiment its own key",
                )
        return key

    def start(self, experiment: str) -> None:
        with self._line.call("start", self._experiment(experiment).spec.salt):
            pass

    def set_exposure(
        self, experiment: str, fraction: float, arm: str | None = None, at: datetime | None = None
    ) -> None:
        """Serve to the first `fraction` of each arm's users from the first whole day that is not before `at`,
        or left out from the experiment's first day.

        Without users of its own an arm would have no statistics, so a stop of one `arm` leaves its simulated
        users be: the campaign takes its lifts from the look that stopped it.
        """
        current = self._experiment(experiment)
        if not 0 <= fraction <= 1:
            raise BackendError(f"{fraction} is not a share of users", help="give a fraction from 0 to 1")
        with self._line.call("set_exposure", current.spec.salt, arm or "", str(fraction)):
            if arm is None:
                serving = Serving(at or current.spec.start, fraction)
                self._experiments[experiment] = current.with_serving(serving)

    def observe(self, experiment: str, as_of: datetime) -> Moments:
        found = self._experiment(experiment)
        with self._line.call("observe", found.spec.salt, as_of.isoformat()):
            return found.observe(as_of)

    def stop(self, experiment: str, outcome: str) -> None:
        with self._line.call("stop", self._experiment(experiment).spec.salt):
            pass

    def deliver(self, config: Config) -> None:
        with self._line.call("deliver"):
            if config != self._serves:
                self._before, self._serves = self._serves, config

    def rollback(self) -> None:
        with self._line.call("rollback"):
            self._serves = self._before

    def panel(self, requests: int) -> Panel:
        return sample_panel(self._task, self._world, self._seed, requests)

    def baseline(self, days: int) -> Moments:
        winsorized = self._task.winsorized
        plain = self._baseline(days, tuple(dict.fromkeys((*self._task.quantiles, *winsorized))), {})
        if not winsorized:
            return plain
        (arm,) = plain.arms
        caps = {column: quantile(arm.histograms[column], share) for column, share in winsorized.items()}
        capped = self._baseline(days, (), caps)
        return replace(capped, arms=(replace(capped.arms[0], histograms=arm.histograms),))

    def _baseline(self, days: int, counted: tuple[str, ...], caps: Mapping[str, float]) -> Moments:
        return baseline(
            self._world,
            self._funnel,
            Arm(CONTROL, self._serves),
            self._seed,
            min(BASELINE_USERS, self._world.population),
            days,
            self._segments,
            self._machine.executor,
            self._faults,
            counted,
            self._unit,
            caps,
        )

    def oracle_lifts(self, configs: Sequence[Config]) -> Mapping[str, Sequence[float]]:
        return paired_lifts(
            self._task,
            self._world,
            configs,
            functions=self._functions,
            executor=self._machine.executor,
        )

    def oracle_config(self) -> Config:
        """The best config there is, as far as a long search on fixed occasions can tell."""
        if self._best is None:
            self._best = oracle_config(
                self._task, self._world, functions=self._functions, executor=self._machine.executor
            )
        return self._best

    @property
    def _unit(self) -> str:
        """What is randomised; users, where the world does not have what the task asks for."""
        unit = self._task.experiment.unit
        return unit if unit in UNITS else USER

    def _made(self, spec: ExperimentSpec) -> Experiment:
        return Experiment(
            self._world,
            self._funnel,
            spec,
            self._seed,
            self._machine,
            self._segments,
            faults=self._faults,
            counted=self._task.quantiles,
        )

    def _experiment(self, experiment: str) -> Experiment:
        if experiment not in self._experiments:
            raise BackendError(
                f"there is no experiment {experiment!r}", help="call `create` with its spec first"
            )
        return self._experiments[experiment]


def _described(world: Simulator) -> str:
    """With the faults that it has on purpose, so that nobody takes them for the world."""
    plain = f"simulated world {world.world!r}, seed {world.seed}, {world.users:,} users"
    faults = world.faults.model_dump(exclude_defaults=True) if world.faults else {}
    return f"{plain}, with faults on purpose: {', '.join(faults)}" if faults else plain
