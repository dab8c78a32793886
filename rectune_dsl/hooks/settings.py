"""What a task file says to a plugin: the table `[plugins.NAME]`, and secrets that the environment holds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from rectune_dsl.dsl.settings import misfits
from rectune_dsl.dsl.table import Table
from rectune_dsl.hooks.errors import UsageError

if TYPE_CHECKING:
    from rectune_dsl.dsl.model import Task


class Settings(Table):
    """Subclass it with a plugin's settings: nothing unknown, nothing guessed, nothing changed afterwards."""


Model = TypeVar("Model", bound=Settings)


def settings_of(task: Task, name: str, model: type[Model]) -> Model:
    """The table `[plugins.NAME]` of a task. Raises UsageError with all that is wrong in it."""
    written = task.plugins.get(name, {})
    if found := misfits(written, model):
        problems = [f"{f.message} (did you mean `{f.meant}`?)" if f.meant else f.message for f in found]
        keys = ", ".join(model.model_fields)
        raise UsageError(f"[plugins.{name}]: {'; '.join(problems)}", help=f"it may have {keys}")
    return model.model_validate(dict(written))


def secret_of(variable: str, purpose: str) -> str:
    """What an environment variable holds, for one use: a secret is not to be kept, shown or raised. Raises
    UsageError where it is not set."""
    value = os.environ.get(variable, "").strip()
    if not value:
        raise UsageError(f"{variable} is not set", help=f"set the environment variable {variable}: {purpose}")
    return value
