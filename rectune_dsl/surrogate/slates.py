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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import Config, RoundResult, WhatIf
from rectune_dsl.surrogate.cautious import CautiousSurrogate
from rectune_dsl.surrogate.gp import Observations
from rectune_dsl.surrogate.hygiene import surprise
from rectune_dsl.surrogate.hyper import Fitted
from rectune_dsl.surrogate.hyper import fit as fit_process
from rectune_dsl.surrogate.kernels import Array, Hyperparameters, matern52, matern52_by_lengthscale
from rectune_dsl.surrogate.processes import ProcessSurrogate
from rectune_dsl.surrogate.semantics import MechanicsPrior, by_names, product
from rectune_dsl.surrogate.told import NOTHING, Told

AMPLITUDE = 0.1
"""Lift, as a standard deviation, of a config from anywhere in the box, where no guardrail says more."""
PER_MARGIN = 2.2
"""The same in margins of the metric's guardrail: teams set limits to what they have seen changes do."""
LEAST_SIZE = 0.4
"""What is learnt elsewhere of sizes counts down to this share of what is believed without it: a task may move
a metric in ways that no other did."""
AGAINST = float(np.log(3.0))
"""Priors that the data speak against by more than this log evidence are dropped."""
_LITTLE = 0.1
"""A feature whose production value is less than this share of its spread has no relative changes."""
_TINY = 1e-9
SlateSurrogate = ProcessSurrogate | CautiousSurrogate


def fit(
    task: Task,
    history: Sequence[RoundResult],
    whatif: WhatIf,
    told: Told = NOTHING,
    widened: float = 1.0,
) -> ProcessSurrogate:
    """Learn from finished rounds what slates do to metrics. What was `told` comes on top of what heads are
    named; all standard deviations are `widened` by a factor, where there is reason to doubt the panel."""
    return ProcessSurrogate(task, history, SlateView(task, whatif, told, widened))


def fit_cautiously(
    task: Task, history: Sequence[RoundResult], whatif: WhatIf, told: Told, widened: float = 1.0
) -> SlateSurrogate:
    """The same; before this campaign has measured anything, what it was told of elasticities alone makes
    nothing safe."""
    surrogate = fit(task, history, whatif, told, widened)
    if not told.priors or any(not result.frozen for result in history):
        return surrogate
    return CautiousSurrogate(surrogate, fit(task, history, whatif, replace(told, priors=()), widened))


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

    def __init__(self, task: Task, whatif: WhatIf, told: Told = NOTHING, widened: float = 1.0) -> None:
        self._task, self._widened = task, widened
        self._space = Space(task)
        self._whatif = whatif
        self.features = whatif.names
        self.scale = np.maximum(whatif.spread / _base(whatif), _TINY) * np.sqrt(max(len(whatif.names), 1))
        names = by_names(task, whatif.names)
        self._named = Told(names)
        believed = (Told(names, told.sizes), Told((*names, *told.priors), told.sizes))
        self._told = (self._named,) if not told else believed if told.priors else believed[:1]

    def points(self, configs: Sequence[Config]) -> Array:
        units = self._space.to_units([config.values for config in configs])
        return np.hstack([relative_changes(self._whatif, configs) / self.scale, units])

    def fit(self, observations: Observations, weights: Mapping[str, float]) -> Fitted:
        """With what names tell, and with what was learnt elsewhere, unless the data speak against it."""
        fits = [fit_process(observations, self.family(weights))]
        for told in self._told:
            informed = self.family(weights, told)
            if informed.doubt.any() or told.sizes:
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

    def family(self, weights: Mapping[str, float], told: Told = NOTHING) -> SlatedFamily:
        """What is believed of the metrics' weighted sum."""
        sizes = {metric: self._size(metric, told) for metric in weights}
        amplitude = float(np.sqrt(sum((weights[m] * size) ** 2 for m, size in sizes.items())))
        features = len(self.features)
        mean, covariance = np.zeros(features), np.zeros((features, features))
        for metric, weight in weights.items():
            believed = self._believed(metric, told, sizes[metric])
            if believed is not None:
                at = np.array([self.features.index(cause) for cause in believed.causes])
                scale = self.scale[at]
                mean[at] += weight * believed.mean * scale
                covariance[np.ix_(at, at)] += weight**2 * believed.covariance * np.outer(scale, scale)
        return SlatedFamily(features, self._space.dimension, amplitude, mean, covariance)

    def _size(self, metric: str, told: Told) -> float:
        limit = self._task.guarded.get(metric)
        margin = abs(limit.bound) if limit is not None and limit.relative else 0.0
        usual = PER_MARGIN * margin or AMPLITUDE
        return max(told.sizes.get(metric, usual), LEAST_SIZE * usual)

    def _believed(self, metric: str, told: Told, size: float) -> MechanicsPrior | None:
        """The product of all that is told of a metric's elasticities to features of this panel; levels are no
        lifts. Nothing is taken to be known of a feature that is not named like the metric but what `size`
        lets expect."""
        if metric not in self._task.lifted:
            return None
        priors = [p for p in told.priors if p.metric == metric and set(p.causes) <= set(self.features)]
        if not priors:
            return None
        named = {prior.causes for prior in self._named.priors if prior.metric == metric}
        causes = dict.fromkeys(cause for prior in priors for cause in prior.causes)
        others = (cause for cause in causes if (cause,) not in named)
        return product([*priors, *(self._open(metric, cause, size) for cause in others)])

    def _open(self, metric: str, cause: str, size: float) -> MechanicsPrior:
        sd = size / self.scale[self.features.index(cause)]
        return MechanicsPrior(metric, (cause,), np.zeros(1), np.array([[sd**2]]))


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
