"""A stage that the kernel runs; where it cannot, the stage itself does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.formula import Name, evaluate
from rectune_dsl.funnel.alive import Alive, one_by_one
from rectune_dsl.funnel.compiled import kernel, request
from rectune_dsl.funnel.compiled.program import Program, compile_program
from rectune_dsl.funnel.select import Scores, Valid
from rectune_dsl.funnel.source import SignalSource, stored_of
from rectune_dsl.funnel.stage import CompiledStage, Values
from rectune_dsl.hooks.api import Config

_ALL = 1 << 40


@dataclass(frozen=True, eq=False)
class Bound:
    """A program's input for one chunk, and each config's values of names. `arrays` are what `columns` points
    into, and keep it alive."""

    program: Program
    arrays: tuple[NDArray[np.float32], ...]
    columns: NDArray[np.int64]
    scalars: NDArray[np.float32]
    alive: NDArray[np.int64]
    valid: Valid
    values: tuple[Values, ...]
    width: int

    @property
    def arguments(self) -> tuple[Any, ...]:
        """As every kernel takes them."""
        p = self.program
        program = (p.code, p.registers, p.score, p.filters, p.penalty)
        return (*program, self.columns, self.scalars, self.alive, self.valid, self.width)


@dataclass(frozen=True)
class KernelStage:
    """A stage and its program."""

    stage: CompiledStage
    program: Program

    def run(self, source: SignalSource, config: Config, alive: Alive) -> Alive:
        """As CompiledStage.run does it."""
        bound = self.bind(source, [config], alive)
        if bound is None:
            return self.stage.run(source, config, alive)
        if self.stage.sources is not None:
            return self._blended(source, config, alive, bound)
        return self._chosen(source, config, alive, bound)

    def run_all(self, source: SignalSource, configs: Sequence[Config], alive: Alive) -> Alive:
        """As CompiledStage.run_all does it, in one call where they have the same quotas."""
        quotas = None if self.stage.sources is None else self.stage.sources.quotas(configs[0])
        alike = self.stage.sources is None or all(self.stage.sources.quotas(c) == quotas for c in configs)
        if not alike or (bound := self.bind(source, configs, alive)) is None:
            return one_by_one(self.run, source, configs, alive)
        if quotas is None:
            return self._chosen(source, configs[0], alive, bound)
        alive = alive.repeated(source.requests, bound.width, len(configs))
        return self._blended(source, configs[0], alive, bound)

    def bind(self, source: SignalSource, configs: Sequence[Config], alive: Alive) -> Bound | None:
        """For one config after the other. None where a signal or a scalar is not of the kind that the program
        was made for."""
        requests = source.requests
        width = source.candidates if alive.candidates is None else alive.candidates.shape[1]
        signals, stored = self._signals(source, alive)
        if alive.scores is not None:
            signals = {**signals, "score": alive.scores}
        flat = {name: array[:, None] for name, array in signals.items() if array.ndim == 1}
        values = [{**config.values, **self.stage.constants, **flat} for config in configs]
        scalars = _scalars(self.program, self.stage, values, requests)
        widths = {n: width if n == "score" or not stored else source.candidates for n in self.program.columns}
        rows = (requests, len(configs) * requests)
        arrays = [_rows(signals[name], rows, widths[name]) for name in self.program.columns]
        if scalars is None or any(array is None for array in arrays) or width == 0:
            return None
        usable = tuple(array for array in arrays if array is not None)
        gathered = [stored and name != "score" for name in self.program.columns]
        return Bound(
            program=self.program,
            arrays=usable,
            columns=_pointers(usable, gathered),
            scalars=scalars,
            alive=_whole(alive.candidates, np.int64, requests),
            valid=_whole(alive.valid, np.bool_, requests),
            values=tuple(values),
            width=width,
        )

    def _signals(self, source: SignalSource, alive: Alive) -> tuple[Mapping[str, NDArray[Any]], bool]:
        """What the stage reads, and whether it is there for all candidates instead of those alive."""
        if alive.candidates is not None and (whole := stored_of(source)) is not None:
            return whole.stored(self.stage.name, self.stage.signals), True
        return source.signals(self.stage.name, self.stage.signals, alive.candidates), False

    def _blended(self, source: SignalSource, config: Config, alive: Alive, bound: Bound) -> Alive:
        scores, passing = scores_of(bound)
        alive = alive.among(passing)
        penalties = [self.stage.penalty(values, alive) for values in bound.values]
        if len(penalties) == 1:
            return self.stage.choose(source, config, alive, scores, penalties[0])
        rows = [np.broadcast_to(np.asarray(p, np.float32), (source.requests, 1)) for p in penalties]
        return self.stage.choose(source, config, alive, scores, np.concatenate(rows))

    def _chosen(self, source: SignalSource, config: Config, alive: Alive, bound: Bound) -> Alive:
        stage, width = self.stage, bound.width
        kept = min(stage.keep_count(config), width)
        how, most = request.SORT if stage.last else request.KEEP, _ALL
        sharing = np.empty((source.requests, 0), np.int32)
        if stage.diversity is not None:
            how = request.PICK if stage.last else request.PICK_IN_PLACE
            most = _ALL if stage.diversity.max_per_key is None else stage.diversity.max_per_key
            sharing = _own(source.keys(stage.diversity.by, alive.candidates), np.int32)
        shape = (len(bound.scalars), kept)
        chosen = np.empty(shape, np.int64)
        scores, there = np.empty(shape, np.float32), np.empty(shape, np.bool_)
        nobody = kernel.run(*bound.arguments, how, kept, most, sharing, chosen, scores, there)
        return Alive(chosen, scores, there if nobody else None)


def scores_of(bound: Bound) -> tuple[Scores, Valid | None]:
    """Every candidate's score, and who is there and passes the filters; None where that is everybody."""
    shape = (bound.scalars.shape[0], bound.width)
    scores, passing = np.empty(shape, np.float32), np.empty(shape, np.bool_)
    kernel.score(*bound.arguments, scores, passing)
    return scores, None if passing.all() else passing


def kernel_stage(stage: CompiledStage) -> KernelStage | CompiledStage:
    """The stage as the kernel runs it, or as it is where only NumPy can."""
    program = compile_program(stage)
    return stage if program is None else KernelStage(stage, program)


def _scalars(
    program: Program, stage: CompiledStage, values: Sequence[dict[str, Any]], requests: int
) -> NDArray[np.float32] | None:
    """(configs * requests, scalars), evaluated by NumPy from each config's `values`. Adds the terms that have
    one value per request to them."""
    scalars = np.zeros((len(values), requests, max(1, len(program.scalars))), np.float32)
    with np.errstate(over="ignore"):
        for of_config, own in zip(scalars, values, strict=True):
            for term, tree in program.terms:
                own[term] = evaluate(tree, own, functions=stage.functions)
            for number, tree in enumerate(program.scalars):
                # most are params, and looking one up takes a fraction of the time of evaluating its name
                if isinstance(tree, Name):
                    value = own[tree.name]
                else:
                    value = evaluate(tree, own, functions=stage.functions)
                if isinstance(value, np.ndarray) and value.dtype != np.float32:
                    return None  # it would make wider what it meets
                of_config[:, number : number + 1] = value
    return scalars.reshape(-1, scalars.shape[2])


def _rows(array: NDArray[Any], rows: tuple[int, int], width: int) -> NDArray[np.float32] | None:
    """The array with each row in one piece; None where it is not by candidate, or not float32.

    All configs may have the same rows, or each its own: `rows` are how many there may be.
    """
    if array.ndim != 2 or array.shape[0] not in rows or array.shape[1] != width or array.dtype != np.float32:
        return None
    strided = array.strides[1] == array.itemsize and array.strides[0] % array.itemsize == 0
    return array if strided and array.strides[0] >= 0 else np.ascontiguousarray(array)


def _pointers(arrays: tuple[NDArray[np.float32], ...], gathered: list[bool]) -> NDArray[np.int64]:
    rows = [
        (array.ctypes.data, array.strides[0] // array.itemsize, is_gathered, array.shape[0])
        for array, is_gathered in zip(arrays, gathered, strict=True)
    ]
    return np.array(rows, np.int64).reshape(-1, 4)


def _whole(array: NDArray[Any] | None, kind: type[np.generic], requests: int) -> NDArray[Any]:
    return np.empty((requests, 0), kind) if array is None else _own(array, kind)


def _own(array: NDArray[Any], kind: type[np.generic]) -> NDArray[Any]:
    """As kernels take arrays: in one piece, and not read-only, although none is written to."""
    return np.require(array, kind, ["C", "W"])
