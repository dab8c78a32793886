"""What pydantic found, in the words of a task file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.faultfixes import fix
from rectune_dsl.dsl.former import Former, former
from rectune_dsl.dsl.formula.parse import BOTH, EITHER, NEGATE
from rectune_dsl.dsl.guardrails import HELP as GUARDRAIL_HELP
from rectune_dsl.dsl.mend import Mender
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.shape import fields
from rectune_dsl.dsl.source import Position, Source
from rectune_dsl.dsl.suggest import did_you_mean, nearest
from rectune_dsl.dsl.table import Table


@dataclass(frozen=True)
class Fault:
    """One error of pydantic's, at a key path of a file that is a `root`."""

    path: KeyPath
    kind: str
    message: str
    context: Mapping[str, Any] = field(default_factory=dict)
    root: type[Table] = Task

    @property
    def guess(self) -> str | None:
        """The key that an unknown key was meant to be."""
        if self.kind != "extra_forbidden":
            return None
        if (old := self.former) is not None:
            return old.key
        others = [key for key in fields(self.path[:-1], self.root) if key != self.path[-1]]
        return None if self.is_of_another_kind else nearest(str(self.path[-1]), others)

    @property
    def is_of_another_kind(self) -> bool:
        """Whether tables of another kind may have the key there: vectors have no `type`."""
        return self.path[-1] in fields(self.path[:-1], self.root)

    @property
    def former(self) -> Former | None:
        """What became of the key in tasks."""
        return former(self.path) if self.root is Task else None


def problem(source: Source, fault: Fault, tree: Mapping[str, Any]) -> Diagnostic:
    """The diagnostic of a fault."""
    code, message, help = words(fault)
    mended = fix(Mender(source), fault, tree)
    if mended is not None and code in ("RT103", "RT104", "RT105", "RT106"):
        help = f"write {mended[0].text}{f': {help}' if code == 'RT105' and help else ''}"
    if mended is None and fault.guess is not None:
        help = f"`{fault.guess}` is there already: remove one of them"
    place = place_of(source, fault)
    where = (place.path, place.line, place.column, place.end_column)
    return Diagnostic(code, message, help or NO_HELP.get(code, ""), *where, fix=mended)


def place_of(source: Source, fault: Fault) -> Position:
    """Where a fault stands."""
    if fault.kind == "missing":
        return source.locate(fault.path[:-1], "key")
    if fault.kind == "formula":
        return source.locate_within(fault.path, fault.context["start"], fault.context["end"])
    return source.locate(fault.path, "key" if fault.kind == "extra_forbidden" else "value")


def words(fault: Fault) -> tuple[str, str, str]:
    """Code, message and help."""
    key, table = fault.path[-1] if fault.path else "the file", fault.path[:-1]
    what, kind, context = f"`{key}`", fault.kind, fault.context
    if isinstance(key, int):
        what = f"element {key + 1} of `{table[-1]}`"
    if fault.path == ("dsl",):
        return (
            "RT003",
            "the version of the language is missing or unknown",
            "write dsl = 1 at the top; a later version needs a later rectune",
        )
    if kind == "extra_forbidden" and (old := fault.former) is not None:
        return "RT112", f"{what} in {_table(table)} is a key of earlier drafts or of other tools", old.help
    if kind == "extra_forbidden" and fault.is_of_another_kind:
        return "RT101", f"{what} means nothing in {_table(table)}, as it is written", "remove it"
    if kind == "extra_forbidden":
        return (
            "RT101",
            f"unknown key {what} in {_table(table)}",
            did_you_mean(str(key), fields(table, fault.root)),
        )
    if kind == "missing" and isinstance(key, int):
        return "RT102", f"{what} is missing", "write both of its elements: [..., ...]"
    if kind == "missing":
        return "RT102", f"{what} is missing in {_table(table)}", _MISSING.get(str(key), f"add {key} = ...")
    if kind == "formula":
        help = context["help"]
        if fault.path[0] == "constraints":  # which are comparisons, and all of them have to hold
            help = _IN_CONSTRAINTS.get(help, help)
        return "RT201", context["message"], help
    if kind == "guardrail":
        return "RT402", context["message"].removesuffix(f": {GUARDRAIL_HELP}"), GUARDRAIL_HELP
    if kind == "literal_error":
        return "RT104", f"{what} must be {context['expected']}", ""
    if kind == "string_pattern_mismatch":
        return "RT106", f"{what} is not a name", "write lower-case letters, digits and single hyphens"
    if kind in _RANGES:
        return "RT105", f"{what} must be {_RANGES[kind].format(**context)}", _RANGE_HELP.get(fault.path, "")
    if kind in _TYPES:
        return "RT103", f"{what} must be {_TYPES[kind]}", _TYPE_HELP.get(kind, "")
    if "help" in context:  # the model's own validators
        return "RT111", f"{what}: {fault.message}", context["help"]
    return "RT103", f"{what}: {re.sub('^Input should', 'should', fault.message)}", ""


def _table(path: KeyPath) -> str:
    return f"[{'.'.join(map(str, path))}]" if path else "the file"


NO_HELP = {
    "RT101": "remove it",
    "RT103": "write a value of that type",
    "RT104": "write one of these words, in quotes",
    "RT105": "write a value in that range",
    "RT201": "write an expression of numbers, names, operators and calls",
}
_IN_CONSTRAINTS = {
    BOTH: "write two constraints: all of them have to hold",
    EITHER: 'accept either with "max(a <= 1, b <= 1) == 1"',
    NEGATE: "turn the comparison around: not a < b is a >= b",
}
_MISSING = {
    "production": "add production = ..., the value that serves today",
    "low": "add low = ..., the smallest value to try",
    "high": "add high = ..., the largest value to try",
    "score": 'add score = "...", the formula that ranks the stage\'s candidates',
    "keep": "add keep = ..., how many candidates the stage passes on",
    "stages": "add a [stages.NAME] table for each stage of the funnel",
    "signals": "add a [signals] table: everything a formula may read",
    "metrics": "add a [metrics] table: what is measured, and which of it is the goal",
    "task": "add a [task] table with name and surface",
    "experiment": "add an [experiment] table with users_per_arm and days",
    "confirm": "add a [confirm] table with users_per_arm and days",
    "first": "add first = ..., the first frozen day: 2026-12-24",
    "last": "add last = ..., the last frozen day: 2027-01-01",
    "layer": 'add layer = "...", a name that all campaigns beside this one write too',
    "share": "add share = ...",
    "steps": "add steps = [0.01, 0.1, 0.5], the shares of users to begin with",
}
_TYPES = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "string_type": "a string",
    "tuple_type": "a list",
    "model_type": "a table",
    "dict_type": "a table",
    "mapping_type": "a table",
    "formula_type": "a formula",
    "finite_number": "a finite number",
    "date_type": "a day",
}
_TYPE_HELP = {
    "float_type": "write a number, without quotes",
    "int_type": "write a whole number, without quotes",
    "string_type": "put it in quotes",
    "tuple_type": "write [ ..., ... ]",
    "finite_number": "inf and nan mean nothing here",
    "date_type": "write year, month and day without quotes: 2026-12-24",
    "bool_type": "write true or false, without quotes",
    "model_type": "write { key = value, ... }",
    "dict_type": "write { key = value, ... }",
    "mapping_type": "write { key = value, ... }",
    "formula_type": 'write it as a string: "p_click + 2 * p_like"',
}
_RANGES = {
    "greater_than": "greater than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "too_short": "at least {min_length} long",
    "too_long": "at most {max_length} long",
    "missing_argument": "given",
    "string_too_long": "at most {max_length} characters long",
    "string_too_short": "at least {min_length} characters long",
}
_RANGE_HELP: Mapping[KeyPath, str] = {
    ("experiment", "alpha"): "the chance of shipping what is no improvement: 0.05 for 95 % confidence",
    ("experiment", "risk"): "the chance that an arm in a test breaks a guardrail: 0.2 is usual",
    ("experiment", "power"): "the chance to show what is true: 0.8 is usual",
}
