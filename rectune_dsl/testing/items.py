"""What pytest makes of a task file: one item per promise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from rectune_dsl.dsl.check import Checked, check
from rectune_dsl.dsl.diagnostics import Diagnostic, render
from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.source import Source
from rectune_dsl.hooks.errors import RectuneError
from rectune_dsl.plugins.host import Host
from rectune_dsl.testing.pytest_plugin import QUICK_SEEDS, SEEDS
from rectune_dsl.workflow.environment import environment

FINITE = frozenset({"RT207", "RT211"})
CONTRACTS = frozenset({"RT208", "RT209", "RT212", "RT213"})
PRODUCTION = frozenset({"RT302", "RT310", "RT311", "RT320", "RT405"})
_NAMED = FINITE | CONTRACTS | PRODUCTION
_UNAFFORDABLE = frozenset({"RT903", "RT904"})


class ProblemsError(Exception):
    """What an item found, as `rectune check` would print it."""

    def __init__(self, problems: Sequence[Diagnostic], checked: Checked) -> None:
        sources = checked.sources
        lines = [(p, sources.get(p.path)) for p in problems]
        super().__init__("\n\n".join(render(p, s.line(p.line) if s else None) for p, s in lines))


@dataclass(frozen=True)
class Subject:
    """A task file under test, checked once for all its items."""

    path: Path
    host: Host

    @cached_property
    def checked(self) -> Checked:
        return check(Source.read(self.path), environment(self.host))

    @property
    def task(self) -> Task:
        """The task; skips the test where `parses` or another item says why there is none."""
        if self.checked.task is None:
            pytest.skip("the file has errors, which another item shows")
        return self.checked.task

    def report(self, problems: Sequence[Diagnostic]) -> None:
        if problems:
            raise ProblemsError(problems, self.checked)

    def problem(self, code: str, key: tuple[str, ...], message: str, help: str) -> Diagnostic:
        """A diagnostic at a key of the file."""
        place = self.checked.source.locate(key, "key")
        path = place.path or str(self.path)
        return Diagnostic(code, message, help, path, place.line, place.column, place.end_column)


class TaskFile(pytest.File):
    """A task file. Its guardrails are items of their own."""

    def collect(self) -> Iterator[pytest.Item]:
        subject = Subject(_shown(self.path, self.config), _host(self.config))
        tests = _TESTS | ({"affordable": _not_planned} if self.config.getoption("--rectune-quick") else {})
        for name, test in tests.items():
            yield TaskItem.from_parent(self, name=name, subject=subject, test=test)
        task = subject.checked.task
        for metric in task.guarded if task else ():
            name = f"guardrail[{metric}]"
            test = _Guardrail(metric, _seeds(self.config))
            yield TaskItem.from_parent(self, name=name, subject=subject, test=test)


class TaskItem(pytest.Item):
    """One promise of a task file."""

    def __init__(self, *, subject: Subject, test: Callable[[Subject], None], **given: Any) -> None:
        super().__init__(**given)
        self._subject, self._test = subject, test

    def runtest(self) -> None:
        self._test(self._subject)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, ProblemsError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name


# --- the promises ----------------------------------------------------------------------------------


def _parses(subject: Subject) -> None:
    subject.report([p for p in subject.checked.errors if p.code not in _NAMED])


def _free_of(codes: frozenset[str]) -> Callable[[Subject], None]:
    def test(subject: Subject) -> None:
        subject.report([p for p in subject.checked.errors if p.code in codes])
        _ = subject.task  # nothing is proved of a file that is not whole

    return test


def _round_trips(subject: Subject) -> None:
    task = subject.task
    from rectune_dsl.dsl.written import to_toml

    again = check(Source(str(subject.path), to_toml(task)), environment(subject.host))
    if again.errors:
        raise ProblemsError(again.errors, again)
    if again.task != task.model_copy(update={"extends": None}):
        message = "written as TOML and read again, it is another task"
        help = "this is a bug in rectune: report it with the file"
        subject.report([subject.problem("round-trips", ("task",), message, help)])


def _affordable(subject: Subject) -> None:
    from rectune_dsl.workflow.choices import Choices
    from rectune_dsl.workflow.preflight import preflight
    from rectune_dsl.workflow.prepare import load
    from rectune_dsl.workflow.traffic import power

    _ = subject.task
    try:
        loaded = load(Source.read(subject.path), subject.host, Choices())
        planned = power(loaded.task, loaded.backend)
        found = preflight(loaded, planned)
    except RectuneError as error:
        pytest.skip(f"the backend cannot be asked: {error}")
    if planned is None and {p.code for p in found} <= {"RT903"}:
        pytest.skip("the backend does not tell how production's metrics vary")
    subject.report([p for p in found if p.code in _UNAFFORDABLE or p.severity == "error"])


def _not_planned(subject: Subject) -> None:
    pytest.skip("--rectune-quick plans no traffic")


@dataclass(frozen=True)
class _Guardrail:
    metric: str
    seeds: int

    def __call__(self, subject: Subject) -> None:
        from rectune_dsl.testing.regressions import most_allowed, regression

        if self.seeds < 1 or most_allowed(self.seeds, subject.task.experiment.alpha) >= self.seeds:
            words = f"{self.seeds} confirmations can show nothing: raise --rectune-seeds"
            pytest.fail(words, pytrace=False)
        found = regression(subject.task, self.metric, self.seeds)
        if found.shipped > found.allowed:
            subject.report([subject.problem(f"guardrail[{self.metric}]", self._key(), found.words, _BUG)])
        if not found.is_tried:
            pytest.skip(
                f"what breaks {self.metric} {found.limit} does not ship without that guardrail either: "
                f"{found.without} of {found.seeds} did, so that this test cannot tell"
            )

    def _key(self) -> tuple[str, ...]:
        segment, dot, name = self.metric.partition(".")
        return ("segments", segment, "guardrails", name) if dot else ("guardrails", self.metric)


_BUG = "more users per arm make the tests exact; with thousands of them this is a bug in rectune: report it"
_TESTS: dict[str, Callable[[Subject], None]] = {
    "parses": _parses,
    "finite": _free_of(FINITE),
    "contracts": _free_of(CONTRACTS),
    "production-feasible": _free_of(PRODUCTION),
    "round-trips": _round_trips,
    "affordable": _affordable,
}

# --- the session -----------------------------------------------------------------------------------

_HOST = pytest.StashKey[Host]()


def _host(config: pytest.Config) -> Host:
    """The plugin host of the session."""
    if _HOST not in config.stash:
        files = config.getini("rectune_plugins")
        for file in files:
            if not file.is_file():
                raise pytest.UsageError(f"rectune_plugins names {file}, and there is no such file")
        config.stash[_HOST] = Host(files)
    return config.stash[_HOST]


def _shown(path: Path, config: pytest.Config) -> Path:
    """The path as a person would write it: relative to where pytest was called, if below."""
    called = config.invocation_params.dir
    return path.relative_to(called) if path.is_relative_to(called) else path


def _seeds(config: pytest.Config) -> int:
    given: int | None = config.getoption("--rectune-seeds")
    if given is not None:
        return given
    return QUICK_SEEDS if config.getoption("--rectune-quick") else SEEDS
