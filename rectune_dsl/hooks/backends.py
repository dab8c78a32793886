"""What a backend implements. Protocols are small and frozen: a new duty gets a new, optional protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from rectune_dsl.hooks.compute import Executor, FormulaFunction
from rectune_dsl.hooks.proposals import Config, Panel
from rectune_dsl.hooks.trials import Capabilities, ExperimentSpec, Observation

if TYPE_CHECKING:
    from rectune_dsl.dsl.model import Task


@dataclass(frozen=True)
class BackendContext:
    """What a backend is made from. `seed` keys all randomness of a simulated backend; the task's
    relative paths start at `folder`; `functions` are the plugins' formula functions. Large computations go
    through `executor`, or run on threads where there is none. `setbacks` counts the acts that the run
    has lost so far, to failures and kills: 0 for a new run. `delivery` is who serves the arms, where the task
    names one."""

    task: Task
    seed: int
    folder: Path = Path()
    functions: Mapping[str, FormulaFunction] = field(default_factory=dict)
    executor: Executor | None = None
    setbacks: int = 0
    delivery: Delivery | None = None


class ABBackend(Protocol):
    """Runs A/B tests. Every call is idempotent: repeating it after a crash changes nothing.

    Raise `BackendError` with a `help` when the platform refuses or fails.
    """

    def capabilities(self) -> Capabilities:
        """What it can measure, randomise and serve."""
        ...

    def check(self) -> Sequence[str]:
        """Problems that would stop a campaign (credentials, files, schema), each a sentence."""
        ...

    def create(self, spec: ExperimentSpec, key: str) -> str:
        """Make the experiment, or find the one made with `key` before; return its id."""
        ...

    def start(self, experiment: str) -> None:
        """Serve users on the days of the spec, and on no other: an experiment is started before its first
        day. Where the spec has a ramp its first exposure was set before, and its `days` begin when all are
        served: later than planned where an exposure was set late, and anew after a step back. `ends` of
        `rectune_dsl.hooks.serving` tells when they are over."""
        ...

    def set_exposure(
        self, experiment: str, fraction: float, arm: str | None = None, at: datetime | None = None
    ) -> None:
        """Serve to this fraction of the spec's users: every arm, or only `arm` (0 stops a harmful one).

        On real platforms that begins now. Where time is virtual it begins `at` that moment, or left out with
        the first day: after a crash exposures are set again without the looks between them.
        """
        ...

    def observe(self, experiment: str, as_of: datetime) -> Observation:
        """What is known at `as_of`, from the experiment's start."""
        ...

    def stop(self, experiment: str, outcome: str) -> None:
        """Serve nobody any more, whether it ran or not; what was observed stays."""
        ...

    def deliver(self, config: Config) -> None:
        """Make `config` the production config."""
        ...

    def rollback(self) -> None:
        """Undo the last `deliver`: what it replaced is production again. Done twice it undoes no more."""
        ...


class Delivery(Protocol):
    """Serves arms to users, for a backend that measures what they did. Every call is idempotent, as those of
    `ABBackend`, whose words hold here too. Raise `BackendError` with a `help` when the platform fails."""

    @property
    def description(self) -> str:
        """What serves, and where, in a few words; without secrets."""
        ...

    def check(self) -> Sequence[str]:
        """Problems that would keep it from serving, each a sentence."""
        ...

    def create(self, spec: ExperimentSpec, key: str, population: int) -> str:
        """Make the experiment, or find it; return the id that exposures are logged with. It takes
        `spec.exposure(population).share` of the users that the spec does not exclude."""
        ...

    def start(self, experiment: str) -> None:
        """As `ABBackend.start`."""
        ...

    def set_exposure(
        self, experiment: str, fraction: float, arm: str | None = None, at: datetime | None = None
    ) -> None:
        """As `ABBackend.set_exposure`."""
        ...

    def stop(self, experiment: str, outcome: str) -> None:
        """As `ABBackend.stop`."""
        ...

    def deliver(self, config: Config) -> None:
        """As `ABBackend.deliver`."""
        ...

    def rollback(self) -> None:
        """As `ABBackend.rollback`."""
        ...


@runtime_checkable
class PanelBackend(Protocol):
    """A backend that can sample logged requests."""

    def panel(self, requests: int) -> Panel:
        """So many logged requests with their candidates' scores, without outcomes."""
        ...


@runtime_checkable
class BaselineBackend(Protocol):
    """A backend that can tell how production's metrics vary between users, so that power can be planned."""

    def baseline(self, days: int) -> Observation:
        """Per-unit moments of production (one arm, `control`) over `days` days, or, where only estimates
        exist, production against itself. With histograms of what the task takes quantiles of, or winsorises;
        what it winsorises is in the moments capped at that quantile of these users, and in the histograms as
        it is."""
        ...


@runtime_checkable
class OracleBackend(Protocol):
    """A simulated backend that knows the truth. Used to judge tuners; no agent is ever given it."""

    def oracle_config(self) -> Config:
        """The config with the largest true U among those that keep every guardrail."""
        ...

    def oracle_lifts(self, configs: Sequence[Config]) -> Mapping[str, Sequence[float]]:
        """True lift over production per metric, and true level of absolute metrics under `=NAME`."""
        ...
