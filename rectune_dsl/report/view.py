"""A run as its journal tells it, step by step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Literal

from rectune_dsl.experiments.holm import holm_adjusted
from rectune_dsl.hooks.api import (
    ExperimentSpec,
    Insight,
    ModelCall,
    Proposal,
    Recommendation,
    Review,
    RoundResult,
    SkillRevision,
    Verdict,
)
from rectune_dsl.memory.codec import encode
from rectune_dsl.memory.journal import HEADER, Journal
from rectune_dsl.memory.ledger import RunLedger
from rectune_dsl.memory.recorder import Recorder
from rectune_dsl.report.costs import costs_json
from rectune_dsl.workflow.abort import ABORT, ABORTED
from rectune_dsl.workflow.approval import approval_key
from rectune_dsl.workflow.compile import StepKind, round_step
from rectune_dsl.workflow.deliveries import DELIVER, HELD
from rectune_dsl.workflow.journaled import (
    Abort,
    Aborted,
    Approval,
    Confirmation,
    KnowledgeUsed,
    Look,
    RunHeader,
)
from rectune_dsl.workflow.launches import latest_place
from rectune_dsl.workflow.learning import Scores

Shipped = Literal["delivered", "not delivered yet", "refused", "nobody is served"]


@dataclass(frozen=True)
class RoundView:
    """One round, as far as it got. `approval` is who let it be launched."""

    round: int
    proposals: tuple[Proposal, ...] = ()
    reviews: tuple[Review, ...] = ()
    approval: Approval | None = None
    spec: ExperimentSpec | None = None
    looks: tuple[Look, ...] = ()
    result: RoundResult | None = None
    insight: Insight | None = None
    revisions: tuple[SkillRevision, ...] = ()
    knowledge: KnowledgeUsed | None = None


@dataclass(frozen=True)
class RunView:
    """A run. What has not happened yet is None or empty. `calls` is its ledger of language models,
    `confirming` the confirmation's spec and last look, while it runs too; `scores` are what each round's
    experiment said of the records that had predicted it. `delivered_at` is empty where nothing shipped."""

    run: str
    started: str
    header: RunHeader
    rounds: tuple[RoundView, ...]
    recommendation: Recommendation | None
    confirmation: Confirmation | None
    verdict: Verdict | None
    shipping: Approval | None
    delivered: bool
    abort: Abort | None
    aborted: Aborted | None
    calls: tuple[ModelCall, ...] = ()
    confirming: tuple[ExperimentSpec, Look] | None = None
    scores: Mapping[int, Scores] = field(default_factory=dict)
    delivered_at: str = ""

    @property
    def shipped(self) -> Shipped | None:
        """What became of a config that may ship; None where none may, or the run was aborted."""
        if self.abort is not None or self.verdict is None or self.verdict.decision != "ship":
            return None
        if self.delivered:
            return "delivered"
        if not self.header.serves:
            return "nobody is served"
        return "refused" if self.shipping is not None and not self.shipping.granted else "not delivered yet"

    @property
    def state(self) -> str:
        """The verdict, and what holds it up; or how far the run got."""
        if self.abort is not None:
            return "aborted" if self.aborted is not None else "abort unfinished"
        if self.shipped in ("refused", "not delivered yet"):
            return f"ship, {self.shipped}"
        if self.verdict is not None:
            return self.verdict.decision
        return (
            f"unfinished, round {len(self.rounds)}" if self.recommendation is None else "unfinished, confirm"
        )


def read_run(journal: Journal, run: str) -> RunView | None:
    """Read a run from its journal; None when it was killed before its first entry."""
    recorder = Recorder(journal, run)
    header = recorder.recall(HEADER, RunHeader)
    if header is None:
        return None
    rounds: list[RoundView] = []
    delivery = journal.entry(run, DELIVER)
    while (view := _round(recorder, len(rounds) + 1)) is not None:
        rounds.append(view)
    return RunView(
        run=run,
        started=journal.find(run).created_at,
        header=header,
        rounds=tuple(rounds),
        recommendation=recorder.recall(StepKind.RECOMMEND, Recommendation),
        confirmation=recorder.recall(StepKind.CONFIRM, Confirmation),
        verdict=recorder.recall(HELD, Verdict) or recorder.recall(StepKind.VERDICT, Verdict),
        shipping=recorder.recall(approval_key(StepKind.VERDICT), Approval),
        delivered=recorder.has(DELIVER),
        abort=recorder.recall(ABORT, Abort),
        aborted=recorder.recall(ABORTED, Aborted),
        calls=RunLedger(journal.store, run).calls(),
        confirming=_confirming(recorder),
        scores=_scores(recorder, len(rounds)),
        delivered_at=delivery.at if delivery is not None else "",
    )


def as_json(view: RunView) -> str:
    """The run without ids and wall-clock times: equal campaigns give equal bytes."""
    header = view.header
    shown = {
        "rectune": header.version,
        "seed": header.seed,
        "backend": header.backend,
        "agents": dict(header.agents),
        "production": dict(header.production),
        "skill": header.skill.name if header.skill else None,
        "task": header.task_text,
        "rounds": [_round_json(r) for r in view.rounds],
        "recommendation": json.loads(encode(Recommendation | None, view.recommendation)),
        "confirmation": _without_ids(json.loads(encode(Confirmation | None, view.confirmation))),
        "verdict": json.loads(encode(Verdict | None, view.verdict)),
        "shipping": json.loads(encode(Approval | None, view.shipping)),
        "delivered": view.delivered,
        "aborted": json.loads(encode(Aborted | None, view.aborted)),
        "language_models": costs_json(view.calls),
    }
    return json.dumps(shown, indent=2, sort_keys=True, ensure_ascii=False)


def traffic(view: RunView) -> tuple[int, int, datetime | None]:
    """What the run spent: users assigned, experiments, and the last moment it looked at."""
    confirmation = view.confirmation
    looks = [r.looks[-1] for r in view.rounds if r.looks]
    looks += [confirmation.look] if confirmation and confirmation.look else []
    return sum(map(assigned, looks)), len(looks), looks[-1].as_of if looks else None


def results(view: RunView) -> tuple[RoundResult, ...]:
    """What came of each round that was measured, frozen ones included."""
    return tuple(round.result for round in view.rounds if round.result is not None)


def assigned(look: Look) -> int:
    """Users that an experiment had got by a look; 0 where nobody was served, or it is not told."""
    seen = look.observation
    return sum(arm.assigned for arm in seen.arms) if seen.kind == "moments" else sum(seen.assigned)


def _round(recorder: Recorder, number: int) -> RoundView | None:
    step = partial(round_step, number)
    proposals = recorder.recall(step(StepKind.PROPOSE), tuple[Proposal, ...])
    if proposals is None:
        return None
    place = latest_place(recorder, step(StepKind.EXPERIMENT))
    return RoundView(
        number,
        proposals,
        recorder.recall(step(StepKind.REVIEW), tuple[Review, ...]) or (),
        recorder.recall(approval_key(step(StepKind.APPROVE)), Approval),
        recorder.recall(f"{place}/design", ExperimentSpec),
        _looks(recorder, place),
        recorder.recall(step(StepKind.EXPERIMENT), RoundResult),
        recorder.recall(step(StepKind.LEARN), Insight),
        recorder.recall(step(StepKind.EVOLVE), tuple[SkillRevision, ...]) or (),
        recorder.recall(f"{step(StepKind.PROPOSE)}/knowledge", KnowledgeUsed),
    )


def _confirming(recorder: Recorder) -> tuple[ExperimentSpec, Look] | None:
    place = latest_place(recorder, StepKind.CONFIRM)
    spec, looks = recorder.recall(f"{place}/design", ExperimentSpec), _looks(recorder, place)
    return (spec, looks[-1]) if spec is not None and looks else None


def _scores(recorder: Recorder, rounds: int) -> dict[int, Scores]:
    steps = {number: round_step(number, StepKind.EVOLVE) for number in range(1, rounds + 1)}
    found = {number: recorder.recall(f"{step}/scores", Scores) for number, step in steps.items()}
    return {number: scores for number, scores in found.items() if scores is not None}


def _looks(recorder: Recorder, place: str) -> tuple[Look, ...]:
    looks: list[Look] = []
    while (look := recorder.recall(f"{place}/look-{len(looks) + 1}", Look)) is not None:
        looks.append(look)
    return tuple(looks)


def _round_json(round: RoundView) -> dict[str, object]:
    body: dict[str, object] = _without_ids(json.loads(encode(RoundView, round))) or {}
    estimates = round.result.estimates if round.result else None
    holm = holm_adjusted(estimates, estimates.metrics) if estimates else {}
    return {**body, "holm_adjusted_p_values": {arm: dict(p) for arm, p in holm.items()}}


def _without_ids(body: dict[str, object] | None) -> dict[str, object] | None:
    """Without the experiment's key, which names the run."""
    if body and isinstance(body.get("spec"), dict):
        spec = {k: v for k, v in body["spec"].items() if k != "key"}  # type: ignore[attr-defined]
        return {**body, "spec": spec}
    return body
