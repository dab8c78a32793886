"""The formula language: parsed to one typed tree, never evaluated by Python itself."""

from rectune_dsl.dsl.formula.evaluate import evaluate
from rectune_dsl.dsl.formula.parse import FormulaError, is_name, parse
from rectune_dsl.dsl.formula.tree import (
    Binary,
    Call,
    Compare,
    Name,
    Node,
    Number,
    Span,
    Unary,
    Vector,
    names,
    to_text,
    walk,
)

__all__ = [
    "Binary",
    "Call",
    "Compare",
    "FormulaError",
    "Name",
    "Node",
    "Number",
    "Span",
    "Unary",
    "Vector",
    "evaluate",
    "is_name",
    "names",
    "parse",
    "to_text",
    "walk",
]
