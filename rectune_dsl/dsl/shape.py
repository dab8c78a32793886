"""What the model says about a key path: its fields, and which parts of a pydantic location are keys."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.positions import KeyPath


def key_path(location: KeyPath) -> tuple[KeyPath, tuple[str, ...]]:
    """A pydantic location as a key path, and the branches of unions it went through on the way."""
    path: list[str | int] = []
    branches: list[str] = []
    options = _options(Task)
    for step in location:
        if len(options) > 1:
            branches.append(str(step))
            named = [o for o in options if getattr(o, "__name__", "") == step]
            options = named or [o for o in options if not _is_table(o)][:1]
        else:
            path.append(step)
            options = _below(options[0], step) if options else []
    return tuple(path), tuple(branches)


def fields(path: KeyPath) -> tuple[str, ...]:
    """The keys that the table at `path` may have; none where any key is allowed, or no table belongs."""
    options = _options(Task)
    for step in path:
        tables = [o for o in options if _is_table(o)] or options
        options = _below(tables[0], step) if tables else []
    return tuple(key for o in options if _is_table(o) for key in o.model_fields)


def _below(kind: Any, step: str | int) -> list[Any]:
    if _is_table(kind):
        field = kind.model_fields.get(str(step))
        return _options(field.annotation) if field is not None else []
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is not None and issubclass(origin, Mapping):
        return _options(arguments[1])
    if origin is tuple:
        return _options(arguments[0])
    return []


def _options(annotation: Any) -> list[Any]:
    """The members of a union, or the type alone; None is no member, for pydantic names no branch then."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        return [o for a in get_args(annotation) if a is not NoneType for o in _options(a)]
    return [annotation]


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
