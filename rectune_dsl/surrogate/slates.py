"""The surrogate over slates: a metric responds to what users are shown, not to numbers in a formula.

    y = x'β + g(x) + h(Θ) + ε

x is what a config does to the slates of the panel: the relative changes of their features against
production, each divided by its spread over the configs of the task. β is Gaussian: by the names of heads,
by mechanics learnt elsewhere, or around 0. g, a Gaussian process on x (Matérn-5/2), bends that line; h,
one on the params, takes up what the panel does not see. ε has the known covariance of an experiment's
lifts. At production y is 0. How much each part has to say is a hyperparameter, found per metric by its
evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config, RoundResult, WhatIf
from rectune_dsl.surrogate.gp import Observations
from rectune_dsl.surrogate.hygiene import surprise
from rectune_dsl.surrogate.hyper import Fitted
from rectune_dsl.surrogate.hyper import fit as fit_process
from rectune_dsl.surrogate.kernels import Array, Hyperparameters, matern52, matern52_by_lengthscale
from rectune_dsl.surrogate.processes import ProcessSurrogate
from rectune_dsl.surrogate.semantics import MechanicsPrior, by_names

AMPLITUDE = 0.1
"""Lift, as a standard deviation, of a config from anywhere in the box, where no guardrail says more."""
PER_MARGIN = 2.2
"""The same in margins of the metric's guardrail: teams set limits to what they have seen changes do."""
AGAINST = float(np.log(3.0))
"""Priors that the data speak against by more than this log evidence are dropped."""
_LITTLE = 0.1
"""A feature whose production value is less than this share of its spread has no relative changes."""
_TINY = 1e-9


def fit(
    task: Task,
    history: Sequence[RoundResult],
    whatif: WhatIf,
    priors: Sequence[MechanicsPrior] = (),
    widened: float = 1.0,
) -> ProcessSurrogate:
    """Learn from finished rounds what slates do to metrics. `priors` come on top of what heads are named; all
    standard deviations are `widened` by a factor, where there is reason to doubt the panel."""
    return ProcessSurrogate(task, history, SlateView(task, whatif, priors, widened))


def relative_changes(whatif: WhatIf, configs: Sequence[Config]) -> Array:
    """Of the slates' features against production, (configs, features); of `log:` features, and of those that
    are about 0 for production, differences."""
    return np.asarray((whatif.features(configs) - whatif.production) / _base(whatif))


def _base(whatif: WhatIf) -> Array:
    """What one unit of a relative change is in each feature, (features,)."""
    size = np.abs(whatif.production)
    logs = np.array([name.startswith("log:") for name in whatif.names], bool)
    return np.where(logs | (size < _LITTLE * whatif.spread + _TINY), 1.0, size)


class SlateView:
    """Points (configs, features + params): the standardised change of the slates, and the unit cube's point.

    `scale` (features,) are the relative changes of the features that stand for one unit of x.
    """

    def __init__(
        self, task: Task, whatif: WhatIf, priors: Sequence[MechanicsPrior] = (), widened: float = 1.0
    ) -> None:
        self._task, self._widened = task, widened
        self._space = Space(task)
        self._whatif = whatif
        self.features = whatif.names
        self.scale = np.maximum(whatif.spread / _base(whatif), _TINY) * np.sqrt(max(len(whatif.names), 1))
        names = by_names(task, whatif.names)
        learnt = {(prior.metric, cause) for prior in priors for cause in prior.causes}
        others = (prior for prior in names if (prior.metric, *prior.causes) not in learnt)
        self._told: tuple[Sequence[MechanicsPrior], ...] = (names, (*others, *priors)) if priors else (names,)

    def points(self, configs: Sequence[Config]) -> Array:
        units = self._space.to_units([config.values for config in configs])
        return np.hstack([relative_changes(self._whatif, configs) / self.scale, units])

    def fit(self, observations: Observations, weights: Mapping[str, float]) -> Fitted:
        """With what names tell, and with what was learnt elsewhere, unless the data speak against it."""
        plain = self.family(weights)
        fits = [fit_process(observations, plain)]
        for told in self._told:
            informed = self._informed(plain, told, weights)
            if informed.doubt.any():
                fits.append(fit_process(observations, informed))
        least = max(found.evidence for found in fits) - AGAINST
        return self._doubted(next(found for found in reversed(fits) if found.evidence >= least))

    def fit_plainly(self, observations: Observations, weights: Mapping[str, float], usual: float) -> Fitted:
        """By the observations alone, where lifts are `usual` times the size that is taken for usual."""
        family = self.family(weights)
        return self._doubted(fit_process(observations, replace(family, amplitude=usual * family.amplitude)))

    def _doubted(self, found: Fitted) -> Fitted:
        """As much wider as its own errors, or the panel, ask for."""
        return replace(found, widened=self._widened * surprise(found.process))

    def family(self, weights: Mapping[str, float]) -> SlatedFamily:
        """What is believed of the metrics' weighted sum where no prior says more."""
        amplitude = float(np.sqrt(sum((w * self._amplitude(m)) ** 2 for m, w in weights.items())))
        features = len(self.features)
        return SlatedFamily(
            features, self._space.dimension, amplitude, np.zeros(features), np.zeros((features, features))
        )

    def _amplitude(self, metric: str) -> float:
        limit = self._task.guarded.get(metric)
        margin = abs(limit.bound) if limit is not None and limit.relative else 0.0
        return PER_MARGIN * margin or AMPLITUDE

    def _informed(
        self, plain: SlatedFamily, told: Sequence[MechanicsPrior], weights: Mapping[str, float]
    ) -> SlatedFamily:
        """The family that expects what it is told."""
        mean, covariance = plain.slopes.copy(), plain.doubt.copy()
        for prior in self._known(told, weights):
            at = np.array([self.features.index(cause) for cause in prior.causes])
            weight, scale = weights[prior.metric], self.scale[at]
            mean[at] += weight * prior.mean * scale
            covariance[np.ix_(at, at)] += weight**2 * prior.covariance * np.outer(scale, scale)
        return replace(plain, slopes=mean, doubt=covariance)

    def _known(
        self, told: Sequence[MechanicsPrior], weights: Mapping[str, float]
    ) -> Iterable[MechanicsPrior]:
        """Of these metrics and features of this panel; levels are no lifts."""
        for prior in told:
            limit = self._task.guarded.get(prior.metric)
            about_lifts = limit is None or limit.relative
            if prior.metric in weights and about_lifts and set(prior.causes) <= set(self.features):
                yield prior


@dataclass(frozen=True, eq=False)
class SlatedFamily:
    """Hyperparameters: the size of the linear part; of g as a share of it, g's lengthscale; the same of h.

    `amplitude` is the median size. `slopes` (features,) and `doubt` (features, features) are the mean of β
    and the covariance of the slopes that something is believed of; the others are independent. `bent` and
    `rest` are the medians of g's and h's shares.
    """

    features: int
    dimension: int
    amplitude: float
    slopes: Array
    doubt: Array
    bent: float = 0.15
    rest: float = 0.1

    @property
    def center(self) -> Array:
        across = 0.8 * np.sqrt(self.dimension)
        return np.log([self.amplitude, self.bent, 1.5, self.rest, across])

    @property
    def spread(self) -> Array:
        return np.array([0.35, 0.7, 0.5, 1.0, 0.5])

    def at(self, logs: Array) -> Slated:
        linear, bent, length, rest, across = map(float, np.exp(logs))
        return Slated(
            self.features,
            linear,
            Hyperparameters(linear * bent, np.full(self.features, length)),
            Hyperparameters(linear * rest, np.full(self.dimension, across)),
            self.doubt,
        )

    def with_gradients(self, logs: Array, points: Array) -> tuple[Array, Array]:
        known = self.at(logs)
        x, units = points[:, : self.features], points[:, self.features :]
        fixed = x @ self.doubt @ x.T
        line = known.line(x, x)
        bent, by_length = matern52_by_lengthscale(x, known.bent)
        rest, by_across = matern52_by_lengthscale(units, known.rest)
        total = line + bent + rest
        return fixed + total, np.stack([2 * total, 2 * bent, by_length, 2 * rest, by_across])

    def mean(self, points: Array) -> Array:
        return np.asarray(points[:, : self.features] @ self.slopes)


@dataclass(frozen=True, eq=False)
class Slated:
    """The covariance of one metric: linear in x, with the slopes' own doubt, and two Matérn terms."""

    features: int
    linear: float
    bent: Hyperparameters
    rest: Hyperparameters
    doubt: Array

    @property
    def amplitude(self) -> float:
        return self.linear

    def __call__(self, left: Array, right: Array) -> Array:
        a, b = left[:, : self.features], right[:, : self.features]
        across: Array = a @ self.doubt @ b.T + self.line(a, b) + matern52(a, b, self.bent)
        return across + matern52(left[:, self.features :], right[:, self.features :], self.rest)

    def variance(self, points: Array) -> Array:
        x = points[:, : self.features]
        known = ((x @ self.doubt) * x).sum(1) + self.linear**2 * (x[:, self._open] ** 2).sum(1)
        return np.asarray(known + self.bent.amplitude**2 + self.rest.amplitude**2)

    @property
    def slopes(self) -> Array:
        """Prior covariance of β, (features, features)."""
        return self.doubt + self.linear**2 * np.diag(self._open.astype(np.float64))

    def line(self, left: Array, right: Array) -> Array:
        """Of the slopes that nothing is believed of."""
        return np.asarray(self.linear**2 * left[:, self._open] @ right[:, self._open].T)

    @property
    def _open(self) -> Array:
        return np.asarray(np.diag(self.doubt) == 0)
