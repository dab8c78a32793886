"""The table of a confirmation's bounds."""

from __future__ import annotations

from rich.console import Console

from rectune_dsl.hooks.api import Bound
from rectune_dsl.report.console import print_table
from rectune_dsl.report.verdicts import bounds_table


def test_u_must_exceed_its_limit_and_a_guardrail_keep_it():
    u = Bound("U", 0.0382, 0.0294, 0.0, ">=", True, True, False, "U is shown to be > 0.")
    returns = Bound("return", 0.01, -0.002, -0.015, ">=", True, True, False, "return is shown to be kept.")
    out = Console(width=100)
    with out.capture() as shown:
        print_table(out, bounds_table((u, returns), 1, 0.03))
    rows = [" ".join(line.split()) for line in shown.get().splitlines()]
    assert "U +3.82 % +2.94 % > 0 shown" in rows
    assert "return +1.00 % -0.20 % >= -1.50 % shown" in rows
