"""Linear equations in named unknowns, solved exactly: what stays free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

Form = Mapping[str, Fraction]
"""A sum of unknowns times numbers; an unknown that is not there has 0."""


def plus(one: Form, other: Form, times: Fraction = Fraction(1)) -> Form:
    """`one + times * other`."""
    found = dict(one)
    for name, value in other.items():
        found[name] = found.get(name, Fraction(0)) + times * value
    return {name: value for name, value in found.items() if value}


def scaled(form: Form, times: Fraction) -> Form:
    return {name: value * times for name, value in form.items()} if times else {}


def free_directions(equations: Iterable[Form], unknowns: Sequence[str]) -> list[Form]:
    """A basis of all values of `unknowns` with which every form of `equations` is zero. Unknowns that come
    early are expressed by later ones, so a direction belongs to its last unknown."""
    place = {name: i for i, name in enumerate(unknowns)}
    rows: dict[str, Form] = {}  # by the first unknown of each, which has 1 there and 0 in all other rows
    for equation in equations:
        row = equation
        for name in [n for n in equation if n in rows]:
            row = plus(row, rows[name], -equation[name])
        if not row:
            continue
        pivot = min(row, key=place.__getitem__)
        row = scaled(row, 1 / row[pivot])
        rows = {n: plus(r, row, -r[pivot]) if pivot in r else r for n, r in rows.items()}
        rows[pivot] = row
    free = [name for name in unknowns if name not in rows]
    return [
        {**{pivot: -row[name] for pivot, row in rows.items() if name in row}, name: Fraction(1)}
        for name in free
    ]
