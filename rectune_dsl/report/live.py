"""The live view of a campaign: what each step did, as it does it."""

from __future__ import annotations

from datetime import timedelta
from types import TracebackType

from rich.console import Console
from rich.text import Text

from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import (
    Capabilities,
    ExperimentSpec,
    Insight,
    Proposal,
    Recommendation,
    Review,
    RoundResult,
    Serving,
    SetExposure,
    StopArm,
)
from rectune_dsl.report.lifts import print_lifts, print_proposals
from rectune_dsl.report.progress import Campaign
from rectune_dsl.report.standing import print_answered, print_request, waiting_words
from rectune_dsl.report.turnout import turnout
from rectune_dsl.report.words import count, objective
from rectune_dsl.workflow.compile import Step, StepKind
from rectune_dsl.workflow.journaled import Look, Wait
from rectune_dsl.workflow.schedule import days_of_experiments
from rectune_dsl.workflow.watch import (
    Answered,
    Asked,
    Event,
    Exposed,
    Finished,
    Learnt,
    Looked,
    Proposed,
    Recommended,
    Reviewed,
    RoundFinished,
    StepStarted,
    Waited,
)

_DOING = {
    StepKind.PROPOSE: "the Actor proposes",
    StepKind.REVIEW: "the Critic reviews",
    StepKind.APPROVE: "waiting for approval",
    StepKind.EXPERIMENT: "the experiment runs",
    StepKind.LEARN: "Insight learns",
    StepKind.EVOLVE: "Skill writes",
    StepKind.RECOMMEND: "the Actor recommends",
    StepKind.CONFIRM: "the confirmation runs",
    StepKind.VERDICT: "the rules of evidence decide",
}


class LiveWatcher:
    """Prints rounds as they finish; a bar, or lines in a log, say what goes on and how long it may take. What
    a run that `stays` waits for is told in a line elsewhere."""

    def __init__(
        self,
        out: Console,
        task: Task,
        run: str,
        capabilities: Capabilities,
        flag: str = "",
        stays: bool = True,
    ) -> None:
        self._out = out
        self._stays = stays
        self._task = task
        self._run, self._flag = run, flag
        self._capabilities = capabilities
        self._days = days_of_experiments(task)
        self._bar = Campaign(out, sum(self._days), timed=capabilities.virtual_time)
        self._over = 0  # days, before this experiment
        self._proposals: tuple[Proposal, ...] = ()
        out.print(Text.assemble(("run ", "dim"), (run, "bold"), f"  on {capabilities.description}"))
        out.print(Text(objective(task.objective_weights), "dim"))

    def __enter__(self) -> LiveWatcher:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def pause(self) -> None:
        """Leave the terminal to a question. The next step takes it again."""
        self._bar.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case StepStarted(step):
                self._step(step)
            case Proposed(_, proposals):
                self._proposed(proposals)
            case Reviewed(_, reviews):
                self._reviewed(reviews)
            case Asked(request):
                self.pause()
                print_request(self._out, self._task, self._run, request, self._flag)
            case Answered(request, answer):
                print_answered(self._out, request, answer)
            case Waited(wait):
                self._waited(wait)
            case Looked(spec, look, replayed):
                self._looked(spec, look)
                self._bar.reached(self._over + _day(spec, look), replayed=replayed)
            case Exposed(spec, look, decided, serving):
                self._exposed(_day(spec, look), decided, serving)
            case RoundFinished(result, _):
                self._round_finished(result)
            case Learnt(_, insight):
                self._learnt(insight)
            case Recommended(recommendation):
                self._recommended(recommendation)
            case Finished():
                self._bar.stop()

    def _step(self, step: Step) -> None:
        rounds = self._task.experiment.rounds
        place = f"round {step.round} of {rounds}: " if step.round <= rounds else ""
        self._over = sum(self._days[: min(step.round - 1, rounds)])
        self._bar.doing(f"{place}{_DOING[step.kind]}")
        self._bar.reached(self._over)
        self._bar.start()
        if step.kind is StepKind.PROPOSE:
            self._out.print()
            self._out.rule(Text(f"round {step.round} of {rounds}"), align="left", style="dim")

    def _proposed(self, proposals: tuple[Proposal, ...]) -> None:
        self._proposals = proposals
        if not proposals:
            self._out.print("The Actor proposes nothing.")

    def _reviewed(self, reviews: tuple[Review, ...]) -> None:
        taken = [r for r in reviews if r.taken]
        self._out.print(f"The Critic takes {len(taken)} of {len(reviews)} proposals.")
        names = {review.proposal for review in taken}
        print_proposals(self._out, self._task, [p for p in self._proposals if p.name in names])
        if not taken:
            for review in reviews:
                self._out.print(Text(f"  {review.proposal}: {review.justification}", "dim"))

    def _waited(self, wait: Wait) -> None:
        self._bar.doing(f"waiting for {wait.why}")
        if self._stays and not self._out.is_terminal:  # a log has no bar
            until = f", until {wait.until:%Y-%m-%d %H:%M} UTC" if wait.until else ""
            left = f"; {self._bar.calendar}" if self._bar.calendar else ""
            self._out.print(Text(f"waiting for {wait.why}{until}{left}", "dim"))

    def _looked(self, spec: ExperimentSpec, look: Look) -> None:
        day = _day(spec, look)
        days = spec.lasts + self._task.matures_after_days
        self._bar.doing(f"{spec.purpose}: {count(len(spec.arms), 'arm')}, day {day} of {days}")
        if said := turnout(spec, look):
            self._out.print(Text(f"{spec.purpose}: {said}", "red"))
        for action in look.actions:
            if isinstance(action, StopArm):
                self._out.print(Text(f"day {day}: {action.arm} is stopped: {action.why}", "yellow"))

    def _exposed(self, day: int, decided: SetExposure, serving: Serving) -> None:
        if serving.fraction == decided.fraction:
            self._out.print(Text(f"day {day}: exposure {serving.fraction:.0%}: {decided.why}", "yellow"))
        else:
            words = f"exposure stays at {serving.fraction:.0%}: {decided.fraction:.0%} is put off"
            self._out.print(Text(f"day {day}: {words}", "yellow"))

    def _round_finished(self, result: RoundResult) -> None:
        if result.frozen:
            self._out.print(Text(f"Frozen: {result.frozen}", "red"))
            return
        print_lifts(self._out, self._task, result.estimates, result.stopped, "lifts over control, ± 90 %")

    def _learnt(self, insight: Insight) -> None:
        for note in insight.notes[:3]:
            self._out.print(Text(f"Insight: {note}", "dim"))

    def _recommended(self, recommendation: Recommendation) -> None:
        if recommendation.is_production:
            return  # the verdict says why
        self._out.print()
        self._out.rule(Text("recommendation"), align="left", style="dim")
        self._out.print(Text(recommendation.why))
        confirm = self._task.confirm
        self._out.print(
            f"It is confirmed against control on fresh users, {count(confirm.users_per_arm)} per arm "
            f"over {count(confirm.days, 'day')}."
        )


class QuietWatcher:
    """Prints what a run that stays asks, and nothing else: a line, or the whole question to somebody who
    `answers` it here."""

    def __init__(
        self, out: Console, task: Task, run: str, flag: str = "", *, stays: bool = True, answers: bool = False
    ) -> None:
        self._out, self._task, self._run, self._flag = out, task, run, flag
        self._stays, self._answers = stays, answers

    def __enter__(self) -> QuietWatcher:
        return self

    def __exit__(self, *raised: object) -> None:
        pass

    def pause(self) -> None:
        """There is no bar in the way of a question."""

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Asked) or not self._stays:
            return
        if self._answers:
            print_request(self._out, self._task, self._run, event.request, self._flag)
        else:
            step = event.request.step
            words = waiting_words(self._run, Wait(step, f"an answer to {step}"), self._flag)
            self._out.print(f"run {self._run} waits for {words}.", highlight=False, soft_wrap=True)


def _day(spec: ExperimentSpec, look: Look) -> int:
    return (look.as_of - spec.start) // timedelta(days=1)
