"""One experiment of a test, driven as a campaign drives it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest

from rectune_dsl.hooks.api import (
    CONTROL,
    HOLDOUT,
    ABBackend,
    BackendError,
    Capabilities,
    ExperimentSpec,
    Moments,
    Observation,
    RectuneError,
)
from rectune_dsl.hooks.serving import DAY
from rectune_dsl.testing.backend_contract.rig import Rig

T = TypeVar("T")

LATE = timedelta(minutes=5, microseconds=123_457)
"""After the moment of a look, when what it decided is done where time is real; clocks have microseconds."""


@dataclass
class Trial:
    """An experiment on a rig. `exposures` are those that were set, to be set again where a restart loses
    them."""

    rig: Rig
    spec: ExperimentSpec
    backend: ABBackend
    experiment: str
    exposures: list[tuple[float, str | None, datetime]] = field(default_factory=list)

    def expose(self, fraction: float, arm: str | None = None, day: int = 0) -> None:
        """Set an exposure on a day of the experiment, counted from 0, when it has come: where time is real a
        little later than that, but for the one that it begins with."""
        at = self.on(day) if day == 0 or self.backend.capabilities().virtual_time else self.on(day) + LATE
        self.rig.pass_until(at)
        self.backend.set_exposure(self.experiment, fraction, arm, at)
        self.exposures.append((fraction, arm, at))

    def start(self) -> None:
        """Begin as a campaign does: with a ramp the first exposure is set before the start."""
        if self.spec.ramp.steps:
            self.expose(self.spec.ramp.first)
        self.backend.start(self.experiment)

    def after(self, days: int) -> datetime:
        """Let so many days of the experiment pass; the moment when they are over."""
        self.rig.pass_until(self.on(days))
        return self.on(days)

    def on(self, day: int) -> datetime:
        return self.spec.start + day * DAY

    def observe(self, days: int) -> Observation:
        """What is known when so many days are over, or was known then."""
        return self.backend.observe(self.experiment, self.on(days))

    def moments(self, days: int) -> Moments:
        """The same, where the backend gives moments."""
        found = self.observe(days)
        if not isinstance(found, Moments):
            pytest.skip("the backend gives estimates, and no moments to recount")
        return found

    def arms(self) -> Mapping[str, str]:
        return self.rig.arms_of(self.experiment)

    def restart(self) -> None:
        """Go on in a new process: as a campaign does, create the experiment again, and set again what a
        platform of virtual time has lost."""
        self.backend = self.rig.backend()
        self.experiment = self.backend.create(self.spec, self.spec.key)
        if self.backend.capabilities().virtual_time:
            for fraction, arm, at in self.exposures:
                self.backend.set_exposure(self.experiment, fraction, arm, at)


def created(rig: Rig, backend: ABBackend | None = None, **changes: Any) -> Trial:
    """An experiment that is made, with changes to the rig's spec."""
    made = backend or rig.backend()
    spec = replace(rig.spec, **changes)
    return Trial(rig, spec, made, made.create(spec, spec.key))


def started(rig: Rig, backend: ABBackend | None = None, **changes: Any) -> Trial:
    trial = created(rig, backend, **changes)
    trial.start()
    return trial


def asked(what: str, make: Callable[[], T]) -> T:
    """What a platform need not be able to do: it may refuse, and has to say so."""
    try:
        return make()
    except BackendError as error:
        said, help = str(error), error.help
    assert help, f"it refuses {what} and does not say what to do instead: {said}"
    pytest.skip(f"the backend refuses {what}: {said}")


def refused(act: Callable[[], object]) -> RectuneError:
    """The error that an act has to end with. It says what is wrong, and what to do."""
    with pytest.raises(RectuneError) as error:
        act()
    _assert_helpful(error.value)
    return error.value


def done_or_refused(act: Callable[[], object]) -> None:
    """An act that a platform may do or refuse: where it refuses, as in `refused`."""
    try:
        act()
    except RectuneError as error:
        _assert_helpful(error)


def _assert_helpful(error: RectuneError) -> None:
    assert str(error)
    assert error.help, f"no help with the error: {error}"
    assert error.exit_code in (2, 3), f"not a BackendError or UsageError: {error!r}"


def can(rig: Rig, needed: str, why: str) -> Capabilities:
    """The capabilities of the rig's backend, where it has what is `needed`; else the test is skipped."""
    found = rig.backend().capabilities()
    if not getattr(found, needed):
        pytest.skip(f"{why}: `{needed}` is not among its capabilities")
    return found


def treatments(spec: ExperimentSpec) -> tuple[str, ...]:
    return tuple(arm.name for arm in spec.arms if arm.name not in (CONTROL, HOLDOUT))


def moved(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Users who are served something else: user -> the arms before and after. Who came in, or went, is not
    among them."""
    return {u: (arm, after[u]) for u, arm in before.items() if u in after and after[u] != arm}


def sizes(arms: Mapping[str, str], spec: ExperimentSpec) -> list[int]:
    """Users of each arm of a spec; a name that is no arm of it is an error."""
    counts = Counter(arms.values())
    names = [arm.name for arm in spec.arms]
    assert counts.keys() <= set(names), f"served arms {sorted(counts)}, of which the spec has {names}"
    return [counts[name] for name in names]
