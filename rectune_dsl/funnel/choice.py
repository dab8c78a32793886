"""Who computes: NumPy, or compiled kernels where numba is installed. The one place that decides."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Protocol

from rectune_dsl.funnel.alive import Alive
from rectune_dsl.funnel.source import SignalSource
from rectune_dsl.funnel.stage import CompiledStage
from rectune_dsl.hooks.api import Config
from rectune_dsl.hooks.errors import UsageError

VARIABLE = "RECTUNE_KERNEL"
"""Set to `numpy` or `numba`, it decides; unset, or empty, numba runs where it is installed."""
_DECIDED: ContextVar[bool | None] = ContextVar("decided", default=None)
"""Whether numba runs, where that was decided elsewhere."""


class Runner(Protocol):
    """A stage as whoever was chosen runs it."""

    def run(self, source: SignalSource, config: Config, alive: Alive) -> Alive: ...

    def run_all(self, source: SignalSource, configs: Sequence[Config], alive: Alive) -> Alive: ...


def runner() -> Callable[[CompiledStage], Runner]:
    """What makes a stage ready to run. Does not depend on how many requests there are: whether they come in
    one chunk or in many must not show in results.

    Raises UsageError for a kernel that is not known, or not installed.
    """
    if not compiled():
        return _as_it_is
    from rectune_dsl.funnel.compiled.stage import kernel_stage  # numba takes a while to import

    return kernel_stage


def compiled() -> bool:
    """Whether numba runs. Raises UsageError for a kernel that is not known, or not installed."""
    if (decided := _DECIDED.get()) is not None:
        return decided
    asked = os.environ.get(VARIABLE, "")
    if asked not in ("", "numpy", "numba"):
        raise UsageError(f"{VARIABLE} is `{asked}`", help="the kernels are: numba, numpy")
    installed = find_spec("numba") is not None
    if asked == "numba" and not installed:
        raise UsageError(f"{VARIABLE} is `numba`, which is not installed", help="pip install 'rectune[fast]'")
    return installed and asked != "numpy"


@contextmanager
def as_decided(numba: bool) -> Iterator[None]:
    """Within it, `compiled()` is what it was elsewhere, whatever this process' environment says: work that is
    sent away is done as it would have been done at home. Raises UsageError where numba is needed and not
    installed."""
    if numba and find_spec("numba") is None:
        message = "work was sent here to be done with numba, which is not installed"
        raise UsageError(message, help=f"pip install 'rectune[fast]' here too, or set {VARIABLE}=numpy there")
    token = _DECIDED.set(numba)
    try:
        yield
    finally:
        _DECIDED.reset(token)


def _as_it_is(stage: CompiledStage) -> Runner:
    return stage
