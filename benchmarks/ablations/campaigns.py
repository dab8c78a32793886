"""Whole campaigns through the workflow, judged by the truth that no agent sees."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tomli_w
from tuning.bundled import TASKS, BundledTruth, bundled_problem
from tuning.problem import Problem, objective, violates

from ablations.plan import Unit
from ablations.teams import Access, reached
from rectune_dsl.dsl.model import Confirm
from rectune_dsl.dsl.source import Source
from rectune_dsl.memory.journal import Journal
from rectune_dsl.plugins.host import Host
from rectune_dsl.report.costs import costs, total
from rectune_dsl.report.view import RunView, read_run
from rectune_dsl.testing.project import changed
from rectune_dsl.workflow.assemble import campaign
from rectune_dsl.workflow.choices import Choices
from rectune_dsl.workflow.prepare import begin, load

Changes = Mapping[str, Any]
JUDGED_USERS = 20_000
"""Whose expected responses are the truth about what is recommended; no more than confirm it."""
SHORT: Changes = {
    "experiment": {"rounds": 1, "arms": 3, "users_per_arm": 2_000, "days": 2},
    "confirm": {"users_per_arm": 5_000, "days": 2},
}
"""Of a task, for a look at how it all works. Its campaigns are too small to ship."""


@dataclass(frozen=True)
class Cost:
    """What a campaign asked of models. `answered` questions had an answer that could be used; tokens and US
    dollars are those of all calls that were paid for, without the `unpriced` ones' dollars."""

    questions: int = 0
    answered: int = 0
    calls: int = 0
    recalled: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    unpriced: int = 0


@dataclass(frozen=True)
class Outcome:
    """A campaign as the truth has it.

    `left` is the true U of what it leaves in production, in % of the oracle's: 0 where it does not ship, and
    0 where what it ships violates a guardrail, which `harm` says. `lifts` are the same config's true lifts in
    %, by metric. `recommended` is the U of the config that it recommends, shipped or not, 0 where that
    violates.
    """

    config: Mapping[str, float]
    verdict: str
    left: float
    lifts: Mapping[str, float]
    harm: bool
    recommended: float
    arms: int
    violating: int
    stopped: int
    cost: Cost

    @property
    def ships(self) -> bool:
        return self.verdict == "ship"

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Outcome:
        """From what `asdict` gave."""
        return cls(**{**told, "cost": Cost(**told["cost"])})


def outcomes(unit: Unit, access: Access, cache: Path | None, changes: Changes) -> list[Outcome]:
    """One per task of the unit's chain, in a temporary workspace; paths have to be absolute."""
    problems = [bundled_problem(unit.seed, cache, task) for task in unit.chain]
    with (
        TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        reached(unit.team, access) as asked,
    ):
        world = {"simulator": {"seed": unit.seed}, "llm": asked or None}
        tables = changed(changes, world)
        runs = [_run(task, unit, tables) for task in unit.chain]
    return [judged(problem, *run) for problem, run in zip(problems, runs, strict=True)]


def judged(problem: Problem, confirm: Confirm, view: RunView) -> Outcome:
    """A finished run by the problem's truth: what it recommends, beside the oracle's config, by that of many
    users over its confirmation's days, since habits take days to grow; its arms, which are many, by less."""
    assert view.recommendation is not None
    assert view.verdict is not None
    task, config = problem.task, view.recommendation.config
    truth = BundledTruth(task, min(JUDGED_USERS, confirm.users_per_arm), confirm.days)
    lifts = truth([config, problem.oracle.config])
    gain, most = map(float, objective(task, lifts))
    broken = bool(violates(task, lifts, truth.levels)[0])
    safe, ships = 0.0 if broken else 100.0 * gain / most, view.verdict.decision == "ship"
    results = [round.result for round in view.rounds if round.result is not None]
    arms = problem.truth([arm.config for result in results for arm in result.arms[1:]])
    true = zip(task.judged, lifts[0], strict=True)
    return Outcome(
        config=dict(config.values),
        verdict=view.verdict.decision,
        left=safe if ships else 0.0,
        lifts={metric: 100.0 * float(lift) if ships else 0.0 for metric, lift in true},
        harm=ships and broken,
        recommended=safe,
        arms=len(arms),
        violating=int(violates(task, arms, problem.levels).sum()),
        stopped=sum(len(result.stopped) for result in results),
        cost=cost(view),
    )


def cost(view: RunView) -> Cost:
    """A run's ledger in one line."""
    spent, questions = total(costs(view.calls)), len({call.step for call in view.calls})
    return Cost(
        questions=questions,
        answered=questions - spent.fell_back,
        calls=spent.calls,
        recalled=spent.recalled,
        input_tokens=spent.input_tokens,
        output_tokens=spent.output_tokens,
        usd=spent.usd,
        unpriced=spent.unpriced,
    )


def told(found: Sequence[Outcome]) -> list[dict[str, Any]]:
    """As JSON has them."""
    return [asdict(outcome) for outcome in found]


def _run(task: str, unit: Unit, tables: Changes) -> tuple[Confirm, RunView]:
    """A campaign in the working folder, and how it confirms. Its store is its own: confirmations of a chain
    do not share alpha, as those of the campaigns that they are compared with do not."""
    file = TASKS / f"{task}.toml"
    text = tomli_w.dumps(changed(tomllib.loads(file.read_text()), tables))
    host, choices = Host(), Choices(unit.seed, dict(unit.team.agents))
    loaded = load(Source(str(file), text), host, choices)
    journal = Journal(f"{task}.sqlite")
    run = begin(loaded, choices, journal)
    campaign(run, loaded, journal, host).run()
    view = read_run(journal, run)
    assert view is not None
    return loaded.task.confirm, view
