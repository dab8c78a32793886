"""Stages whose scores are finite and whose params all matter: sums of pieces, each with params of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hypothesis import strategies as st

_BASE = "p_click"
_HEADS = ("p_like", "p_share", "p_hide")
_KEEPS = (200, 40, 8)
_MOST_PIECES = 3


@dataclass
class Names:
    """What a task has named so far."""

    signals: dict[str, Any] = field(default_factory=dict)
    scalars: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Params with bounds, vectors apart."""
    taken: set[str] = field(default_factory=set)

    def fresh(self, letter: str) -> str:
        """`w1`, `w2`, ...: a name that has no meaning yet."""
        name = next(name for i in count(1) if (name := f"{letter}{i}") not in self.taken)
        self.taken.add(name)
        return name


class StageMaker:
    """Draws one stage. A piece is a formula that rises with its head, so that contracts can be promised."""

    def __init__(self, draw: st.DrawFn, names: Names, place: int, *, is_last: bool) -> None:
        self._draw, self._names = draw, names
        self._place, self._is_last = place, is_last
        self._params: dict[str, Any] = {}
        self._terms: dict[str, str] = {}
        self._expect: dict[str, str] = {}

    def table(self) -> dict[str, Any]:
        """The stage as a table of the task file."""
        self._names.signals.setdefault(_BASE, {})
        base = self._draw(st.sampled_from([_BASE, "score"] if self._place else [_BASE]))
        pieces = [self._piece() for _ in range(self._draw(st.integers(1, _MOST_PIECES)))]
        score = " + ".join([base, *pieces])
        found: dict[str, Any] = {"keep": self._keep(), "score": score, "terms": self._terms}
        if self._draw(st.booleans()):
            found["filters"] = {"enough": f"{self._head()} > {self._param('f', 0.05, 0.5)}"}
        if self._draw(st.booleans()):
            found["boosts"] = {"push": self._boost()}
        elif self._place == 0:  # a boost may turn around what a piece does
            found["expect"] = self._expect
        if self._is_last and self._draw(st.booleans()):
            found["diversity"] = self._diversity()
        found["params"] = self._params
        return {key: value for key, value in found.items() if value != {}}

    # --- parts of the score ----------------------------------------------------------------------

    def _piece(self) -> str:
        head = self._head()
        text = self._draw(st.sampled_from(_PIECES))(self, head)
        if self._draw(st.booleans()):
            name = self._names.fresh("part")
            self._terms[name] = text
            return name
        return text

    def _head(self) -> str:
        head = self._draw(st.sampled_from(_HEADS))
        self._names.signals.setdefault(head, {})
        return head

    def _weighted(self, head: str) -> str:
        return f"{self._param('w', 0.1, 10.0)} * {head}"

    def _constant(self, head: str) -> str:
        name = self._names.fresh("c")
        self._params[name] = 0.5
        return f"{name} * {head} + {self._weighted(head)}"

    def _power(self, head: str) -> str:
        return f"{head} ** {self._param('a', 0.5, 3.0)}"

    def _function(self, head: str) -> str:
        function = self._draw(st.sampled_from(["log1p", "tanh", "sqrt", "sigmoid", "exp", "abs"]))
        return f"{function}({self._param('k', 0.1, 3.0)} * {head})"

    def _held(self, head: str) -> str:
        text = self._draw(st.sampled_from(["clip({h}, 0.1, {p})", "min({h}, {p})", "max({h}, {p})"]))
        return text.format(h=head, p=self._param("t", 0.2, 0.8))

    def _ranked(self, head: str) -> str:
        function = self._draw(st.sampled_from(["zscore", "rank"]))
        return f"{self._param('w', 0.1, 10.0)} * {function}({head})"

    def _curve(self, head: str) -> str:
        name = self._names.fresh("u")
        vector: dict[str, Any] = {"production": [0.0, 0.5, 1.0], "low": 0.0, "high": 2.0}
        if self._draw(st.booleans()):
            vector["order"] = "nondecreasing"
        self._params[name] = vector
        return f"curve({head}, [0, 0.25, 1], {name})"

    def _for_old_users(self, head: str) -> str:
        self._names.signals["age"] = {"kind": "user", "domain": [0, 100]}
        return f"where(age > 65, {self._param('w', 0.1, 10.0)}, {self._param('w', 0.1, 10.0)}) * {head}"

    def _promised(self, head: str) -> str:
        promised = self._names.fresh("quality")
        self._names.signals[promised] = {"kind": "item", "domain": [0.0, 3.0]}
        self._expect[promised] = "nondecreasing"
        return f"{self._param('w', 0.1, 10.0)} * {promised}"

    # --- the rest --------------------------------------------------------------------------------

    def _boost(self) -> dict[str, str]:
        when = f"{self._head()} > 0.5"
        key = self._draw(st.sampled_from(["multiply", "add"]))
        return {"when": when, key: self._param("b", 1.0, 2.0) if self._draw(st.booleans()) else "2"}

    def _diversity(self) -> dict[str, Any]:
        return {"by": "topic", "penalty": self._param("d", 0.0, 1.0), "max_per_key": 4}

    def _keep(self) -> int | dict[str, Any]:
        most = _KEEPS[self._place]
        tuned = {"production": most, "low": most * 3 // 4, "high": most + 1, "type": "int"}
        return tuned if self._draw(st.booleans()) else most

    def _param(self, letter: str, low: float, high: float) -> str:
        """A new param between these bounds."""
        name = self._names.fresh(letter)
        share = self._draw(st.sampled_from([0.5, 0.0, 1.0, 0.125]))
        param: dict[str, Any] = {"production": low + share * (high - low), "low": low, "high": high}
        if low > 0 and self._draw(st.booleans()):
            param["scale"] = "log"
        elif high >= 10 and self._draw(st.booleans()):
            param |= {"production": 2, "low": 1, "high": 10, "type": "int"}
        self._params[name] = self._names.scalars[name] = param
        return name


_PIECES: tuple[Callable[[StageMaker, str], str], ...] = (
    StageMaker._weighted,
    StageMaker._power,
    StageMaker._constant,
    StageMaker._function,
    StageMaker._held,
    StageMaker._ranked,
    StageMaker._curve,
    StageMaker._for_old_users,
    StageMaker._promised,
)
