"""What a surrogate is told before anything is measured here: what other campaigns have learnt.

Two things travel. Elasticities say where to go; sizes, how much a metric moves at all, say how far one can
go without breaking a limit. Elasticities are widened by how much they differ between tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rectune_dsl.hooks.api import KnowledgeRecord, Response
from rectune_dsl.surrogate.covariances import inverse
from rectune_dsl.surrogate.semantics import MechanicsPrior, mechanics_of, prior_of, product

ALONE = 1.5
"""Factor on the standard deviations of what a single task has learnt, for use in another one."""
COUNTED = 2.0
"""Degrees of freedom that ALONE counts for where differences between tasks are measured."""


@dataclass(frozen=True, eq=False)
class Told:
    """`priors` multiply with each other and with what heads are named; `sizes` are standard deviations of
    lifts, of an absolute metric shares of what its limit compares with."""

    priors: tuple[MechanicsPrior, ...] = ()
    sizes: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.priors or self.sizes)


NOTHING = Told()


def told_by(knowledge: Sequence[KnowledgeRecord], features: Sequence[str]) -> Told:
    """What records say of slates with these features: responses first, and single mechanics of metrics that
    no response is about. The tasks' own responses to a metric become one."""
    slopes: dict[str, list[Response]] = {}
    sizes: dict[str, list[Response]] = {}
    for response in (response for record in knowledge for response in record.responses):
        (slopes if response.causes else sizes).setdefault(response.metric, []).append(response)
    pooled = [pool(responses, features) for responses in slopes.values()]
    single = (m for m in mechanics_of(knowledge) if m.metric not in slopes)
    priors = (*(prior for prior in pooled if prior is not None), *prior_of(single, features))
    return Told(priors, {metric: _size(responses) for metric, responses in sizes.items()})


def size_alone(response: Response) -> Response:
    """What is known of a metric's size, without what moves it."""
    return replace(response, causes=(), mean=(), covariance=())


def pool(responses: Sequence[Response], features: Sequence[str]) -> MechanicsPrior | None:
    """Elasticities to expect of the next task, by those of earlier ones, of the features that are known here;
    None where there are none.

    A random-effects prediction (Higgins, Thompson & Spiegelhalter 2009, section 4) where the covariance
    between tasks is f times what one of them says of its own errors: with k tasks that of the mean is 1 + f
    times the inverse of their precisions' sum, and that of the next task is larger by f k times the same.
    """
    parts = [part for response in responses if (part := _known(response, features)) is not None]
    if not parts:
        return None
    common = product(parts)
    f = _differing(parts, common)
    return replace(common, covariance=(1.0 + f + f * len(parts)) * common.covariance)


def _differing(parts: Sequence[MechanicsPrior], common: MechanicsPrior) -> float:
    """f, by moments: Cochran's Q has 1 + f times its degrees of freedom for a mean; drawn towards the f that
    gives a single task ALONE times its standard deviations."""
    q = 0.0
    for part in parts:
        gap = part.mean - common.mean[[common.causes.index(cause) for cause in part.causes]]
        q += float(gap @ inverse(part.covariance) @ gap)
    free = sum(len(part.causes) for part in parts) - len(common.causes)
    assumed = 0.5 * (ALONE**2 - 1.0)
    return (COUNTED * assumed + max(q - free, 0.0)) / (COUNTED + free)


def _known(response: Response, features: Sequence[str]) -> MechanicsPrior | None:
    at = [i for i, cause in enumerate(response.causes) if cause in features]
    if not at:
        return None
    covariance = np.array(response.covariance, np.float64)[np.ix_(at, at)]
    mean = np.array(response.mean, np.float64)[at]
    return MechanicsPrior(response.metric, tuple(response.causes[i] for i in at), mean, covariance)


def _size(responses: Iterable[Response]) -> float:
    """The geometric mean of the tasks' sizes."""
    return float(np.exp(np.mean([np.log(response.size) for response in responses])))
