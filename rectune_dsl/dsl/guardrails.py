"""Guardrails as a person writes them: `>= -1%` (lift over production) or `<= 120` (absolute)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

_GUARDRAIL = re.compile(r"\s*(>=|<=)\s*([+-]?(?:\d[\d_]*\.?\d*|\.\d+))\s*(%?)\s*")

HELP = 'write ">= -1%" for a lift over production, or "<= 120" for an absolute limit'


@dataclass(frozen=True)
class Limit:
    """A metric must be shown to be `direction` `bound`. Relative bounds are fractions: -0.01 is -1 %.
    `signed` is whether the bound was written with a sign; it changes nothing of the limit."""

    direction: Literal[">=", "<="]
    bound: float
    relative: bool
    signed: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return self._percent() if self.relative else f"{self.direction} {self.bound:.6g}"

    def _percent(self) -> str:
        return f"{self.direction} {self.bound * 100:+.4g}%"

    def written(self) -> str:
        """What `parse_limit` reads back as an equal limit, to the last digit."""
        exact, sign = Decimal(repr(self.bound)), "+" if self.signed and self.bound >= 0 else ""
        if self.relative:
            return f"{self.direction} {sign}{exact.scaleb(2):f}%"
        return f"{self.direction} {sign}{exact:f}"

    def holds(self, value: float) -> bool:
        return value >= self.bound if self.direction == ">=" else value <= self.bound


def parse_limit(text: str) -> Limit:
    """Read a guardrail. Raises ValueError with what to write."""
    match = _GUARDRAIL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a guardrail: {HELP}")
    number = float(match[2].replace("_", ""))
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is too large for a number: {HELP}")
    relative = match[3] == "%"
    direction: Literal[">=", "<="] = ">=" if match[1] == ">=" else "<="
    return Limit(direction, number / 100 if relative else number, relative, match[2][0] in "+-")
