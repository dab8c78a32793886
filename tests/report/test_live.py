"""What a log of a running campaign says of its waits."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from rectune_dsl.hooks.api import Capabilities
from rectune_dsl.report.live import LiveWatcher
from rectune_dsl.workflow.compile import Step, StepKind
from rectune_dsl.workflow.journaled import Wait
from rectune_dsl.workflow.watch import StepStarted, Waited

REAL = Capabilities(("watch",), None, (), False, True, True, 1000, "a platform")
TOMORROW = Waited(Wait("round-1/experiment", "the next day", datetime(2026, 3, 3, 9, tzinfo=UTC)))
ANSWER = Waited(Wait("round-1/approve/approval", "an answer"))


@pytest.mark.parametrize(
    ("stays", "terminal", "said"),
    [
        (True, False, ["waiting for the next day, until 2026-03-03 09:00 UTC", "waiting for an answer"]),
        (False, False, []),  # the run ends, and the command line says what it waits for
        (True, True, []),  # the bar says so
    ],
)
def test_a_log_says_what_a_run_that_stays_waits_for(simulated, stays, terminal, said):
    out = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    watch = LiveWatcher(out, simulated.task, "run-1", REAL, "", stays)
    for event in (TOMORROW, ANSWER):
        watch(event)
    shown = [line for line in out.file.getvalue().splitlines() if line.startswith("waiting")]
    assert shown == said


def test_a_wait_for_days_says_how_many_are_left(simulated):
    out = Console(file=io.StringIO(), width=100)
    watch = LiveWatcher(out, simulated.task, "run-1", REAL)
    experiment, confirm = simulated.task.experiment, simulated.task.confirm
    days = experiment.rounds * experiment.days + confirm.days
    watch(StepStarted(Step("round-2/experiment", StepKind.EXPERIMENT, 2, "", ())))
    watch(TOMORROW)
    watch._bar.stop()
    left = days - experiment.days
    assert f"2026-03-03 09:00 UTC; {left} days of experiments left\n" in out.file.getvalue()
