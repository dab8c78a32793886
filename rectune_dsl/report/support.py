"""How well logged data support arms that nobody was served, and what to do where they do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.text import Text

from rectune_dsl.hooks.api import Support
from rectune_dsl.report.console import plain_table
from rectune_dsl.report.words import count

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
    headings = ("effective", "mean weight", "largest", "ten largest", "cut", "unlogged", "rare")
    any_arm = next(iter(support.values()))
    title = f"{title}: effective sample of {count(any_arm.units)} {any_arm.unit}, importance weights"
    table = plain_table(title, "arm", *headings, numbers=headings)
    for arm, own in support.items():
        table.add_row(
            arm,
            count(own.effective),
            f"{own.mean:.3f} ±{own.mean_se:.2g}",
            f"{own.largest:.3g}",
            _share(own.share),
            _share(own.clipped),
            _share(own.unlogged),
            _share(own.rare),
        )
    out.print(table)
    for note in advice(support):
        out.print(Text(note, "yellow"))


def advice(support: Mapping[str, Support]) -> tuple[str, ...]:
    """What the weights say against the arms, each with what to do; empty where there is nothing to say."""
    return (
        *_unlogged({arm: own for arm, own in support.items() if own.unlogged > UNLOGGED}),
        *_rare({arm: own for arm, own in support.items() if own.rare > RARELY}),
        *_off({arm: own for arm, own in support.items() if _is_off(own)}),
        *_far({arm: own for arm, own in support.items() if own.effective < WORTH * own.units}),
        *_held({arm: own for arm, own in support.items() if own.share > HELD and own.units > FEW}),
    )


_Arms = Mapping[str, Support]


def _unlogged(arms: _Arms) -> Iterator[str]:
    if arms:
        worst = _share(max(own.unlogged for own in arms.values()))
        yield (
            f"{', '.join(arms)}: up to {worst} of the choices are items that were never logged, and nothing "
            "is known of what these earn. Take items that cannot be shown off the items file, filter them "
            "out, or log with a policy that shows each of them now and then"
        )


def _rare(arms: _Arms) -> Iterator[str]:
    if arms:
        worst = _share(max(own.rare for own in arms.values()))
        yield (
            f"{', '.join(arms)}: up to {worst} of the choices are items with a propensity below a hundredth "
            "of an even chance. Log with more exploration, keep arms nearer by [limits] step, or clip weights"
        )


def _off(arms: _Arms) -> Iterator[str]:
    if arms:
        worst = max((own.mean for own in arms.values()), key=lambda mean: abs(mean - 1))
        yield (
            f"{', '.join(arms)}: the mean weight is {worst:.3f}, and 1 is expected. Check that `propensity` "
            "is the chance that the logging policy gave the shown item there; or it never showed some items "
            "where the arm does"
        )


def _far(arms: _Arms) -> Iterator[str]:
    if arms:
        worst = _share(min(own.effective / own.units for own in arms.values()))
        yield (
            f"{', '.join(arms)}: worth as little as {worst} of the log. Keep arms nearer by [limits] step, "
            "choose less sharply (a higher temperature), or bring a longer log, or one of a policy that "
            "explores more"
        )


def _held(arms: _Arms) -> Iterator[str]:
    if arms:
        worst = _share(max(own.share for own in arms.values()))
        yield (
            f"{', '.join(arms)}: ten weights hold up to {worst} of the sum, so estimates hang on a few rows. "
            '`clip` under [replay] cuts them, for some bias; estimator = "dr" needs them less'
        )


def _is_off(own: Support) -> bool:
    # what was never logged takes its share of the mean, and is told apart
    return abs(own.mean + own.unlogged - 1) > max(OFF, ERRORS * own.mean_se)


def _share(share: float) -> str:
    return "0 %" if share == 0 else "< 0.1 %" if share < 0.001 else f"{share * 100:.1f} %"
