"""What is believed of a metric before anything is measured: by the names of heads, or by what was learnt.

A head called `p_like` is made to predict likes. If it does so without error, showing items whose mean
prediction is 1 % higher gives 1 % more likes: an elasticity of 1. Heads err, so less is believed, with doubt.
Names that are less alike tell less: a sign, and what size would be no wonder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import KnowledgeRecord, Mechanic
from rectune_dsl.surrogate.covariances import inverse
from rectune_dsl.surrogate.kernels import Array
from rectune_dsl.surrogate.limits import Z90

ELASTICITY, DOUBT = 0.5, 0.35
"""Of a metric to the mean of the signal that is named like it: expected value and standard deviation."""
PARTLY, PARTLY_DOUBT = 0.5, 0.35
"""The same where they have only some words in common: `small_creator`, `new_creator_plays`."""
KIN, KIN_DOUBT = 0.25, 0.3
"""The same between signals and metrics of attention: clicks come before minutes."""
VALENCE, VALENCE_DOUBT = 0.05, 0.05
"""Of metrics of coming back, to what users like or, with the other sign, dislike."""
REPEATING, REPEATING_DOUBT = -0.04, 0.05
"""Of metrics to be maximised, to how often a slate repeats itself."""
SLATE = "slate "
"""Begins the cause of a mechanic that is about a slate feature."""
STEP = 0.01
"""The relative change of a feature that a mechanic's effect is stated for."""
WIDENED = 2.0
"""Mechanics learnt elsewhere are believed with this many times their standard error."""
_OF_SIGNALS = frozenset({"p", "prob", "pred", "prediction", "score", "head", "is"})
_OF_METRICS = frozenset({"rate", "share", "ratio", "count", "total", "per", "user", "n"})
_ATTENTION = frozenset(
    {"click", "watch", "view", "long", "finish", "complete", "dwell", "duration", "minute", "second", "time"}
)
_COMING_BACK = frozenset({"return", "retention", "retained", "active", "dau", "visit", "session"})
_LIKED = frozenset({"like", "follow", "favorite", "save", "long", "finish", "complete"})
_DISLIKED = frozenset(
    {"hate", "dislike", "report", "block", "hide", "skip", "clickbait", "bait", "spam", "unfollow"}
)


@dataclass(frozen=True, eq=False)
class MechanicsPrior:
    """Elasticities of one metric to slate features, `causes`, believed to be normal: `mean` (causes,) and
    `covariance` (causes, causes), in lift per relative change of the feature."""

    metric: str
    causes: tuple[str, ...]
    mean: Array
    covariance: Array


def product(priors: Sequence[MechanicsPrior]) -> MechanicsPrior:
    """Of beliefs about one metric that do not depend on each other, normalised."""
    causes = tuple(dict.fromkeys(cause for prior in priors for cause in prior.causes))
    precision, weighted = np.zeros((len(causes), len(causes))), np.zeros(len(causes))
    for prior in priors:
        at = np.array([causes.index(cause) for cause in prior.causes])
        own = inverse(prior.covariance)
        precision[np.ix_(at, at)] += own
        weighted[at] += own @ prior.mean
    covariance = inverse(precision)
    return MechanicsPrior(priors[0].metric, causes, covariance @ weighted, covariance)


def by_names(task: Task, features: Sequence[str]) -> tuple[MechanicsPrior, ...]:
    """What names tell: of every judged metric and signal, the most that a rule above says."""
    found = []
    for metric, known in task.judged.items():
        said = _said_of(task, metric)
        for signal, kind in task.signals.items():
            feature = _of_signal(signal, features)
            if feature is not None and kind.kind in ("prediction", "item"):
                belief = _belief(said, _words(signal, _OF_SIGNALS))
                found += [_single(metric, feature, *belief)] if belief else []
        if known.sign > 0:
            repeats = (f for f in features if f.startswith("repetition:"))
            found += [_single(metric, feature, REPEATING, REPEATING_DOUBT) for feature in repeats]
    return tuple(found)


def _belief(metric: frozenset[str], signal: frozenset[str]) -> tuple[float, float] | None:
    """Expected elasticity and its standard deviation."""
    if signal and signal <= metric:
        return ELASTICITY, DOUBT
    if signal & metric - _ATTENTION:
        return PARTLY, PARTLY_DOUBT
    if signal & _ATTENTION and metric & _ATTENTION:
        return KIN, KIN_DOUBT
    if metric & _COMING_BACK and signal & _DISLIKED:
        return -VALENCE, VALENCE_DOUBT
    if metric & _COMING_BACK and signal & _LIKED:
        return VALENCE, VALENCE_DOUBT
    return None


def mechanics_of(knowledge: Iterable[KnowledgeRecord]) -> tuple[Mechanic, ...]:
    return tuple(record.mechanic for record in knowledge if record.mechanic is not None)


def prior_of(mechanics: Iterable[Mechanic], features: Sequence[str]) -> tuple[MechanicsPrior, ...]:
    """What was learnt elsewhere of slates that have these features, with wider doubt. Mechanics about params
    say nothing here: another model change may have moved them."""
    found = []
    for m in mechanics:
        cause = m.cause.removeprefix(SLATE)
        feature = cause if cause in features else _of_signal(cause, features)
        if m.cause.startswith(SLATE) and feature is not None:
            sd = WIDENED * (m.high - m.low) / (2.0 * Z90 * STEP)
            found.append(_single(m.metric, feature, m.effect / STEP, sd))
    return tuple(found)


def causes_of(feature: str) -> tuple[str, ...]:
    """What has to change for a slate feature to change: the signals in it, or the feature itself."""
    kind, _, name = feature.partition(":")
    return tuple(name.split("*")) if kind in ("mean", "log", "product") else (feature,)


def moved_by(cause: str, features: Sequence[str]) -> Array:
    """1 for the features that change with the cause, (features,)."""
    return np.array([cause in causes_of(feature) for feature in features], np.float64)


def _of_signal(signal: str, features: Sequence[str]) -> str | None:
    """The feature that stands for a signal."""
    return next((f for f in (f"mean:{signal}", f"log:{signal}") if f in features), None)


def _single(metric: str, cause: str, mean: float, sd: float) -> MechanicsPrior:
    return MechanicsPrior(metric, (cause,), np.array([mean]), np.array([[sd**2]]))


def _said_of(task: Task, metric: str) -> frozenset[str]:
    """The words of a metric's name; of a ratio, those of what it counts."""
    numerator = task.judged[metric].numerator
    return _words(numerator or metric, _OF_METRICS)


def _words(name: str, without: frozenset[str]) -> frozenset[str]:
    """`p_long_views` -> {long, view}."""
    return frozenset(_stem(word) for word in name.lower().split("_") if word and word not in without)


def _stem(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 else word
