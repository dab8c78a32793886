"""Calls into other people's code: what fails there is reported as theirs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol

from rectune_dsl.hooks.errors import RectuneError


class Failure(Protocol):
    """Makes the error that stands for what a plugin did not mean to raise."""

    def __call__(self, message: str, *, help: str) -> RectuneError: ...


class Guarded:
    """Stands for a plugin's object. An exception it did not mean to raise becomes `error`, with the original
    as its cause; `RectuneError` passes.

    Methods stand in the instance's own dictionary: from Python 3.12 on that, and not `__getattr__`, is where
    `isinstance` looks whether an object keeps an optional protocol.
    """

    def __init__(self, inner: object, label: str, error: Failure) -> None:
        self._inner = inner
        self._label = label
        self._error = error
        for name in dir(type(inner)):
            if not name.startswith("_") and _is_method(inspect.getattr_static(type(inner), name)):
                self.__dict__[name] = guarded(getattr(inner, name), f"{label}: {name}", error)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        return guarded(value, f"{self._label}: {name}", self._error) if callable(value) else value


def _is_method(found: object) -> bool:
    return callable(found) or isinstance(found, classmethod)


def guarded(function: Callable[..., Any], label: str, error: Failure) -> Callable[..., Any]:
    """The function, with what it raises turned into `error`."""

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except RectuneError:
            raise
        except Exception as failure:
            raise error(
                f"{label} failed: {type(failure).__name__}: {failure}",
                help="RECTUNE_DEBUG=1 shows the traceback; `rectune plugins` names who brought it",
            ) from failure

    return call
