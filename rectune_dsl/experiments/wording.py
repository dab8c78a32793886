"""Numbers in sentences."""

from __future__ import annotations


def amount(value: float, relative: bool) -> str:
    """A lift as a percentage, a level as it is."""
    return f"{value * 100:+.2f}%" if relative else f"{value:.5g}"


def users(count: float) -> str:
    """A number of users to two digits, as a forecast deserves."""
    return f"{float(f'{count:.2g}'):,.0f}"
