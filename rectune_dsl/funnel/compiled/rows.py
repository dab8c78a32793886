"""Operations on rows: one value per candidate of a request, loops that a compiler vectorises.

Rows never overlap, and every function's `to` is another row than what it reads.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.funnel.compiled import mathematics, opcodes
from rectune_dsl.funnel.compiled.jit import kernel

Row = NDArray[np.float32]

_ONE, _ZERO = np.float32(1.0), np.float32(0.0)
_INFINITY = np.float32(np.inf)


@kernel("void(int64, float32[::1], float32[::1], float32[::1])")
def with_row(operation: int, to: Row, a: Row, b: Row) -> None:
    width = to.size
    if operation == opcodes.ADD:
        for i in range(width):
            to[i] = a[i] + b[i]
    elif operation == opcodes.SUBTRACT:
        for i in range(width):
            to[i] = a[i] - b[i]
    elif operation == opcodes.MULTIPLY:
        for i in range(width):
            to[i] = a[i] * b[i]
    elif operation == opcodes.DIVIDE:
        for i in range(width):
            to[i] = a[i] / b[i]
    elif operation == opcodes.MINIMUM:
        for i in range(width):
            to[i] = a[i] if a[i] < b[i] or a[i] != a[i] else b[i]
    elif operation == opcodes.MAXIMUM:
        for i in range(width):
            to[i] = a[i] if a[i] > b[i] or a[i] != a[i] else b[i]
    elif operation == opcodes.LESS:
        for i in range(width):
            to[i] = _ONE if a[i] < b[i] else _ZERO
    elif operation == opcodes.LESS_EQUAL:
        for i in range(width):
            to[i] = _ONE if a[i] <= b[i] else _ZERO
    elif operation == opcodes.EQUAL:
        for i in range(width):
            to[i] = _ONE if a[i] == b[i] else _ZERO
    elif operation == opcodes.NOT_EQUAL:
        for i in range(width):
            to[i] = _ONE if a[i] != b[i] else _ZERO


@kernel("void(int64, float32[::1], float32[::1], float32)")
def compare_scalar(operation: int, to: Row, a: Row, s: np.float32) -> None:
    width = to.size
    if operation == opcodes.LESS_SCALAR:
        for i in range(width):
            to[i] = _ONE if a[i] < s else _ZERO
    elif operation == opcodes.LESS_EQUAL_SCALAR:
        for i in range(width):
            to[i] = _ONE if a[i] <= s else _ZERO
    elif operation == opcodes.MORE_SCALAR:
        for i in range(width):
            to[i] = _ONE if a[i] > s else _ZERO
    elif operation == opcodes.MORE_EQUAL_SCALAR:
        for i in range(width):
            to[i] = _ONE if a[i] >= s else _ZERO
    elif operation == opcodes.EQUAL_SCALAR:
        for i in range(width):
            to[i] = _ONE if a[i] == s else _ZERO
    elif operation == opcodes.NOT_EQUAL_SCALAR:
        for i in range(width):
            to[i] = _ONE if a[i] != s else _ZERO


@kernel("void(int64, float32[::1], float32[::1], float32)")
def with_scalar(operation: int, to: Row, a: Row, s: np.float32) -> None:
    width = to.size
    if operation == opcodes.ADD_SCALAR:
        for i in range(width):
            to[i] = a[i] + s
    elif operation == opcodes.SUBTRACT_SCALAR:
        for i in range(width):
            to[i] = a[i] - s
    elif operation == opcodes.SUBTRACT_FROM:
        for i in range(width):
            to[i] = s - a[i]
    elif operation == opcodes.MULTIPLY_SCALAR:
        for i in range(width):
            to[i] = a[i] * s
    elif operation == opcodes.DIVIDE_SCALAR:
        for i in range(width):
            to[i] = a[i] / s
    elif operation == opcodes.DIVIDE_INTO:
        for i in range(width):
            to[i] = s / a[i]
    elif operation == opcodes.MINIMUM_SCALAR:
        for i in range(width):
            to[i] = a[i] if a[i] < s or a[i] != a[i] else s
    elif operation == opcodes.MAXIMUM_SCALAR:
        for i in range(width):
            to[i] = a[i] if a[i] > s or a[i] != a[i] else s
    elif operation == opcodes.FILL:
        for i in range(width):
            to[i] = s
    else:
        compare_scalar(operation, to, a, s)


@kernel("void(int64, float32[::1], float32[::1], float32[::1], float32[::1])")
def plain(operation: int, to: Row, a: Row, b: Row, c: Row) -> None:
    width = to.size
    if operation == opcodes.NEGATIVE:
        for i in range(width):
            to[i] = -a[i]
    elif operation == opcodes.ABSOLUTE:
        for i in range(width):
            to[i] = abs(a[i])
    elif operation == opcodes.SQUARE_ROOT:
        for i in range(width):
            to[i] = np.sqrt(a[i])
    elif operation == opcodes.WHERE:
        for i in range(width):
            to[i] = b[i] if a[i] != _ZERO else c[i]


@kernel("boolean(float32[::1], float32[::1], float64)")
def _simple_power(to: Row, a: Row, y: float) -> bool:
    """Powers that are something else, as NumPy's are for the same exponents: `** 0.5` is the square root,
    which differs for minus infinity and minus 0."""
    width = to.size
    if y == 0.5:
        for i in range(width):
            to[i] = np.sqrt(a[i])
    elif y == 2.0:
        for i in range(width):
            to[i] = a[i] * a[i]
    elif y == 1.0:
        for i in range(width):
            to[i] = a[i]
    elif y == -1.0:
        for i in range(width):
            to[i] = _ONE / a[i]
    else:
        return False
    return True


@kernel("void(float32[::1], float32[::1], float64)")
def _power(to: Row, a: Row, y: float) -> None:
    """`a` to the y. Where all of a row is above 0 and finite, as probabilities are, no case is special."""
    if _simple_power(to, a, y):
        return
    width = to.size
    others = np.int32(0)
    for i in range(width):
        others |= np.int32(0) if (a[i] > _ZERO) & (a[i] < _INFINITY) else np.int32(1)
    if others == 0 and y - y == 0.0:
        for i in range(width):
            to[i] = mathematics.exp2(y * mathematics.log2_of_positive(np.float64(a[i])))
    else:
        for i in range(width):
            to[i] = mathematics.power(np.float64(a[i]), y)


@kernel("void(int64, float32[::1], float32[::1], float32[::1], float32)")
def transcendental(operation: int, to: Row, a: Row, b: Row, s: np.float32) -> None:
    width = to.size
    if operation == opcodes.POWER:
        for i in range(width):
            to[i] = mathematics.power(np.float64(a[i]), np.float64(b[i]))
    elif operation == opcodes.POWER_SCALAR:
        _power(to, a, np.float64(s))
    elif operation == opcodes.LOG:
        for i in range(width):
            to[i] = mathematics.log(np.float64(a[i]))
    elif operation == opcodes.LOG1P:
        for i in range(width):
            to[i] = mathematics.log1p(np.float64(a[i]))
    elif operation == opcodes.EXP:
        for i in range(width):
            to[i] = mathematics.exp(np.float64(a[i]))
    elif operation == opcodes.TANH:
        for i in range(width):
            to[i] = mathematics.tanh(np.float64(a[i]))
    elif operation == opcodes.SIGMOID:
        for i in range(width):  # rounded step by step, as NumPy does it
            e = np.float32(mathematics.exp(-np.float64(a[i])))
            to[i] = _ONE / (_ONE + e)
