"""What a surrogate is told before anything is measured here: what other campaigns have learnt.

Two things travel. Elasticities say where to go; sizes, how much a metric moves at all, say how far one can
go without breaking a limit. Elasticities are widened by how much they differ between tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rectune_dsl.hooks.api import KnowledgeRecord, Response
from rectune_dsl.surrogate.semantics import MechanicsPrior, inverse, mechanics_of, prior_of, product

ALONE = 1.5
"""Factor on the standard deviations of what a single task has learnt, for use in another one."""
COUNTED = 10.0
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
    """Elasticities that tasks have in common, of the features that are known here; None where there are none.

    The mean is weighted by precision. The factor on its variance is a scaled inverse chi-square estimate:
    Cochran's Q over its degrees of freedom, drawn towards ALONE squared (Higgins & Thompson 2002, section 3;
    Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.6).
    """
    parts = [part for response in responses if (part := _known(response, features)) is not None]
    if not parts:
        return None
    common = product(parts)
    return replace(common, covariance=_differing(parts, common) * common.covariance)


def _differing(parts: Sequence[MechanicsPrior], common: MechanicsPrior) -> float:
    """The factor on variances: how much more tasks differ than their own errors say."""
    q = 0.0
    for part in parts:
        gap = part.mean - common.mean[[common.causes.index(cause) for cause in part.causes]]
        q += float(gap @ inverse(part.covariance) @ gap)
    free = sum(len(part.causes) for part in parts) - len(common.causes)
    return max(1.0, (COUNTED * ALONE**2 + q) / (COUNTED + free))


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
