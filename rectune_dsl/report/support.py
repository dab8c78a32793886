"""How well logged data support arms that nobody was served, and what to do where they do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from rectune_dsl.hooks.api import Support
from rectune_dsl.report.console import print_table
from rectune_dsl.report.tables import Table, table
from rectune_dsl.report.words import count

LOGGED = "the log, for these arms"
"""What a table of tested arms is about."""
UNLOGGED = 0.005
"""Share of an arm's choices that were never logged from which on something is said of it."""
RARELY = 0.01
"""The same for choices that were hardly ever logged."""
WORTH = 0.1
"""Effective sample size, as a share of all units, below which an arm is called far away."""
HELD = 0.25
"""Share of all weight that the ten largest may hold, where there are more than a few units."""
FEW = 100
OFF, ERRORS = 0.05, 4.0
"""How far a mean weight may be from 1, and in how many standard errors, before propensities are doubted."""


def print_support(out: Console, support: Mapping[str, Support], title: str) -> None:
    """One row per arm, then what to do about it. Nothing where estimates do not come from a log."""
    if not support:
        return
    print_table(out, support_table(support, title))
    for note in advice(support):
        out.print(Text(note, "yellow"))


def support_table(support: Mapping[str, Support], title: str) -> Table:
    """One row per arm, of which there is at least one."""
    headings = ("effective", "mean weight", "largest", "ten largest", "cut", "unlogged", "rare")
    any_arm = next(iter(support.values()))
    title = f"{title}: effective sample of {count(any_arm.units)} {any_arm.unit}, importance weights"
    rows = [
        [
            arm,
            count(own.effective),
            f"{own.mean:.3f} ±{own.mean_se:.2g}",
            f"{own.largest:.3g}",
            _share(own.share),
            _share(own.clipped),
            _share(own.unlogged),
            _share(own.rare),
        ]
        for arm, own in support.items()
    ]
    return table(title, ["arm", *headings], rows, numbers=headings)


def advice(support: Mapping[str, Support]) -> tuple[str, ...]:
    """What the weights say against the arms, each with what to do; empty where there is nothing to say."""
    found = []
    for concern in _CONCERNS:
        arms = {arm: own for arm, own in support.items() if concern.holds(own)}
        if arms:
            worst = max((concern.of(own) for own in arms.values()), key=concern.badness)
            found.append(f"{', '.join(arms)}: {concern.says.format(concern.written(worst))}")
    return tuple(found)


def _is_off(own: Support) -> bool:
    # what was never logged takes its share of the mean, and is told apart
    return abs(own.mean + own.unlogged - 1) > max(OFF, ERRORS * own.mean_se)


def _share(share: float) -> str:
    return "0 %" if share == 0 else "< 0.1 %" if share < 0.001 else f"{share * 100:.1f} %"


@dataclass(frozen=True)
class _Concern:
    """Something to say of arms of which it `holds`, with a number `of` the worst of them, as it is `written`.
    The larger a number's `badness`, the worse."""

    holds: Callable[[Support], bool]
    of: Callable[[Support], float]
    says: str
    badness: Callable[[float], float] = float
    written: Callable[[float], str] = _share


_CONCERNS = (
    _Concern(
        lambda own: own.unlogged > UNLOGGED,
        lambda own: own.unlogged,
        "up to {} of the choices are items that were never logged, and nothing is known of what these earn. "
        "Take items that cannot be shown off the items file, filter them out, or log with a policy that "
        "shows each of them now and then",
    ),
    _Concern(
        lambda own: own.rare > RARELY,
        lambda own: own.rare,
        "up to {} of the choices are items with a propensity below a hundredth of an even chance. Log with "
        "more exploration, keep arms nearer by [limits] step, or clip weights",
    ),
    _Concern(
        _is_off,
        lambda own: own.mean,
        "the mean weight is {}, and 1 is expected. Check that `propensity` is the chance that the logging "
        "policy gave the shown item there; or it never showed some items where the arm does",
        badness=lambda mean: abs(mean - 1),
        written="{:.3f}".format,
    ),
    _Concern(
        lambda own: own.effective < WORTH * own.units,
        lambda own: own.effective / own.units,
        "worth as little as {} of the log. Keep arms nearer by [limits] step, choose less sharply (a higher "
        "temperature), or bring a longer log, or one of a policy that explores more",
        badness=lambda worth: -worth,
    ),
    _Concern(
        lambda own: own.share > HELD and own.units > FEW,
        lambda own: own.share,
        "ten weights hold up to {} of the sum, so estimates hang on a few rows. `clip` under [replay] cuts "
        'them, for some bias; estimator = "dr" needs them less',
    ),
)
