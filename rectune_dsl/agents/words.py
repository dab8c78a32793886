"""Numbers and changes as a ranking engineer writes them. Every agent's sentences are built from these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rectune_dsl.dsl.params import Param
from rectune_dsl.hooks.api import Prediction


def percent(share: float, digits: int = 2) -> str:
    """`+0.83 %`. The sign is always there; a rounded zero has a plus."""
    return f"{share * 100 + 0.0:+.{digits}f} %".replace(f"-{0:.{digits}f} %", f"+{0:.{digits}f} %")


def chance(p: float) -> str:
    """`85 %`; never 100 % or 0 % for what is not certain."""
    if p >= 0.995 and p < 1:
        return "over 99 %"
    if 0 < p < 0.005:
        return "under 1 %"
    return f"{p * 100:.0f} %"


def marked(text: str, mark: str) -> str:
    """`85 % (assumed)`; the text alone where there is no mark."""
    return f"{text} ({mark})" if mark else text


RISK_UNKNOWN = "not known: nothing was measured yet"
"""Said in place of a probability that would be a prior alone."""
LEAST_LIFT = -1.0
"""Nothing can lose more than all of it, however wide an interval is."""


def ends(prediction: Prediction, least: float = LEAST_LIFT) -> tuple[float, float, float]:
    """The lift and the ends of its interval, none below `least`."""
    return max(least, prediction.lift), max(least, prediction.low), max(least, prediction.high)


def lift(prediction: Prediction, least: float = LEAST_LIFT) -> str:
    """`watch_minutes +0.80 % [+0.10 %, +1.50 %]`; no end lies below `least`."""
    return f"{prediction.metric} {interval(*ends(prediction, least))}"


def interval(value: float, low: float, high: float) -> str:
    return f"{percent(value)} [{percent(low)}, {percent(high)}]"


def change(name: str, param: Param, after: float) -> str:
    """`raises w_like from 2 to 4.1 (x2.05)`."""
    before = param.production
    verb = "raises" if after > before else "lowers"
    factor = f" (x{after / before:.3g})" if before > 0 and after > 0 else ""
    return f"{verb} {name} from {before:.4g} to {after:.4g}{factor}"


def changes(params: Mapping[str, Param], values: Mapping[str, float], order: Sequence[str]) -> str:
    """The named params' changes in one clause, the rest counted."""
    moved = [change(name, params[name], values[name]) for name in order if _moved(params[name], values[name])]
    rest = sum(_moved(params[name], values[name]) for name in params if name not in order)
    if not moved:
        return "changes nothing"
    return listed([*moved, *([f"changes {rest} more params"] if rest else [])])


def listed(parts: Iterable[str]) -> str:
    """`a, b and c`."""
    *head, last = [*parts] or [""]
    return f"{', '.join(head)} and {last}" if head else last


def count(value: float, what: str = "") -> str:
    """A whole number, and of what: `1 arm`, `2,000 users`."""
    return f"{value:,.0f} {what}{'' if value == 1 else 's'}" if what else f"{value:,.0f}"


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def _moved(param: Param, value: float) -> bool:
    return abs(value - param.production) > 1e-9 * max(1.0, abs(param.production))
