"""What the workflow itself writes to a journal, and under which keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rectune_dsl.hooks.api import (
    Action,
    AskedFor,
    ChangeDescription,
    Config,
    Estimates,
    ExperimentSpec,
    Observation,
    Prediction,
    Ramp,
    Recommendation,
    Skill,
)
from rectune_dsl.memory.process import Process


@dataclass(frozen=True)
class UsedPlugin:
    """An installed plugin that a run is done with: its name, and the distribution that brought it."""

    name: str
    distribution: str
    version: str


@dataclass(frozen=True)
class RunHeader:
    """All that a run was started with: enough to run it again. `skill` and those `borrowed` are as they were
    then, `bases` are the texts of the files that the task extends, by their absolute paths. `plugins` are
    those that the task needs, and those that listen; a journal from before they were kept has none. `serves`
    is the backend's word."""

    task_path: str
    task_text: str
    seed: int
    agents: Mapping[str, str]
    backend: str
    version: str
    production: Mapping[str, float]
    skill: Skill | None = None
    borrowed: tuple[Skill, ...] = ()
    plugin_files: tuple[str, ...] = ()
    bases: Mapping[str, str] = field(default_factory=dict)
    serves: bool = True
    plugins: tuple[UsedPlugin, ...] = ()


@dataclass(frozen=True)
class KnowledgeUsed:
    """The records that Actor and Critic of a round were told of, by their ids. `withheld`: there are some,
    and the round runs without them."""

    records: tuple[str, ...]
    withheld: bool


@dataclass(frozen=True)
class Approval:
    """Who let an experiment or a delivery happen; `asked` is False where nobody had to be."""

    granted: bool
    by: str
    why: str
    asked: bool = True


@dataclass(frozen=True)
class AskedArm:
    """A treatment that somebody is asked about. `risk` is the probability that it breaks a guardrail,
    None where that is not known: there is no panel, and nothing was measured yet. `assumed` says what of it
    is a prior alone, empty where nothing is."""

    name: str
    config: Config
    why: str
    predictions: tuple[Prediction, ...]
    risk: float | None
    assumed: str = ""


@dataclass(frozen=True)
class Request:
    """A question to the people in charge. `share` is the part of all users that would take part, None where
    their number is not known; `serves_from` is the first moment from which they would, had the answer come
    with the question; `expires` is when silence becomes a no; `description` says it all in words, where the
    Online agent has some."""

    step: str
    what: AskedFor
    asked_at: datetime
    arms: tuple[AskedArm, ...]
    users_per_arm: int
    days: int
    ramp: Ramp
    share: float | None
    if_ignored: str
    reasons: tuple[str, ...] = ()
    expires: datetime | None = None
    serves_from: datetime | None = None
    description: ChangeDescription | None = None

    def has_expired(self, at: datetime) -> bool:
        """Whether silence has become a no."""
        return self.expires is not None and at >= self.expires


@dataclass(frozen=True)
class Wait:
    """What a run waits for before it does the act `key`: a moment, or else an answer."""

    key: str
    why: str
    until: datetime | None = None


@dataclass(frozen=True)
class Abort:
    """Who ended a run before its end, and when; `overtook` is the process that was at work on it then."""

    by: str
    why: str
    at: datetime
    overtook: Process | None = None


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
