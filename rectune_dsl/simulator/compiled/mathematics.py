"""Arithmetic that a compiler can vectorise, float32 throughout, and without fused operations: what comes out
does not depend on how many candidates a loop takes at once, nor on the processor.
"""

from __future__ import annotations

import numba
import numpy as np

from rectune_dsl.funnel.compiled.jit import bits32_of, from_bits32

inlined = numba.njit(error_model="numpy", forceinline=True)

_ONE = np.float32(1.0)
_HALF = np.float32(0.5)
_LOG2_E = np.float32(1.44269504088896341)
_LN2_HIGH = np.float32(0.693359375)
"""The first bits of log(2), few enough that its product with any exponent is exact."""
_LN2_LOW = np.float32(-2.12194440e-4)
_ROUNDER = np.float32(12582912.0)
"""1.5 * 2**23: adding it to a small number leaves its nearest integer in the last bits."""
_LEAST, _MOST = np.float32(-87.0), np.float32(88.0)
"""Where results are still normal numbers."""
_P0 = np.float32(1.9875691500e-4)
_P1 = np.float32(1.3981999507e-3)
_P2 = np.float32(8.3334519073e-3)
_P3 = np.float32(4.1665795894e-2)
_P4 = np.float32(1.6666665459e-1)


@inlined
def exp(x: np.float32) -> np.float32:
    """e to the x, within about 1 unit in the last place from -87 to 88, and beyond as there. The polynomial
    is that of Cephes (Moshier 1989)."""
    x = _MOST if x > _MOST else x
    x = _LEAST if x < _LEAST else x
    shifted = x * _LOG2_E + _ROUNDER
    whole = shifted - _ROUNDER
    r = (x - whole * _LN2_HIGH) - whole * _LN2_LOW
    p = _P1 + r * _P0
    p = _P2 + r * p
    p = _P3 + r * p
    p = _P4 + r * p
    p = _HALF + r * p
    p = _ONE + (r + (r * r) * p)
    return p * from_bits32(np.int32((bits32_of(shifted) + 127) << 23))


@inlined
def sigmoid(x: np.float32) -> np.float32:
    return _ONE / (_ONE + exp(-x))
