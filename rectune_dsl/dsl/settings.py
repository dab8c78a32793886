"""What is wrong with a plugin's settings, without their values: they may be secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from rectune_dsl.dsl.suggest import did_you_mean, nearest


@dataclass(frozen=True)
class Misfit:
    """A problem at a key `path` below `[plugins.NAME]`. `meant` is the key that an unknown one was a slip
    for, where one looks alike."""

    path: tuple[str | int, ...]
    message: str
    help: str
    is_unknown: bool = False
    meant: str | None = None


def misfits(written: Mapping[str, Any], model: type[BaseModel]) -> list[Misfit]:
    """All that a model refuses of what is written."""
    try:
        model.model_validate(dict(written))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return [_misfit(problem["type"], problem["loc"], problem["msg"], model) for problem in found]
    return []


def _misfit(kind: str, path: tuple[str | int, ...], said: str, model: type[BaseModel]) -> Misfit:
    key, keys = ".".join(map(str, path)), tuple(model.model_fields)
    may_have = f"it may have {', '.join(keys)}" if keys else "it has no settings"
    if kind == "extra_forbidden":
        is_top = len(path) == 1
        help = (did_you_mean(str(path[-1]), keys) if is_top else "") or "remove it, or look into its README"
        meant = nearest(str(path[-1]), keys) if is_top else None
        return Misfit(path, f"there is no `{key}`", help, True, meant)
    if kind == "missing":
        return Misfit(path, f"`{key}` is missing", f"write it; {may_have}")
    message = f"{said[:1].lower()}{said[1:]}"
    return Misfit(path, f"`{key}`: {message}" if key else message, may_have)
