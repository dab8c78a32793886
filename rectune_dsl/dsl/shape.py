"""What the model says about a key path: its fields, and which parts of a pydantic location are keys.

`root` is the table that the whole file is: a task, where nothing else is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, TypeGuard, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.table import Table


def key_path(location: KeyPath, root: type[Table] = Task) -> KeyPath:
    """A pydantic location as a key path: without the tags of unions."""
    path: list[str | int] = []
    options = _options(root)
    for step in location:
        if len(options) > 1:
            options = [o for o in options if getattr(o, "__name__", "") == step]
        else:
            path.append(step)
            options = _below(options[0], step) if options else []
    return tuple(path)


def fields(path: KeyPath, root: type[Table] = Task) -> tuple[str, ...]:
    """The keys that the table at `path` may have; none where any key is allowed, or no table belongs."""
    options = _options(root)
    for step in path:
        tables = [o for o in options if _is_table(o)] or options
        options = _below(tables[0], step) if tables else []
    return tuple(dict.fromkeys(key for o in options if _is_table(o) for key in o.model_fields))


def takes(path: KeyPath, value: object, root: type[Table] = Task) -> bool:
    """Whether the field at `path`, or the list that it is an element of, may have a value."""
    options = _options(root)
    for step in path[:-1]:
        options = [below for option in options for below in _below(option, step)]
    for option in options:
        field = option.model_fields.get(str(path[-1])) if _is_table(option) else None
        kinds = _inside(option) if field is None else (Annotated[field.annotation, *field.metadata],)
        for kind in kinds:
            try:
                TypeAdapter(kind).validate_python(value, strict=True)
            except ValidationError:
                continue
            return True
    return False


def tables() -> dict[str, type[Table]]:
    """Every table that a file can have, by the name of its class."""
    found: dict[str, type[Table]] = {}
    queue: list[Any] = [Task]
    while queue:
        kind = queue.pop()
        if not _is_table(kind):
            queue += [o for argument in _inside(kind) for o in _options(argument)]
        elif kind.__name__ not in found:
            found[kind.__name__] = kind
            queue += [o for field in kind.model_fields.values() for o in _options(field.annotation)]
    return found


def _below(kind: Any, step: str | int) -> list[Any]:
    if _is_table(kind):
        field = kind.model_fields.get(str(step))
        return _options(field.annotation) if field is not None else []
    return [option for argument in _inside(kind) for option in _options(argument)]


def _inside(kind: Any) -> tuple[Any, ...]:
    """What a mapping's values, or a tuple's elements, are annotated with."""
    origin, arguments = get_origin(kind), get_args(kind)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return arguments[1:]
    return arguments[:1] if origin is tuple else ()


def _options(annotation: Any) -> list[Any]:
    """The members of a union, or the type alone; None is no member, for pydantic names no branch then."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        return [o for a in get_args(annotation) if a is not NoneType for o in _options(a)]
    return [annotation]


def _is_table(kind: Any) -> TypeGuard[type[Table]]:
    return isinstance(kind, type) and issubclass(kind, Table)
