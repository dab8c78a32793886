"""A suite for authors of formula functions: subclass `FunctionContract`, and give it a fixture `function`.

    class TestMine(FunctionContract):
        domain = ((0.0, 1.0),)

        @pytest.fixture
        def function(self):
            return MINE

`domain` is what each argument may be; left out, any number between -1,000 and 1,000. Each test says in its
docstring what a user loses where it fails. No patch release adds a test to the suite, or makes one harder to
pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rectune_dsl.dsl.formula import parse
from rectune_dsl.dsl.formula.functions import FUNCTIONS, Signature
from rectune_dsl.dsl.formula.intervals import Enclosure, Plugins
from rectune_dsl.dsl.formula.rounding import interval
from rectune_dsl.hooks.api import FormulaFunction

Array = NDArray[Any]
ANYWHERE = (-1000.0, 1000.0)
POINTS = 200
BOXES = 50
TOLERANCE = 1e-5
"""By which part of itself a value in float32 may differ from the same in float64."""


class Declaring:
    """Checks and proofs about formulas rest on what a function declares of itself."""

    domain: Sequence[tuple[float, float]] = ()

    @pytest.fixture
    def function(self) -> FormulaFunction:
        raise NotImplementedError("give the class a fixture `function`, which returns the FormulaFunction")

    def test_formulas_can_call_it(self, function: FormulaFunction) -> None:
        """Else nobody can use it, or a function of the language is hidden."""
        assert function.name.isidentifier()
        assert function.name not in FUNCTIONS
        assert function.arguments >= 1

    def test_it_says_what_it_is(self, function: FormulaFunction) -> None:
        """Else editors, which show it, have nothing to show."""
        assert function.about.strip()

    def test_what_it_declares_is_complete(self, function: FormulaFunction) -> None:
        """Else a declaration is ignored, and formulas that call it cannot be proved finite."""
        assert len(self.domain) in (0, function.arguments), "`domain` has a pair for each argument"
        assert len(function.monotone) in (0, function.arguments)
        assert set(function.monotone) <= {"nondecreasing", "nonincreasing", None}
        if function.range is not None:
            low, high = function.range
            assert low <= high

    def test_it_takes_as_many_arguments_as_it_declares(self, function: FormulaFunction) -> None:
        """Else a formula that passes `check` fails in front of users."""
        arguments = self._drawn(function)
        assert self._value(function, arguments).shape == (POINTS,)
        if isinstance(function.evaluate, np.ufunc):  # takes one more: where to write
            assert function.evaluate.nin == function.arguments
            return
        with pytest.raises((TypeError, ValueError)):
            function.evaluate(*arguments, *arguments[:1])

    def test_values_are_finite(self, function: FormulaFunction) -> None:
        """Else items have no score, and where they are ranked is chance."""
        for arguments in (self._drawn(function), self._corners(function)):
            assert np.isfinite(self._value(function, arguments)).all()

    def test_values_lie_in_the_range(self, function: FormulaFunction) -> None:
        """Else what `check` has proved of a formula does not hold."""
        if function.range is None:
            pytest.skip("the function declares no range")
        low, high = function.range
        for arguments in (self._drawn(function), self._corners(function)):
            values = self._value(function, arguments)
            assert ((values >= low) & (values <= high)).all()

    def test_it_goes_the_way_it_says(self, function: FormulaFunction) -> None:
        """Else `expect` proves that a better item never ranks lower, and it does."""
        if not any(function.monotone):
            pytest.skip("the function declares no direction")
        for place, way in enumerate(function.monotone):
            if way is not None:
                steps = np.diff(self._swept(function, place), axis=-1)
                assert ((steps >= 0) if way == "nondecreasing" else (steps <= 0)).all()

    def test_its_values_lie_in_the_interval_that_is_proved(self, function: FormulaFunction) -> None:
        """Else a score that was proved to be finite, or above another, is not."""
        one, other = self._drawn(function, BOXES), self._drawn(function, BOXES, key=1)
        lows, highs = np.minimum(one, other), np.maximum(one, other)
        enclosed = _enclosed(function, lows, highs)
        for share in np.linspace(0.0, 1.0, 9):
            values = self._value(function, list(lows + share * (highs - lows)))
            assert ((values >= enclosed.low) & (values <= enclosed.high)).all()

    def _drawn(self, function: FormulaFunction, count: int = POINTS, key: int = 0) -> list[Array]:
        """Random arguments, (count,) each."""
        rng = np.random.Generator(np.random.Philox(key=key))
        return [rng.uniform(low, high, count) for low, high in self._domain(function)]

    def _corners(self, function: FormulaFunction) -> list[Array]:
        """All combinations of ends and middles."""
        sides = [np.array([low, (low + high) / 2, high]) for low, high in self._domain(function)]
        return [grid.ravel() for grid in np.meshgrid(*sides)]

    def _swept(self, function: FormulaFunction, place: int) -> Array:
        """Values (points, steps) along one argument, at random places of the others."""
        arguments = [drawn[:, np.newaxis] for drawn in self._drawn(function)]
        low, high = self._domain(function)[place]
        arguments[place] = np.linspace(low, high, 101)[np.newaxis, :]
        whole = [np.array(array) for array in np.broadcast_arrays(*arguments)]
        return self._value(function, whole)

    def _domain(self, function: FormulaFunction) -> Sequence[tuple[float, float]]:
        return self.domain or (ANYWHERE,) * function.arguments

    def _value(self, function: FormulaFunction, arguments: Sequence[Any]) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(function.evaluate(*arguments))


class Computing(Declaring):
    """Scores of all candidates of all requests are computed at once, here and on other machines."""

    @pytest.mark.parametrize("shape", [(7,), (3, 4), (1, 5), (0,), (2, 0), ()])
    def test_values_have_the_shape_of_the_arguments(
        self, function: FormulaFunction, shape: tuple[int, ...]
    ) -> None:
        """Else requests with one candidate, or none, end the experiment."""
        count = int(np.prod(shape))
        arguments = [drawn.reshape(shape) for drawn in self._drawn(function, count)]
        assert self._value(function, arguments).shape == shape

    def test_a_number_beside_an_array_is_that_number_everywhere(self, function: FormulaFunction) -> None:
        """Else a formula that calls it with a param or a constant fails."""
        drawn = self._drawn(function)
        for place in range(function.arguments):
            numbers = [float(array[0]) for array in drawn]
            mixed: list[Any] = [*numbers]
            mixed[place] = drawn[place]
            whole = [np.full(POINTS, number) for number in numbers]
            whole[place] = drawn[place]
            assert np.array_equal(self._value(function, mixed), self._value(function, whole))

    def test_a_user_s_signal_goes_with_those_of_candidates(self, function: FormulaFunction) -> None:
        """Else a formula of a user's signal (requests, 1) and a candidate's (requests, candidates) fails."""
        drawn = self._drawn(function, 12)
        arguments = [
            array[:3].reshape(3, 1) if place % 2 else array.reshape(3, 4) for place, array in enumerate(drawn)
        ]
        whole = [np.array(array) for array in np.broadcast_arrays(*arguments)]
        assert np.array_equal(self._value(function, arguments), self._value(function, whole))

    def test_each_candidate_counts_for_itself(self, function: FormulaFunction) -> None:
        """Else an item's score depends on which others are scored beside it."""
        drawn = self._drawn(function)
        together = self._value(function, drawn)
        order = np.arange(POINTS)[::-1]
        assert np.array_equal(self._value(function, [array[order] for array in drawn]), together[order])
        alone = [self._value(function, [array[i : i + 1] for array in drawn])[0] for i in range(20)]
        assert np.allclose(alone, together[:20], rtol=1e-12, atol=0)  # vector code rounds its own way

    def test_a_plain_number_gives_what_an_array_gives(self, function: FormulaFunction) -> None:
        """Else a constraint, which is about numbers, and a score disagree."""
        drawn = self._drawn(function, 20)
        together = self._value(function, drawn)
        for kind in (float, np.float64):
            alone = [float(function.evaluate(*map(kind, row))) for row in zip(*drawn, strict=True)]
            assert np.allclose(alone, together, rtol=1e-12, atol=0)

    def test_float32_gives_about_the_same(self, function: FormulaFunction) -> None:
        """Else scores of panels, which are float32, are not those of the formula."""
        drawn = self._drawn(function)
        exact = self._value(function, [array.astype(np.float32).astype(np.float64) for array in drawn])
        rough = self._value(function, [array.astype(np.float32) for array in drawn])
        size = max(float(np.abs(exact).max(initial=0.0)), 1e-30)
        assert np.abs(rough.astype(np.float64) - exact).max(initial=0.0) <= TOLERANCE * size

    def test_the_same_arguments_give_the_same(self, function: FormulaFunction) -> None:
        """Else a campaign that is resumed serves other slates."""
        drawn = self._drawn(function)
        first = np.array(self._value(function, drawn))
        self._value(function, self._drawn(function, key=1))
        assert np.array_equal(self._value(function, drawn), first)

    def test_its_arguments_are_left_as_they_were(self, function: FormulaFunction) -> None:
        """Else the next formula reads signals that nobody logged; or signals that may not be written to end
        the experiment."""
        drawn = self._drawn(function)
        before = [np.array(array) for array in drawn]
        for array in drawn:
            array.flags.writeable = False
        self._value(function, drawn)
        writable = [np.array(array) for array in before]
        self._value(function, writable)
        assert all(np.array_equal(a, b) for a, b in zip(writable, before, strict=True))


class FunctionContract(Computing):
    """What every formula function has to do."""


def _enclosed(function: FormulaFunction, lows: Array, highs: Array) -> Any:
    """The intervals, (boxes,), that `check` proves of a call, from ends (arguments, boxes)."""
    names = [f"x{place}" for place in range(function.arguments)]
    boxes = {n: interval(low, high) for n, low, high in zip(names, lows, highs, strict=True)}
    signature = Signature(
        function.arguments, function.arguments, function.about, function.range, function.monotone
    )
    plugins = Plugins({"called": signature}, {"called": function.evaluate})
    tree = parse(f"called({', '.join(names)})", plugins.signatures)
    return Enclosure(boxes, plugins=plugins).value(tree)
