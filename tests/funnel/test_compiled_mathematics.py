"""The compiled reader's own exponentials and logarithms, against NumPy in double precision."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

pytest.importorskip("numba")

from rectune_dsl.funnel.compiled import opcodes, rows

F = np.float32
ODD = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 1e-40, -1e-40, 1e38, 16777215.0, 1e10]
ODD += [float("inf"), float("-inf"), float("nan")]
VALUES = st.sampled_from(ODD) | st.floats(width=32) | st.floats(0, 1, width=32)
ROWS = hnp.arrays(F, st.integers(1, 40), elements=VALUES)
ULP = 0.54
"""Units in the last place of float32, between the result and the true one: half of one is rounding."""
TRUE = {
    opcodes.LOG: np.log,
    opcodes.LOG1P: np.log1p,
    opcodes.EXP: np.exp,
    opcodes.TANH: np.tanh,
}


def _run(operation, a, b=None, s=0.0):
    to = np.empty_like(a)
    rows.transcendental(operation, to, a, a if b is None else b, F(s))
    return to


def _check(found, true, ulp=ULP):
    """`true` is float64. Infinities, NaN and the signs of zeros have to be the same."""
    with np.errstate(over="ignore"):
        rounded = true.astype(F)
    same = (found == rounded) & (np.signbit(found) == np.signbit(rounded)) | np.isnan(found) & np.isnan(true)
    rest = ~same
    assert np.isfinite(found[rest]).all()
    assert (np.signbit(found[rest]) == np.signbit(rounded[rest])).all()
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(found[rest].astype(np.float64) - true[rest]) / np.spacing(np.abs(rounded[rest]))
    assert (off <= ulp).all(), (found[rest], true[rest])


@pytest.mark.parametrize("operation", TRUE)
@given(x=ROWS)
def test_functions_are_as_numpy_has_them_in_double_precision(operation, x):
    with np.errstate(all="ignore"):
        _check(_run(operation, x), TRUE[operation](x.astype(np.float64)))


@given(x=ROWS, y=VALUES)
def test_powers_of_rows_are_as_numpy_has_them_in_double_precision(x, y):
    with np.errstate(all="ignore"):
        _check(_run(opcodes.POWER_SCALAR, x, s=y), np.power(x.astype(np.float64), y))


@given(x=ROWS, data=st.data())
def test_so_are_powers_whose_exponents_differ(x, data):
    y = data.draw(hnp.arrays(F, x.shape, elements=VALUES))
    with np.errstate(all="ignore"):
        _check(_run(opcodes.POWER, x, y), np.power(x.astype(np.float64), y))


def test_every_pair_of_odd_numbers():
    x, y = (np.ascontiguousarray(v.ravel(), F) for v in np.meshgrid(ODD, ODD))
    with np.errstate(all="ignore"):
        _check(_run(opcodes.POWER, x, y), np.power(x.astype(np.float64), y))


@pytest.mark.parametrize("exponent", [0.3, 1.7, -2.5, 30.0, -0.01])
def test_a_million_powers(exponent):
    x = np.random.default_rng(0).random(1_000_000, F)
    with np.errstate(all="ignore"):
        _check(_run(opcodes.POWER_SCALAR, x, s=exponent), np.power(x.astype(np.float64), F(exponent)))


@given(x=ROWS)
def test_the_sigmoid_is_numpys_in_single_precision_but_for_the_exponentials_last_bit(x):
    with np.errstate(all="ignore"):
        # 1 / (1 + e) in single precision, for e and its neighbours
        e = np.exp(-x.astype(np.float64)).astype(F)
        low, high = F(1) / (F(1) + np.nextafter(e, F(np.inf))), F(1) / (F(1) + np.nextafter(e, F(-np.inf)))
    found = _run(opcodes.SIGMOID, x)
    assert (np.isnan(x) & np.isnan(found) | (low <= found) & (found <= high)).all()
