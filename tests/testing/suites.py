"""Runs a contract suite as pytest would, so that tests can look at what fails."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest


def names_of(suite: type) -> list[str]:
    return sorted(name for name in dir(suite) if name.startswith("test_"))


def cases_of(suite: type) -> list[str]:
    """Its tests as pytest names them: each one with each value that it is asked for."""
    return [
        name if mark is None else f"{name}[{value}]"
        for name in names_of(suite)
        for mark in [_parametrized(getattr(suite, name))]
        for value in ([None] if mark is None else mark.args[1])
    ]


def failing(suite: type, fixtures: Mapping[str, Any]) -> list[str]:
    """The tests of a suite that fail, with whatever of their parameters."""
    return [name for name in names_of(suite) if any(not _passes(c) for c in _calls(suite(), name, fixtures))]


def _calls(suite: object, name: str, fixtures: Mapping[str, Any]) -> Iterator[Callable[[], object]]:
    test = getattr(suite, name)
    wanted = inspect.signature(test).parameters
    given = {fixture: fixtures[fixture] for fixture in wanted if fixture in fixtures}
    mark = _parametrized(test)
    if mark is None:
        yield lambda: test(**given)
        return
    for value in mark.args[1]:
        yield lambda value=value: test(**given, **{mark.args[0]: value})


def _parametrized(test: Callable[..., object]) -> pytest.Mark | None:
    """What it is parametrized by: suites do that once, if at all."""
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    assert len(marks) <= 1
    return marks[0] if marks else None


def _passes(call: Callable[[], object]) -> bool:
    try:
        call()
    except (pytest.skip.Exception, Exception, pytest.fail.Exception) as error:
        return isinstance(error, pytest.skip.Exception)
    return True
