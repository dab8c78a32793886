"""Runs a contract suite as pytest would, so that tests can look at what fails."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest


def names_of(suite: type) -> list[str]:
    return sorted(name for name in dir(suite) if name.startswith("test_"))


def failing(suite: type, fixtures: Mapping[str, Any]) -> list[str]:
    """The tests of a suite that fail, with whatever of their parameters."""
    return [name for name in names_of(suite) if any(not _passes(c) for c in _calls(suite(), name, fixtures))]


def _calls(suite: object, name: str, fixtures: Mapping[str, Any]) -> Iterator[Callable[[], object]]:
    test = getattr(suite, name)
    wanted = inspect.signature(test).parameters
    given = {fixture: fixtures[fixture] for fixture in wanted if fixture in fixtures}
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    if not marks:
        yield lambda: test(**given)
        return
    (mark,) = marks  # suites use one at a time
    for value in mark.args[1]:
        yield lambda value=value: test(**given, **{mark.args[0]: value})


def _passes(call: Callable[[], object]) -> bool:
    try:
        call()
    except (pytest.skip.Exception, Exception, pytest.fail.Exception) as error:
        return isinstance(error, pytest.skip.Exception)
    return True
