"""One task file under suspicion: does reading it break a promise?

Promises: nothing raises, nothing takes more than SECONDS of processor time, nothing needs more than MEGABYTES
above what the process had before; and what `check` passes can be compiled, sampled and run, with finite
scores.
"""

from __future__ import annotations

import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import numpy as np

from rectune_dsl.dsl.check import Environment, check
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.source import Source
from rectune_dsl.dsl.space import Space
from rectune_dsl.funnel.alive import Alive
from rectune_dsl.funnel.source import SOURCE, PanelSource
from rectune_dsl.funnel.stage import CompiledStage, compile_stage
from rectune_dsl.hooks.api import Config, Panel
from rectune_dsl.workflow.compile import compile_task

SECONDS = 1.0
MEGABYTES = 200
_CONFIGS, _REQUESTS, _CANDIDATES = 16, 4, 16
_FRAMES = -6
_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss

Kind = Literal["raised", "hung", "memory", "rejected", "not finite"]


@dataclass(frozen=True)
class Failure:
    """A promise that was broken, and how."""

    kind: Kind
    detail: str


@dataclass(frozen=True)
class Outcome:
    """What became of one file. `passed` is whether `check` found no error."""

    passed: bool
    seconds: float
    failure: Failure | None = None


class _HungError(BaseException):
    """No `except Exception` may swallow it."""


def examine(path: Path, environment: Environment) -> Outcome:
    """Read one file and try what a passing one promises."""
    before, started = peak_megabytes(), time.process_time()
    task: Task | None = None
    kind: Kind = "raised"
    failure = None
    try:
        with _limit(SECONDS):
            task = check(Source.read(path), environment).task
        seconds = time.process_time() - started
        kind = "rejected"
        if task is not None:
            failure = _try(task, environment)
    except _HungError:
        seconds, failure = SECONDS, Failure("hung", traceback.format_exc(limit=_FRAMES))
    except Exception:
        seconds = time.process_time() - started
        failure = Failure(kind, traceback.format_exc(limit=_FRAMES))
    grown = peak_megabytes() - before
    if failure is None and seconds > SECONDS:
        failure = Failure("hung", f"{seconds:.1f} s")
    if failure is None and grown > MEGABYTES:
        failure = Failure("memory", f"{grown:.0f} MB more")
    return Outcome(task is not None, seconds, failure)


def peak_megabytes() -> float:
    """The most memory that the process has ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT / 1e6


def _try(task: Task, environment: Environment) -> Failure | None:
    compile_task(task)
    stages = [compile_stage(task, name, environment.implementations) for name in task.stages]
    space = Space(task)
    generator = np.random.Generator(np.random.Philox(key=0))
    points = space.sample(generator, _CONFIGS)
    for values in [task.production, *(space.from_unit(p) for p in points)]:
        if broken := space.violations(values):
            return Failure("rejected", f"a sampled config is not feasible: {broken[0]}")
        if stage := _infinite(stages, PanelSource(_panel(task, generator)), Config(values)):
            return Failure("not finite", f"score of stage {stage} at {values}")
    return None


def _infinite(stages: Sequence[CompiledStage], source: PanelSource, config: Config) -> str | None:
    """The stage whose scores, as they are served, are not all finite, if any."""
    alive = Alive(None, None, None)
    for stage in stages:
        alive = stage.run(source, config, alive)
        assert alive.scores is not None  # every stage has scored
        there = True if alive.valid is None else alive.valid
        if not (np.isfinite(alive.scores) | ~np.broadcast_to(there, alive.scores.shape)).all():
            return stage.name
    return None


def _panel(task: Task, generator: np.random.Generator) -> Panel:
    """A few requests with every signal, key and source that a task may ask for."""
    signals = {name: _values(generator, s.kind, s.domain) for name, s in task.signals.items()}
    keys = {stage.diversity.by for stage in task.stages.values() if stage.diversity is not None}
    shape = (_REQUESTS, _CANDIDATES)
    counted = {key: generator.integers(0, 5, shape, np.int32) for key in sorted(keys - {SOURCE})}
    labels = {SOURCE: (*task.sources, "elsewhere")} if task.sources or SOURCE in keys else {}
    for key, names in labels.items():
        counted[key] = generator.integers(0, len(names), shape, np.int32)
    items = np.arange(_REQUESTS * _CANDIDATES).reshape(shape)
    return Panel(dict.fromkeys(task.stages, signals), counted, items, labels=labels)


def _values(generator: np.random.Generator, kind: str, domain: tuple[float, float]) -> Any:
    """A signal's values over its domain, both ends among them."""
    unit = generator.random((_REQUESTS, _CANDIDATES) if kind in ("prediction", "item") else _REQUESTS)
    lot = generator.random(unit.shape)
    unit = np.where(lot < 0.2, 0.0, np.where(lot > 0.8, 1.0, unit))
    return (domain[0] * (1 - unit) + domain[1] * unit).astype(np.float32)


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Raise when this much processor time is used up. Other processes' load does not count."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise _HungError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
