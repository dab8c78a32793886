"""Exponentials and logarithms that a compiler can vectorise: float32 in and out, float64 between.

Between, everything is a normal number, so that subnormals, overflow and underflow need no cases of their
own: the rounding to float32 makes them. Polynomials are Chebyshev interpolants; their relative errors, 3e-14
for log2(x) and 2.6e-9 for 2**x, are small beside float32's 6e-8: results lie within 0.54 units in the last
place of the true ones, of which rounding alone may be 0.5.
"""

from __future__ import annotations

import numba

from rectune_dsl.funnel.compiled.jit import bits_of, floor, from_bits

_ROOT_HALF = 0x3FE6A09E667F3BCD
"""Bits of the square root of 1/2, where mantissas start."""
_ROUNDER = 6755399441055744.0
"""1.5 * 2**52: adding it to a number below 2**51 leaves its nearest integer in the last bits."""
_ROUNDER_BITS = 0x4338000000000000
_LN2 = 0.6931471805599453
_LOG2_E = 1.4426950408889634
_INFINITY = float("inf")

_inlined = numba.njit(error_model="numpy", fastmath={"contract"}, forceinline=True)


@_inlined
def _log2_of_ratio(above: float, below: float) -> float:
    """log2((below + above) / (below - above)), for ratios from sqrt(1/2) to sqrt(2)."""
    s = above / below
    z = s * s
    p = 0.31990690341390743 + z * 0.282880085722808
    p = 0.4122092302361814 + z * p
    p = 0.5770779424638803 + z * p
    p = 0.961796694113835 + z * p
    return s * (2.885390081777848 + z * p)


@_inlined
def log2_of_positive(x: float) -> float:
    """The logarithm to base 2 of what is above 0 and finite."""
    bits = bits_of(x)
    exponent = (bits - _ROOT_HALF) >> 52
    mantissa = from_bits(bits - (exponent << 52))
    whole = from_bits(exponent + _ROUNDER_BITS) - _ROUNDER
    return whole + _log2_of_ratio(mantissa - 1.0, mantissa + 1.0)


@_inlined
def _with_limits(x: float, result: float) -> float:
    result = -_INFINITY if x == 0.0 else result
    result = x if x == _INFINITY else result
    return result if x >= 0.0 else x - x + (_INFINITY - _INFINITY)


@_inlined
def log2(x: float) -> float:
    """The logarithm to base 2; minus infinity at 0, NaN below."""
    return _with_limits(x, log2_of_positive(x))


@_inlined
def log1p(x: float) -> float:
    """The natural logarithm of 1 + x, exact also where 1 + x would round x away."""
    sum_ = 1.0 + x
    bits = bits_of(sum_)
    exponent = (bits - _ROOT_HALF) >> 52
    mantissa = from_bits(bits - (exponent << 52))
    whole = from_bits(exponent + _ROUNDER_BITS) - _ROUNDER
    above = x if exponent == 0 else mantissa - 1.0
    result = whole + _log2_of_ratio(above, mantissa + 1.0)
    return x if x == 0.0 else _with_limits(sum_, result) * _LN2  # minus 0 stays


@_inlined
def log(x: float) -> float:
    return log2(x) * _LN2


@_inlined
def exp2(x: float) -> float:
    """2 to the x, for |x| to 1000 and beyond it as at 1000, which is far beyond float32."""
    x = 1000.0 if x > 1000.0 else x
    x = -1000.0 if x < -1000.0 else x
    shifted = x + _ROUNDER
    whole = shifted - _ROUNDER
    r = x - whole
    p = 0.0013400428177711937 + r * 0.00015461444724808513
    p = 0.00961805667843204 + r * p
    p = 0.05550327226669895 + r * p
    p = 0.24022650922289554 + r * p
    p = 0.6931472067028329 + r * p
    p = 1.0 + r * p
    return p * from_bits((bits_of(shifted) - _ROUNDER_BITS + 1023) << 52)


@_inlined
def exp(x: float) -> float:
    return exp2(x * _LOG2_E)


@_inlined
def tanh(x: float) -> float:
    size = abs(x)
    z = x * x
    p = 0.003268753875780161 + z * -0.0008365537125702309
    p = -0.008770058299933228 + z * p
    p = 0.021854251562405558 + z * p
    p = -0.05396688386664914 + z * p
    p = 0.1333332723683782 + z * p
    p = -0.333333332294228 + z * p
    near = x * (0.9999999999970807 + z * p)
    far = 1.0 - 2.0 / (exp(2.0 * size) + 1.0)
    far = -far if x < 0.0 else far
    return near if size < 0.6 else far


@_inlined
def power(x: float, y: float) -> float:
    """x to the y, as C's pow has it at zeros, infinities, NaN and negative bases."""
    size = abs(x)
    result = exp2(y * log2(size))
    negative = bits_of(x) < 0
    half = 0.5 * y
    is_whole = floor(y) == y
    # & and |, not `and` and `or`: branches would keep the loop from being vectorised
    is_odd = is_whole & (floor(half) != half)
    result = -result if negative & is_odd else result
    no_root = (x < 0.0) & (size < _INFINITY) & (not is_whole)
    result = _INFINITY - _INFINITY if no_root else result
    # 0 * infinity is NaN above, and these are 1 whatever the other is
    one = (y == 0.0) | (x == 1.0) | ((x == -1.0) & (abs(y) == _INFINITY))
    return 1.0 if one else result
