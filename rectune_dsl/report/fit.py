"""Fit reports of simulated worlds: on the terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from rectune_dsl.report.console import plain_table
from rectune_dsl.simulator.fit import RATES_WITHIN, RATIOS_WITHIN, USERS, Compared, Fit, Row
from rectune_dsl.simulator.targets import EXPOSURE, OF_MANY_USERS

_NUMBERS = ("random", "sim.", "error", "standard", "sim. ", "error ", "ratio", "sim.  ", "error  ")


def print_fit(out: Console, fit: Fit) -> None:
    """Every target with what the world gives: under random and under standard exposure, and the ratio of the
    two. Then a summary."""
    out.print(f"world {fit.world}: {fit.users:,} users under each exposure, seed {fit.seed}")
    table = plain_table("", "target", "measure", *_NUMBERS, "", numbers=_NUMBERS)
    for row in fit.rows:
        cells = [cell for one in (row.random, row.standard, row.ratio) for cell in _cells(one)]
        table.add_row(row.name, _measure(row), *cells, _judged(row))
    out.print(table)
    out.print("· no main target: the world is not fitted to it    ✗ beyond the tolerance")
    for note in _notes(fit):
        out.print(note)
    out.print(Text(summary(fit), "green" if not fit.missed else "bold yellow"))


def _notes(fit: Fit) -> Iterator[str]:
    """What has to be known to read the errors."""
    bound = [row.name for row in fit.rows if row.of in OF_MANY_USERS]
    if bound and fit.users != USERS:
        names = ", ".join(bound)
        yield f"depends on the number of users, and is to be compared at {USERS:,} (--users): {names}"


def summary(fit: Fit) -> str:
    """How many main targets are met, and the largest errors."""
    main, missed = fit.main, fit.missed
    met = f"{len(main) - len(missed)} of {len(main)} main targets within {RATES_WITHIN:.0%}"
    met += f" (ratios within {RATIOS_WITHIN:.0%})"
    rates, ratios = (max(errors, default=0.0) for errors in (fit.errors(), fit.ratio_errors()))
    return f"{met}; largest error {rates:.1%} of a rate, {ratios:.1%} of a ratio".replace("%", " %")


def print_before_after(out: Console, before: Fit, after: Fit) -> None:
    """Errors of every target, before and after calibration."""
    heads = ("random", "before", "after", "standard", "before ", "after ")
    table = plain_table("", "target", "measure", *heads, "", numbers=heads)
    for old, new in zip(before.rows, after.rows, strict=True):
        cells: list[Text] = []
        for one, other in ((old.random, new.random), (old.standard, new.standard)):
            cells += [_number(one.target), _error(one), _error(other)]
        table.add_row(new.name, _measure(new), *cells, _judged(new))
    out.print(table)
    out.print(f"before: {summary(before)}")
    out.print(Text(f"after:  {summary(after)}", "green" if not after.missed else "bold yellow"))


def fit_json(fit: Fit) -> str:
    """Everything, for programs."""
    tree = {
        "world": fit.world,
        "users": fit.users,
        "seed": fit.seed,
        "world_seed": fit.sizes.seed,
        "tolerance": {"rates": RATES_WITHIN, "ratios": RATIOS_WITHIN},
        "rows": [_row(row) for row in fit.rows],
        "main": len(fit.main),
        "missed": [row.name for row in fit.missed],
        "largest_error": _largest(fit.errors()),
        "largest_ratio_error": _largest(fit.ratio_errors()),
    }
    return json.dumps(tree, indent=2, ensure_ascii=False)


def _row(row: Row) -> dict[str, Any]:
    pairs = {"random": row.random, "standard": row.standard, "ratio": row.ratio}
    numbers = {
        name: {"target": one.target, "simulated": one.simulated, "error": one.error, "within": one.is_within}
        for name, one in pairs.items()
    }
    told = {"target": row.name, "of": row.of, "per": row.per, "main": row.main, "source": row.source}
    return {**told, **numbers, "within": row.is_within}


def _largest(errors: Iterable[float]) -> float | None:
    return max(errors, default=None)


def _cells(one: Compared) -> tuple[Text, Text, Text]:
    return _number(one.target), _number(one.simulated if one.target is not None else None), _error(one)


def _number(value: float | None) -> Text:
    return Text("" if value is None else f"{value:.4g}")


def _error(one: Compared) -> Text:
    if one.error is None:
        return Text("")
    return Text(f"{one.error * 100:+.1f} %", "" if one.is_within else "yellow")


def _measure(row: Row) -> str:
    return row.of if row.per == EXPOSURE else f"{row.of} per {row.per}"


def _judged(row: Row) -> Text:
    if not row.main:
        return Text("·", "dim")
    return Text("✓", "green") if row.is_within else Text("✗", "bold yellow")
