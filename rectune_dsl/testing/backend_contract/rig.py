"""What the suite has to know of a platform: how to reach it, and what its own records say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

import pytest

from rectune_dsl.hooks.api import ABBackend, Config, Estimates, ExperimentSpec


@dataclass(frozen=True)
class Row:
    """A user of an experiment, as the platform's own records have it.

    `values` are the user's totals per column, uncapped; `unit` is the group of users that was randomised,
    where users were not. Who is assigned and not counted did not come: `came` is False.
    """

    user: str
    arm: str
    values: Mapping[str, float] = field(default_factory=dict)
    unit: str = ""
    came: bool = True


class Rig:
    """A platform on which the suite may do as it likes. Each test gets a new one, with nothing on it.

    `spec`, `backend` and, where time is real, `pass_until` are needed. The rest tells what the platform's own
    records say, read without the backend: tests that need what is not told are skipped, with the reason.
    """

    spec: ExperimentSpec
    """An experiment that the platform can run: control and two treatments or more, 3 days or more, no ramp,
    no exclusion. Its first day lies ahead, and it takes no more than a third of the users. A hundred users in
    each arm are enough, and needed."""
    secrets: Sequence[str] = ()
    """Passwords, tokens and keys that the backend was given, as they stand in its environment."""
    caps: Mapping[str, float] = {}
    """Column -> a cap that some of the users exceed."""
    late: Sequence[str] = ()
    """Columns of which this platform gets events a day late, or up to a week."""
    unmeasured: Sequence[str] = ()
    """Columns that the task asks for, and that this platform cannot measure."""
    tolerance: float = 1e-9
    """By which part of itself a statistic may differ from a recount."""

    def backend(self) -> ABBackend:
        """A new backend object on the same platform, as a new process makes it from the same context."""
        raise NotImplementedError("a rig needs `backend()`: return a new backend object")

    def pass_until(self, moment: datetime) -> None:
        """Let the platform's time pass until `moment`: users come, are served what the backend has arranged,
        and what they do is recorded. Nothing to do where time is virtual."""

    def arms_of(self, experiment: str) -> Mapping[str, str]:
        """The arm that each user is served now. Who is served production without being in the experiment is
        left out: a user of control is in it."""
        _not_told("which arm a user is served", "arms_of")

    def rows(self, experiment: str, until: datetime) -> Sequence[Row]:
        """The users of an experiment and all that they did before `until`, however late it was recorded."""
        _not_told("the platform's own rows", "rows")

    def recount(self, experiment: str, as_of: datetime) -> Estimates:
        """For a backend that gives estimates: the same, computed in another way."""
        _not_told("estimates of its own", "recount")

    def experiments(self) -> Sequence[str]:
        """The experiments on the platform, stopped ones too."""
        _not_told("which experiments there are", "experiments")

    def production(self) -> Config:
        """What users without an experiment are served now."""
        _not_told("what production is", "production")

    def failing(self) -> AbstractContextManager[object]:
        """While it lasts, the platform cannot be reached, or refuses every call."""
        _not_told("how to make the platform fail", "failing")


def _not_told(what: str, method: str) -> NoReturn:
    pytest.skip(f"the rig does not tell {what}: it has no `{method}`")
