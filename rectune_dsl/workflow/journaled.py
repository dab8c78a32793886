"""What the workflow itself writes to a journal, and under which keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from rectune_dsl.hooks.api import (
    Action,
    Config,
    Estimates,
    ExperimentSpec,
    Observation,
    Prediction,
    Ramp,
    Recommendation,
    Skill,
)


@dataclass(frozen=True)
class RunHeader:
    """All that a run was started with: enough to run it again. `skill` is the skill as it was then, `bases`
    are the texts of the files that the task extends, by their absolute paths."""

    task_path: str
    task_text: str
    seed: int
    agents: Mapping[str, str]
    backend: str
    version: str
    production: Mapping[str, float]
    skill: Skill | None = None
    plugin_files: tuple[str, ...] = ()
    bases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Approval:
    """Who let an experiment or a delivery happen; `asked` is False where nobody had to be."""

    granted: bool
    by: str
    why: str
    asked: bool = True


@dataclass(frozen=True)
class AskedArm:
    """A treatment that somebody is asked about. `risk` is the probability that it breaks a guardrail."""

    name: str
    config: Config
    why: str
    predictions: tuple[Prediction, ...]
    risk: float


@dataclass(frozen=True)
class Request:
    """A question to the people in charge. `share` is the part of all users that would take part, None where
    their number is not known; `expires` is when silence becomes a no."""

    step: str
    what: Literal["launch", "confirm", "ship"]
    asked_at: datetime
    arms: tuple[AskedArm, ...]
    users_per_arm: int
    days: int
    ramp: Ramp
    share: float | None
    if_ignored: str
    reasons: tuple[str, ...] = ()
    expires: datetime | None = None


@dataclass(frozen=True)
class Wait:
    """What a run waits for before it does the act `key`: a moment, or else an answer."""

    key: str
    why: str
    until: datetime | None = None


@dataclass(frozen=True)
class Abort:
    """Who ended a run before its end, and when."""

    by: str
    why: str
    at: datetime


@dataclass(frozen=True)
class Aborted:
    """What an abort did: the experiments it stopped, and whether what had shipped was taken back; if it was
    not, why."""

    stopped: tuple[str, ...]
    rolled_back: bool
    kept: str = ""


@dataclass(frozen=True)
class Look:
    """One look at a running experiment and what the Online agent decided then."""

    number: int
    as_of: datetime
    observation: Observation
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class Holdout:
    """What the surface's holdout is served; None where that is what control is served."""

    config: Config | None


@dataclass(frozen=True)
class Confirmation:
    """The confirm experiment. `spec` is None when there was nothing to confirm, or `approval` was refused."""

    recommendation: Recommendation
    number: int = 0
    spec: ExperimentSpec | None = None
    look: Look | None = None
    estimates: Estimates | None = None
    stopped: Mapping[str, str] = field(default_factory=dict)
    frozen: str = ""
    approval: Approval | None = None
