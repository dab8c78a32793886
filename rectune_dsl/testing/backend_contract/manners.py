"""What a backend says of itself, of what goes wrong, and what it never says."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from rectune_dsl.hooks.api import USERS, Observation, RectuneError
from rectune_dsl.memory.codec import encode
from rectune_dsl.testing.backend_contract.lifecycle import NOBODY, others
from rectune_dsl.testing.backend_contract.rig import Rig
from rectune_dsl.testing.backend_contract.trial import Trial, created, refused, started


class Manners:
    """People act on what they are told at three in the morning."""

    def test_a_ready_backend_has_no_problems(self, rig: Rig) -> None:
        """Else no campaign can start, or warnings are there for ever and nobody reads them."""
        assert list(rig.backend().check()) == []

    def test_capabilities_are_told_without_a_change(self, rig: Rig) -> None:
        """Else `plan` judges a task by what is not so any more when it runs."""
        backend = rig.backend()
        before = backend.capabilities()
        started(rig, backend)
        assert backend.capabilities() == before == rig.backend().capabilities()
        assert before.description
        assert before.metrics

    def test_what_it_observes_is_among_its_capabilities(self, rig: Rig) -> None:
        """Else `check` refuses tasks that could run."""
        trial = started(rig)
        trial.after(1)
        found = trial.observe(1)
        names = set(found.columns if found.kind == "moments" else found.metrics)
        known = {*trial.backend.capabilities().metrics, USERS, *found.missing}
        assert names <= known, f"it observes {sorted(names - known)}, and does not say that it can"

    def test_a_platform_that_fails_is_a_problem_of_check(self, rig: Rig) -> None:
        """Else a campaign begins that cannot do anything."""
        backend = rig.backend()
        with rig.failing():
            try:
                said = list(backend.check())
            except RectuneError as error:
                said = [f"{error}: {error.help}"]
        assert said, "`check` sees no problem"
        assert all(" " in sentence.strip() for sentence in said), f"no sentences: {said}"

    def test_a_platform_that_fails_is_an_error_with_help(self, rig: Rig) -> None:
        """Else whoever is called at night reads a traceback of a library, and not what to do."""
        trial = created(rig)
        trial.backend.deliver(rig.spec.arms[1].config)
        with rig.failing():
            for act in acts(trial):
                refused(act)

    def test_after_a_failure_the_call_is_repeated(self, rig: Rig) -> None:
        """Else one lost connection ends a campaign, or leaves something half made that nobody finds."""
        backend = rig.backend()
        with rig.failing(), contextlib.suppress(RectuneError):
            created(rig, backend)
        trial = created(rig, backend)
        with rig.failing(), contextlib.suppress(RectuneError):
            backend.start(trial.experiment)
        trial.start()
        trial.after(1)
        assert trial.observe(1).as_of == trial.on(1)

    def test_no_secret_is_in_what_it_says(
        self, rig: Rig, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Else a password stands in the journal, in a report, or in the log of a shared machine."""
        _needed(rig)
        caplog.set_level("INFO")
        trial = started(rig)
        trial.after(1)
        found, can = trial.observe(1), trial.backend.capabilities()
        said = [trial.experiment, repr(trial.backend), str(trial.backend), repr(can), *trial.backend.check()]
        said += [repr(found), str(encode(Observation, found))]
        trial.backend.stop(trial.experiment, "finished")
        _assert_secret(rig, "what it says", [*said, caplog.text, *capfd.readouterr()])

    def test_no_secret_is_in_its_errors(
        self, rig: Rig, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Else an error that is pasted into a ticket gives the platform away."""
        _needed(rig)
        caplog.set_level("INFO")
        trial = started(rig)
        said = list(_said(partial(trial.backend.create, others(rig.spec)[0], rig.spec.key)))
        said += _said(partial(trial.backend.observe, NOBODY, rig.spec.start))
        trial.after(1)
        with _failing_if_told(rig):
            for act in (trial.backend.check, *acts(trial)):
                said += _said(act)
        _assert_secret(rig, "its errors", [*said, caplog.text, *capfd.readouterr()])


def acts(trial: Trial) -> list[Callable[[], object]]:
    """Calls that no backend can answer without its platform."""
    backend, experiment, spec = trial.backend, trial.experiment, trial.spec
    other = replace(spec, key=f"{spec.key}/other", salt=f"{spec.salt}/other")
    return [
        partial(backend.create, other, other.key),
        partial(backend.start, experiment),
        partial(backend.set_exposure, experiment, 0.5, None, spec.start),
        partial(backend.observe, experiment, spec.start),
        partial(backend.stop, experiment, "finished"),
        partial(backend.deliver, spec.arms[2].config),
        partial(backend.rollback),
    ]


def _needed(rig: Rig) -> None:
    if not rig.secrets:
        pytest.skip("the rig has no secrets: plant some, and name them in `secrets`")


@contextlib.contextmanager
def _failing_if_told(rig: Rig) -> Iterator[None]:
    """On a rig that cannot fail, errors are those of wrong calls alone."""
    try:
        failing = rig.failing()
    except pytest.skip.Exception:
        yield
        return
    with failing:
        yield


def _said(act: Callable[[], object]) -> Iterator[str]:
    """Whatever an act says: of an error also the help, and the causes that a traceback shows."""
    try:
        yield repr(act())
    except Exception as error:
        yield getattr(error, "help", "")
        seen: BaseException | None = error
        while seen is not None:
            yield f"{seen} {seen!r}"
            seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _assert_secret(rig: Rig, where: str, said: list[str]) -> None:
    for number, secret in enumerate(rig.secrets, 1):
        assert not any(secret in text for text in said), f"secret number {number} of the rig is in {where}"
