"""Configs, what they do to slates, and what agents say of them before anything is tested.

Everything but `Panel` and `Slates` is written to the journal as JSON, so records hold plain numbers, strings,
tuples and mappings only. Times are UTC. A lift is a fraction: 0.01 is +1 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Config:
    """One value per param, in the task's order. A stage's tunable `keep` is the param `<stage>.keep`."""

    values: Mapping[str, float]

    def __getitem__(self, param: str) -> float:
        return self.values[param]


@dataclass(frozen=True, eq=False)
class Panel:
    """A sample of logged requests with their candidates' signals, without outcomes.

    `signals[stage][name]` is float32 (requests, candidates) for predictions and items and
    (requests,) for user and request signals. `keys[name]` is an integer array (requests, candidates),
    the values a diversity rule counts; the key `source` says where a candidate was retrieved.
    `labels[name]` are the names of a key's values 0, 1, ... (the sources' for `source`). `items`
    (requests, candidates) are item ids. `valid` (requests, candidates) is False where a request has
    fewer candidates than the widest one. `is_drawn`: users are shown items drawn at random, the better the
    more often, and not the best ones; what a config shows cannot be replayed then.
    """

    signals: Mapping[str, Mapping[str, NDArray[np.float32]]]
    keys: Mapping[str, NDArray[np.int32]]
    items: NDArray[np.int64]
    valid: NDArray[np.bool_] | None = None
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_drawn: bool = False


@dataclass(frozen=True, eq=False)
class Slates:
    """What was shown: `candidates` (requests, slate) indexes the panel's candidates, best first, -1
    where a slate is short; `scores` (requests, slate) are the last stage's scores, before any penalty."""

    candidates: NDArray[np.int32]
    scores: NDArray[np.float32]


@dataclass(frozen=True)
class Prediction:
    """An expected lift over production, registered before the outcome is known, with its 90 % interval."""

    metric: str
    lift: float
    low: float
    high: float


@dataclass(frozen=True)
class Hypothesis:
    """Why a config should help, in a sentence, and what it should do to which metric. `shows` says what
    users are shown that they were not, where a panel tells."""

    statement: str
    predictions: tuple[Prediction, ...]
    shows: str = ""


@dataclass(frozen=True)
class Proposal:
    """A config with its hypothesis. `name` is unique in the run, such as `r2p1`. A `hedge` was made without
    what was learnt elsewhere, in case that is wrong: the Critic keeps part of the arms for such."""

    name: str
    config: Config
    hypothesis: Hypothesis
    author: str
    hedge: bool = False


@dataclass(frozen=True)
class Check:
    """One question the Critic asked of a proposal, and the answer in words."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Review:
    """The Critic's judgement of one proposal."""

    proposal: str
    taken: bool
    checks: tuple[Check, ...]
    justification: str


@dataclass(frozen=True)
class ChangeDescription:
    """What a person is about to approve, in words: what changes for users, which lifts are expected, what
    could go wrong, how it is taken back. `author` is who wrote it."""

    for_users: str
    expected: str
    risk: str
    rollback: str
    author: str
