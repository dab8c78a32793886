"""A stage's formulas as one register program: terms inlined, common parts computed once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.dsl.formula import Call, Node, walk
from rectune_dsl.dsl.formula.functions import REQUEST_WIDE
from rectune_dsl.funnel.compiled import opcodes
from rectune_dsl.funnel.compiled.lower import Instruction, Lowering, Unsupported
from rectune_dsl.funnel.stage import CompiledStage

Code = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Program:
    """What one kernel call computes for each request.

    Rows 0, 1, ... are the signals of `columns` by candidate, then come `registers` more. `code` is
    (instructions, opcodes.WIDTH). `scalars` are formulas with one value per request, which NumPy evaluates
    for all requests at once; they may read `terms`. `score`, `filters` and `penalty` are rows of the results;
    without diversity `penalty` is the score's.
    """

    columns: tuple[str, ...]
    scalars: tuple[Node, ...]
    terms: tuple[tuple[str, Node], ...]
    code: Code
    registers: int
    score: int
    filters: Code
    penalty: int


def compile_program(stage: CompiledStage) -> Program | None:
    """None where formulas call a plugin's functions for each candidate, or do what only NumPy does."""
    penalty = stage.diversity.penalty.tree if stage.diversity is not None else None
    if penalty is not None and _ranges_over_candidates(penalty):
        return None  # it would range over what passed the filters, which scores do not
    lowering = Lowering(stage.by_candidate, stage.functions)
    try:
        terms = tuple((name, tree) for name, tree in stage.terms if not lowering.define(name, tree))
        if penalty is not None and stage.sources is not None and lowering.differs(penalty):
            return None  # quotas are NumPy's, and have only what is the same for a request's candidates
        score = lowering.row(stage.score)
        filters = [lowering.row(tree) for tree in stage.filters]
        charged = score if penalty is None else lowering.row(penalty)
    except Unsupported:
        return None
    return _allocated(lowering, terms, score, filters, charged)


def _ranges_over_candidates(tree: Node) -> bool:
    return any(isinstance(node, Call) and node.function in REQUEST_WIDE for node in walk(tree))


def _allocated(
    lowering: Lowering, terms: tuple[tuple[str, Node], ...], score: int, filters: list[int], penalty: int
) -> Program:
    """Registers in the place of values, each taken again when its last reader is through."""
    count = len(lowering.columns)
    results = {score, penalty, *filters}
    last = _last_reads(lowering.instructions)
    place = {column: number for number, column in enumerate(lowering.columns.values())}
    free: list[int] = []
    used = count
    code = []
    for step, (value, instruction) in enumerate(lowering.instructions.items()):
        if value not in last and value not in results:
            continue
        if free:
            target = free.pop()
        else:
            target, used = used, used + 1
        place[value] = target
        reads = [place.get(read, 0) for read in instruction.rows]
        code.append(_encoded(instruction, target, reads))
        for read in set(instruction.rows):
            if last[read] == step and read not in results and place[read] >= count:
                free.append(place[read])
    return Program(
        columns=tuple(lowering.columns),
        scalars=tuple(lowering.scalars),
        terms=terms,
        code=np.array(code, np.int32).reshape(-1, opcodes.WIDTH),
        registers=used - count,
        score=place[score],
        filters=np.array([place[row] for row in filters], np.int32),
        penalty=place[penalty],
    )


def _last_reads(instructions: dict[int, Instruction]) -> dict[int, int]:
    """By value, the number of the last instruction that reads it."""
    return {row: step for step, read in enumerate(instructions.values()) for row in read.rows}


def _encoded(instruction: Instruction, target: int, rows: Iterable[int]) -> tuple[int, ...]:
    a, b, c = (*rows, 0, 0, 0)[:3]
    return instruction.operation, target, a, b, c if instruction.scalar is None else instruction.scalar
