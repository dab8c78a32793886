"""Fixes of what pydantic found: the nearest key or value that the model takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from rectune_dsl.dsl import edits
from rectune_dsl.dsl.diagnostics import Fix
from rectune_dsl.dsl.former import VALUES
from rectune_dsl.dsl.mend import Mender
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.repair import parts, repair
from rectune_dsl.dsl.shape import takes
from rectune_dsl.dsl.suggest import meant

if TYPE_CHECKING:
    from rectune_dsl.dsl.faults import Fault

Tree = Mapping[str, Any]

_NUMBER = re.compile(r"\s*([+-]?[\d_]*\.?\d+(?:[eE][+-]?\d+)?)\s*(%?)\s*")
_ASSIGNED = re.compile(r"\s*\w+\s*=[^=]?")
_LONGEST = 50
"""Characters of a number in quotes."""
_USUAL: Mapping[KeyPath, float] = {
    ("experiment", "alpha"): 0.05,
    ("experiment", "risk"): 0.2,
    ("experiment", "power"): 0.8,
}
_SLUGS = frozenset({("task", "name"), ("task", "surface"), ("task", "skill")})


def fix(mend: Mender, fault: Fault, tree: Tree) -> Fix | None:
    """The fix of a fault, where there is one definite."""
    if fault.path == ("dsl",):
        return _version(mend, fault, tree)
    make = _BY_KIND.get(fault.kind)
    if make is None and fault.kind.startswith(("greater_than", "less_than", "string_too_long")):
        make = _range
    return make(mend, fault, tree) if make else None


def _version(mend: Mender, fault: Fault, tree: Tree) -> Fix | None:
    """A later version may mean other things; the same one may be written wrong."""
    if fault.kind == "missing":
        return mend.insert((), "dsl", 1)
    return mend.value(fault.path, 1) if _at(tree, fault.path) in ("1", 1.0, "1.0", True, 0) else None


def _extra(mend: Mender, fault: Fault, tree: Tree) -> Fix | None:
    old = fault.former
    if old is not None and old.is_gone:
        return mend.remove(fault.path)
    if old is not None and old.pair is not None and _at(tree, fault.path) is True:
        key, value = mend.rename(fault.path, old.pair[0]), mend.value(fault.path, old.pair[1])
        return (*key, *value) if key and value else None
    return mend.rename(fault.path, fault.guess) if fault.guess is not None else None


# --- missing keys ----------------------------------------------------------------------------------


def _missing(mend: Mender, fault: Fault, tree: Tree) -> Fix | None:
    path = fault.path
    value = _sensible(mend, path, tree)
    return None if value is None else mend.insert(path[:-1], str(path[-1]), value)


def _sensible(mend: Mender, path: KeyPath, tree: Tree) -> edits.Literal | None:
    """A value that a key may well have. How much traffic is used is never guessed."""
    match path:
        case ("task", "name"):
            return edits.slug(PurePath(mend.source.path).stem) or None
        case (*_, "low" | "high" as side):
            return bound(_at(tree, path[:-1]), side, is_count=path[-2] in ("keep", "min", "max"))
    return None


def bound(param: object, side: str, is_count: bool = False) -> float | None:
    """A bound around production: ten times less or more on a log scale, else from 0 to twice as much."""
    production = _at(param, ("production",))
    if not _is_number(production):
        return None
    if _at(param, ("scale",)) == "log":
        found = production / 10 if side == "low" else production * 10
    else:
        ends = sorted((0.0, 2.0 * production if production else 1.0))
        found = ends[0] if side == "low" else ends[1]
    found = float(f"{found:.12g}")
    if is_count or _at(param, ("type",)) == "int":
        found = max(float(is_count), round(found))
    other = _at(param, ("high" if side == "low" else "low",))
    is_empty = _is_number(other) and not (found < other if side == "low" else other < found)
    return None if is_empty else edits.number(found)


# --- values ----------------------------------------------------------------------------------------


def _literal(mend: Mender, fault: Fault, tree: Tree) -> Fix | None:
    value, allowed = _at(tree, fault.path), re.findall(r"'([^']*)'", str(fault.context["expected"]))
    found = meant(value, allowed, VALUES) if isinstance(value, str) else None
    return mend.value(fault.path, found) if found is not None else None


def _name(mend: Mender, fault: Fault, tree: Tree) -> Fix | None:
    found = edits.slug(str(_at(tree, fault.path)))
    return mend.value(fault.path, found) if found else None


def _range(mend: Mender, fault: Fault, tree: Tree) -> Fix | None:
    value, context = _at(tree, fault.path), fault.context
    if "slots" in fault.path:
        return None  # who counts from 0 has every slot off by one
    if isinstance(value, str):
        return _name(mend, fault, tree) if fault.path in _SLUGS else None
    if fault.path == ("experiment", "alpha") and 0.8 <= value < 1:
        return mend.value(fault.path, float(f"{1 - value:.6g}"))  # a confidence level was meant
    most = context.get("le", context.get("lt", 0))
    if 0 < most <= 1 < value and takes(fault.path, value / 100, fault.root):
        return mend.value(fault.path, value / 100)  # a percentage was meant
    nearest = context.get("ge", context.get("le"))
    if 0 < most <= 1 == value:
        nearest = None  # all of them is meant, or one in a hundred
    found = _USUAL.get(fault.path, nearest)
    return mend.value(fault.path, edits.number(found)) if found is not None else None


def _number(mend: Mender, fault: Fault, tree: Tree) -> Fix | None:
    value = _only(_at(tree, fault.path))
    match = _NUMBER.fullmatch(value[:_LONGEST]) if isinstance(value, str) else None
    if match is not None:
        value = float(match[1].replace("_", "")) / (100 if match[2] else 1)
    if not _is_number(value):
        return None
    number = edits.number(value)
    return mend.value(fault.path, number if fault.kind == "float_type" else max(1, round(number)))


def _truth(mend: Mender, fault: Fault, tree: Tree) -> Fix | None:
    value = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(
        str(_at(tree, fault.path)).lower()
    )
    return None if value is None else mend.value(fault.path, value)


def _string(mend: Mender, fault: Fault, tree: Tree) -> Fix | None:
    value = _only(_at(tree, fault.path))
    if isinstance(value, bool | list | dict) or value is None:
        return None
    text = str(value)
    return mend.value(fault.path, edits.slug(text) if fault.path in _SLUGS else text)


def _list(mend: Mender, fault: Fault, tree: Tree) -> Fix | None:
    value = _at(tree, fault.path)
    return mend.value(fault.path, [value]) if isinstance(value, str) else None


def _day(mend: Mender, fault: Fault, tree: Tree) -> Fix | None:
    """A day in quotes, or with a time."""
    value = _at(tree, fault.path)
    try:
        found = value.date() if isinstance(value, datetime) else date.fromisoformat(str(value)[:_LONGEST])
    except ValueError:
        return None
    return mend.text(fault.path, found.isoformat())


# --- formulas and guardrails -----------------------------------------------------------------------


def _formula(mend: Mender, fault: Fault, tree: Tree) -> Fix | None:
    text, start, end = str(_at(tree, fault.path)), fault.context["start"], fault.context["end"]
    if fault.path[-1] == "score" and _ASSIGNED.fullmatch(text[: end + 1]):
        return None  # `value = ...` names a part: what is meant is a term, not a comparison
    if fault.path[0] == "constraints" and (both := parts(text, start, end)) is not None:
        return two_constraints(mend, fault.path, *both)
    found = repair(text, start, end, fault.context["help"]) or ()
    fixes = [mend.within(fault.path, *edit) for edit in found]
    return tuple(edit for fix in fixes if fix for edit in fix) if fixes and all(fixes) else None


def two_constraints(mend: Mender, path: KeyPath, left: str, right: str) -> Fix | None:
    """One constraint as two, the second under a name of its own."""
    first, second = mend.value(path, left), f"{path[-1]}_too"
    if first is None or mend.source.owner((*path[:-1], second)) is not None:
        return None
    added = mend.insert(path[:-1], second, right)
    return None if added is None else (*first, *added)


_DIRECTIONS = (
    (re.compile(r"\s*(?:at least|no less than|not below|min|minimum|>|=>|≥|>=)\s*(.*)", re.I), ">="),
    (re.compile(r"\s*(?:at most|no more than|not above|up to|max|maximum|<|=<|≤|<=)\s*(.*)", re.I), "<="),
)


def _guardrail(mend: Mender, fault: Fault, tree: Tree) -> Fix | None:
    """A direction in other words, before a number."""
    value = _at(tree, fault.path)
    for words, direction in _DIRECTIONS:
        match = words.fullmatch(value[:_LONGEST]) if isinstance(value, str) else None
        number = _NUMBER.fullmatch(match[1]) if match else None
        if number is not None:
            sign = "+" if number[2] and number[1][0] not in "+-" else ""
            return mend.value(fault.path, f"{direction} {sign}{number[1]}{number[2]}")
    return None


_BY_KIND: Mapping[str, Callable[[Mender, Fault, Tree], Fix | None]] = {
    "extra_forbidden": _extra,
    "missing": _missing,
    "literal_error": _literal,
    "string_pattern_mismatch": _name,
    "float_type": _number,
    "int_type": _number,
    "int_from_float": _number,
    "bool_type": _truth,
    "string_type": _string,
    "tuple_type": _list,
    "date_type": _day,
    "formula": _formula,
    "guardrail": _guardrail,
}


# --- values of the tree ----------------------------------------------------------------------------


def _at(tree: Any, path: KeyPath) -> Any:
    for step in path:
        if isinstance(tree, dict):
            tree = tree.get(step)
        elif isinstance(tree, list) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        else:
            return None
    return tree


def _only(value: Any) -> Any:
    """What stands alone in a list."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
