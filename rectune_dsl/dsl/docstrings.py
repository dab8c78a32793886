"""What the tables' fields say about themselves: the docstrings below them.

pydantic can read them too, but does so whenever the model is imported, and doubles the time that takes.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise

from rectune_dsl.dsl.table import Table


def field_docstrings(table: type[Table]) -> dict[str, str]:
    """The docstring of each field, in one line; an inherited field has its parent's."""
    found: dict[str, str] = {}
    for cls in reversed(table.__mro__):
        if issubclass(cls, Table):
            found |= _of_module(cls.__module__).get(cls.__name__, {})
    return {name: text for name, text in found.items() if name in table.model_fields}


@cache
def _of_module(module: str) -> Mapping[str, Mapping[str, str]]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: dict(_of_class(node)) for node in tree.body if isinstance(node, ast.ClassDef)}


def _of_class(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, after in pairwise(node.body):
        match field, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, " ".join(text.split())
