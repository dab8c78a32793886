"""What a task file says to a plugin: the table `[plugins.NAME]`, and secrets that the environment holds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.dsl.table import Table
from rectune_dsl.hooks.errors import UsageError

if TYPE_CHECKING:
    from rectune_dsl.dsl.model import Task


class Settings(Table):
    """Subclass it with a plugin's settings: nothing unknown, nothing guessed, nothing changed afterwards."""


Model = TypeVar("Model", bound=Settings)


def settings_of(task: Task, name: str, model: type[Model]) -> Model:
    """The table `[plugins.NAME]` of a task. Raises UsageError with all that is wrong in it."""
    written = dict(task.plugins.get(name, {}))
    try:
        return model.model_validate(written)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    problems = [_sentence(problem, model) for problem in found]  # without values: they may be secrets
    keys = ", ".join(model.model_fields)
    raise UsageError(f"[plugins.{name}]: {'; '.join(problems)}", help=f"it may have {keys}")


def secret_of(variable: str, purpose: str) -> str:
    """What an environment variable holds, for one use: a secret is not to be kept, shown or raised. Raises
    UsageError where it is not set."""
    value = os.environ.get(variable, "").strip()
    if not value:
        raise UsageError(f"{variable} is not set", help=f"set the environment variable {variable}: {purpose}")
    return value


def _sentence(problem: object, model: type[Settings]) -> str:
    kind, place, message = (problem[key] for key in ("type", "loc", "msg"))  # type: ignore[index]
    key = ".".join(map(str, place))
    if kind == "extra_forbidden":
        guess = did_you_mean(str(place[-1]), model.model_fields) if len(place) == 1 else ""
        return f"there is no `{key}`" + (f" ({guess.removesuffix('?')}?)" if guess.endswith("?") else "")
    if kind == "missing":
        return f"`{key}` is missing"
    return f"`{key}`: {message[:1].lower()}{message[1:]}"
