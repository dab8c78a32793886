"""What a log of a running campaign says of its waits."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from rectune_dsl.dsl.traffic import Ramp
from rectune_dsl.hooks.api import Capabilities
from rectune_dsl.hooks.serving import NO_RAMP
from rectune_dsl.report.live import LiveWatcher, QuietWatcher
from rectune_dsl.workflow.compile import Step, StepKind
from rectune_dsl.workflow.journaled import Request, Wait
from rectune_dsl.workflow.traffic import traffic
from rectune_dsl.workflow.watch import Asked, StepStarted, Waited

REAL = Capabilities(("watch",), None, (), False, True, True, 1000, "a platform")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOMORROW = Waited(Wait("round-1/experiment", "the next day", datetime(2026, 3, 3, 9, tzinfo=UTC)))
ANSWER = Waited(Wait("round-1/approve/approval", "an answer"))
QUESTION = Request("round-1/approve", "launch", NOON, (), 1000, 2, NO_RAMP, None, "it is a no")


@pytest.mark.parametrize("stays", [True, False])
def test_a_quiet_log_has_a_line_for_a_question_that_a_run_stays_for(simulated, stays):
    out = Console(file=io.StringIO(), width=40)
    QuietWatcher(out, simulated.task, "run-1", " --store x.sqlite", stays=stays)(Asked(QUESTION))
    asks = "`rectune status run-1 --store x.sqlite` shows what it asks"
    told = f"run run-1 waits for an answer to round-1/approve: {asks}.\n"
    assert out.file.getvalue() == (told if stays else "")


def test_who_answers_a_quiet_run_on_its_terminal_is_shown_the_whole_question(simulated):
    out = Console(file=io.StringIO(), width=100)
    QuietWatcher(out, simulated.task, "run-1", answers=True)(Asked(QUESTION))
    told = out.file.getvalue()
    assert "run run-1 asks to launch an experiment" in told
    assert "Traffic: 1,000 users per arm and in control for 2 days" in told
    assert "If nobody answers: it is a no." in told


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


def test_a_wait_for_days_says_how_many_are_left_of_those_that_the_plan_tells(simulated):
    matures = {
        name: m.model_copy(update={"matures_after_days": 1}) for name, m in simulated.task.metrics.items()
    }
    task = simulated.task.model_copy(update={"ramp": Ramp(steps=(0.1,), days=2), "metrics": matures})
    out = Console(file=io.StringIO(), width=100)
    watch = LiveWatcher(out, task, "run-1", REAL)
    watch(StepStarted(Step("round-2/experiment", StepKind.EXPERIMENT, 2, "", ())))
    watch(TOMORROW)
    watch._bar.stop()
    left = traffic(task, REAL).days - (2 + task.experiment.days + 1)
    assert f"2026-03-03 09:00 UTC; {left} days of experiments left\n" in out.file.getvalue()
