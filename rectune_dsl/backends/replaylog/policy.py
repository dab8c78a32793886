"""From a config to choice probabilities: softmax over the score, or the slate itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import Config, Panel

Functions = Mapping[str, Callable[..., NDArray[Any]]]


_LARGEST = 1e300
"""Stands for infinity among scores, so that differences stay finite."""


class Policy(Protocol):
    """pi(candidate | context) under a config."""

    def probabilities(
        self, panel: Panel, position: NDArray[np.int64] | None, config: Config
    ) -> NDArray[np.float64]:
        """(requests, candidates), 0 where a pool has no such candidate. `position` (requests,) from 1."""
        ...


def policy_of(
    task: Task,
    width: int,
    functions: Functions | None = None,
    examination: NDArray[np.float64] | None = None,
) -> Policy:
    """The policy that the task's `[replay]` names, over at most `width` candidates. With `examination`
    (positions,) a slate is examined as a whole."""
    assert task.replay is not None
    if task.replay.policy == "softmax":
        return SoftmaxPolicy(task, width, functions)
    return SlatePolicy(task, functions, examination)


class SoftmaxPolicy:
    """pi(a | x) = exp score(x, a) / sum over x's candidates of exp score(x, .).

    One stage, no re-ranking: every impression is a draw of its own, whatever the stage keeps. A score that
    is not a number, or minus infinity, is never drawn, unless all are; then all are drawn alike. What a
    filter drops is never drawn; where it drops all, nothing is shown.
    """

    def __init__(self, task: Task, width: int, functions: Functions | None = None) -> None:
        name = task.slate_stage
        # the funnel scores what it keeps, so a stage that keeps everything gives every score
        everything = task.stages[name].model_copy(update={"keep": width, "diversity": None})
        self._funnel = Funnel(task.model_copy(update={"stages": {name: everything}}), functions)

    def probabilities(
        self, panel: Panel, position: NDArray[np.int64] | None, config: Config
    ) -> NDArray[np.float64]:
        slates = self._funnel.slates(panel, config)
        scores = np.full(panel.items.shape, -np.inf)
        there = np.zeros(panel.items.shape, np.bool_)
        request, place = np.nonzero(slates.candidates >= 0)
        scores[request, slates.candidates[request, place]] = slates.scores[request, place]
        there[request, slates.candidates[request, place]] = True
        return softmax(scores, there)


class SlatePolicy:
    """The funnel's slate: at position p its p-th item; without positions, each of its items alike.

    A position beyond the slate's end shows nothing, and the config chooses no item there. With `examination`
    the position is the last one that is shown, and every item above it counts by how often it is looked at.
    """

    def __init__(
        self,
        task: Task,
        functions: Functions | None = None,
        examination: NDArray[np.float64] | None = None,
    ) -> None:
        self._funnel = Funnel(task, functions)
        self._examination = examination

    def probabilities(
        self, panel: Panel, position: NDArray[np.int64] | None, config: Config
    ) -> NDArray[np.float64]:
        slates = self._funnel.slates(panel, config).candidates
        shown = slates >= 0
        places = np.arange(1, slates.shape[1] + 1)
        if position is None:
            share = shown / np.maximum(shown.sum(axis=1, keepdims=True), 1)
        elif self._examination is None:
            share = (shown & (places == position[:, None])).astype(np.float64)
        else:
            share = shown * examined_until(position, self._examination, slates.shape[1])
        chosen = np.zeros(panel.items.shape)
        request, place = np.nonzero(shown)
        chosen[request, slates[request, place]] = share[request, place]
        return chosen


def examined_until(
    last: NDArray[np.int64], examination: NDArray[np.float64], width: int
) -> NDArray[np.float64]:
    """How looks are shared among a slate's positions up to the `last` (slates,): (slates, width).

    `examination` (positions,) has at least `last` positions.
    """
    known = np.zeros(width)
    known[: len(examination)] = examination[:width]
    looks = np.where(np.arange(1, width + 1) <= last[:, None], known, 0.0)
    total = np.cumsum(examination)[last - 1]
    return np.asarray(looks / total[:, None])


def softmax(scores: NDArray[np.float64], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Row by row over what is `valid`, 0 where nothing is; both (requests, candidates)."""
    usable = np.where(valid & ~np.isnan(scores), scores, -np.inf)
    usable = np.minimum(usable, _LARGEST)
    none = ~np.isfinite(usable).any(axis=1, keepdims=True)
    usable = np.where(none & valid, 0.0, usable)
    largest = usable.max(axis=1, keepdims=True)
    weights = np.exp(usable - np.where(np.isfinite(largest), largest, 0.0))
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(weights, total, out=np.zeros_like(weights), where=total > 0))
