"""The functions formulas may call, and how many arguments each takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Signature:
    """`most` is None where any number from `least` on is allowed. What a plugin's function declares of
    itself: every value lies in `range`, and it is `monotone` in each argument (None: it may not be)."""

    least: int
    most: int | None
    about: str
    range: tuple[float, float] | None = None
    monotone: tuple[Literal["nondecreasing", "nonincreasing"] | None, ...] = ()

    def accepts(self, count: int) -> bool:
        return self.least <= count and (self.most is None or count <= self.most)

    def is_monotone(self, count: int) -> bool:
        """Whether it goes one way in each of `count` arguments."""
        return len(self.monotone) == count and all(self.monotone)

    def arguments(self) -> str:
        """How many arguments it takes, in words."""
        if self.most is None:
            return f"at least {self.least} arguments"
        return f"{self.least} argument{'s' if self.least != 1 else ''}"


def _exactly(count: int, about: str) -> Signature:
    return Signature(count, count, about)


FUNCTIONS: Mapping[str, Signature] = {
    "log": _exactly(1, "natural logarithm"),
    "log1p": _exactly(1, "log(1 + x)"),
    "exp": _exactly(1, "e to the x"),
    "sqrt": _exactly(1, "square root"),
    "abs": _exactly(1, "absolute value"),
    "min": Signature(2, None, "the smallest of its arguments, candidate by candidate"),
    "max": Signature(2, None, "the largest of its arguments, candidate by candidate"),
    "clip": _exactly(3, "clip(x, low, high): x, held between low and high"),
    "sigmoid": _exactly(1, "1 / (1 + exp(-x))"),
    "tanh": _exactly(1, "hyperbolic tangent"),
    "where": _exactly(3, "where(condition, a, b): a where the condition is not 0, else b"),
    "curve": _exactly(
        3, "curve(x, knots, values): piecewise linear through the points, constant beyond the ends"
    ),
    "rank": _exactly(
        1, "position of x among the request's candidates, 1 for the largest; ties share their mean"
    ),
    "zscore": _exactly(
        1, "(x - mean) / standard deviation over the request's candidates; 0 where all are equal"
    ),
}

REQUEST_WIDE = frozenset({"rank", "zscore"})
"""Functions whose value for one candidate depends on the request's other candidates."""
