"""The contract of formula functions holds for good ones, and catches what people get wrong."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from rectune_dsl.hooks.api import FormulaFunction
from rectune_dsl.testing import FunctionContract

sys.path.insert(0, str(Path(__file__).parent))

from suites import failing, names_of

SOFTPLUS = FormulaFunction(
    "softplus",
    1,
    lambda x: np.logaddexp(x, np.zeros_like(x)),
    "log(1 + exp(x))",
    monotone=("nondecreasing",),
)
FADED = FormulaFunction(
    "faded",
    2,
    lambda value, days: value * np.exp(-days / 7),
    "value, halved about every five days",
    range=(0.0, 1.0),
    monotone=("nondecreasing", "nonincreasing"),
)


class TestSoftplus(FunctionContract):
    @pytest.fixture
    def function(self):
        return SOFTPLUS


class TestFaded(FunctionContract):
    domain = ((0.0, 1.0), (0.0, 30.0))

    @pytest.fixture
    def function(self):
        return FADED


class TestNumPysOwn(FunctionContract):
    """Functions that are NumPy's take one argument more: where to write."""

    @pytest.fixture
    def function(self):
        return FormulaFunction("squashed", 1, np.tanh, "between -1 and 1", range=(-1.0, 1.0))


DOMAIN = ((0.0, 1.0), (0.0, 30.0))
FAULTS = {}
CALLS = itertools.count()


def planted(fault, evaluate, tests, domain=DOMAIN, **changes):
    function = FormulaFunction(**{**vars(FADED), "evaluate": evaluate, **changes})
    suite = type("Suite", (FunctionContract,), {"domain": domain})
    FAULTS[fault] = suite, function, sorted(tests)


def fault(*tests):
    """A fault in what is computed."""
    return lambda evaluate: planted(evaluate.__name__, evaluate, tests)


def declared(fault, *tests, **changes):
    """A fault in what is declared."""
    planted(fault, FADED.evaluate, tests, **changes)


declared("a name with a blank", "test_formulas_can_call_it", name="faded value")
declared("a name of the language", "test_formulas_can_call_it", name="log1p")
declared("nothing about it", "test_it_says_what_it_is", about="")
declared("a direction is missing", "test_what_it_declares_is_complete", monotone=("nondecreasing",))
declared(
    "a range that is reversed",
    "test_values_lie_in_the_range",
    "test_what_it_declares_is_complete",
    range=(1.0, 0.0),
)
declared(
    "a range that is too narrow",
    "test_its_values_lie_in_the_interval_that_is_proved",
    "test_values_lie_in_the_range",
    range=(0.0, 0.5),
)
declared(
    "a direction that is wrong",
    "test_it_goes_the_way_it_says",
    "test_its_values_lie_in_the_interval_that_is_proved",
    monotone=("nondecreasing",) * 2,
)


def faded(value, days):
    return FADED.evaluate(value, days)


@fault("test_it_takes_as_many_arguments_as_it_declares")
def takes_whatever_comes(value, days, *more):
    return faded(value, days)


@fault("test_it_goes_the_way_it_says", "test_values_are_finite", "test_values_lie_in_the_range")
def has_a_pole(value, days):
    return np.where(days == 15.0, np.inf, faded(value, days))


@fault("test_a_plain_number_gives_what_an_array_gives", "test_values_have_the_shape_of_the_arguments")
def is_never_a_number(value, days):
    return np.atleast_1d(faded(value, days))


@fault("test_values_have_the_shape_of_the_arguments")
def needs_a_candidate(value, days):
    return faded(value, days) + 0 * np.max(days)


@fault(
    "test_a_number_beside_an_array_is_that_number_everywhere", "test_a_plain_number_gives_what_an_array_gives"
)
def needs_arrays(value, days):
    return faded(value, days.astype(np.float64))


@fault("test_a_user_s_signal_goes_with_those_of_candidates")
def needs_one_shape(value, days):
    if np.ndim(value) == np.ndim(days):
        assert np.shape(value) == np.shape(days)
    return faded(value, days)


@fault(
    "test_a_plain_number_gives_what_an_array_gives",
    "test_each_candidate_counts_for_itself",
    "test_values_have_the_shape_of_the_arguments",
)
def depends_on_the_others(value, days):
    return faded(value, days) * np.max(value)


@fault(
    "test_a_number_beside_an_array_is_that_number_everywhere", "test_a_plain_number_gives_what_an_array_gives"
)
def rounds_numbers(value, days):
    return faded(value, days) if np.ndim(value) else round(float(faded(value, days)), 3)


@fault("test_float32_gives_about_the_same")
def takes_float32_for_percents(value, days):
    return faded(value, days) / (100 if getattr(value, "dtype", None) == np.float32 else 1)


@fault(
    "test_a_number_beside_an_array_is_that_number_everywhere",
    "test_each_candidate_counts_for_itself",
    "test_the_same_arguments_give_the_same",
)
def drifts(value, days):
    return faded(value, days) * (1 - 1e-9 * next(CALLS) * (np.size(days) == 200))


@fault("test_its_arguments_are_left_as_they_were")
def works_in_place(value, days):
    if isinstance(value, np.ndarray) and value.size == 200:
        value *= 1.0
    return faded(value, days)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_fails_exactly_its_tests(name):
    suite, function, expected = FAULTS[name]
    assert failing(suite, {"function": function}) == expected


def test_every_test_catches_some_fault_and_says_what_is_lost():
    assert {test for _, _, tests in FAULTS.values() for test in tests} == set(names_of(FunctionContract))
    for name in names_of(FunctionContract):
        assert getattr(FunctionContract, name).__doc__.startswith("Else "), name
