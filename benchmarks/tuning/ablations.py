"""The surrogate over slates without its residual: what the panel does not see has no part in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import RoundResult, WhatIf
from rectune_dsl.surrogate.processes import ProcessSurrogate
from rectune_dsl.surrogate.slates import SlatedFamily, SlateView
from rectune_dsl.surrogate.told import NOTHING, Told

_NEXT_TO_NOTHING = 1e-6
"""Of the linear part's size: hyperparameters are logarithms."""


def fit_without_residual(task: Task, history: Sequence[RoundResult], whatif: WhatIf) -> ProcessSurrogate:
    return ProcessSurrogate(task, history, _View(task, whatif))


class _View(SlateView):
    def family(self, weights: Mapping[str, float], told: Told = NOTHING) -> SlatedFamily:
        return replace(super().family(weights, told), rest=_NEXT_TO_NOTHING)
