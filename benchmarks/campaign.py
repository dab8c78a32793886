"""Whole campaigns on the bundled simulator, judged by the truth that no agent sees.

Per seed: the verdict, the recommended config's true lift of U, the oracle's, guardrails violated in truth,
seconds.

    python benchmarks/campaign.py --task tasks/value_fusion.toml --seeds 10 --json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does, before NumPy is imported

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.source import Source
from rectune_dsl.funnel.processors import usable
from rectune_dsl.hooks.api import Config, OracleBackend
from rectune_dsl.memory.journal import Journal
from rectune_dsl.plugins.host import Host
from rectune_dsl.report.view import read_run
from rectune_dsl.workflow.assemble import campaign
from rectune_dsl.workflow.choices import Choices
from rectune_dsl.workflow.prepare import Loaded, begin, load

QUICK_SEEDS = 1


@dataclass(frozen=True)
class Run:
    """One seed's campaign. Lifts are of U, as fractions; `violations` are guardrails broken in truth.

    `arms_tested` counts arms that were launched and judged: judging them takes longer than the campaign.
    """

    seed: int
    verdict: str
    true_lift: float
    oracle_lift: float
    violations: tuple[str, ...]
    arms_tested: int
    arms_violating: int
    seconds: float


def main() -> None:
    options = _options()
    seeds = range(options.first_seed, options.first_seed + (QUICK_SEEDS if options.quick else options.seeds))
    task_path = options.task.resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # learnt skills stay out of the caller's folder
        runs = _runs(task_path, seeds, _choices(options.agent), judge_arms=not options.quick)
    setup = {
        "task": options.task.name,
        "seeds": list(seeds),
        "agents": options.agent,
        "rectune": version("rectune"),
        "python": platform.python_version(),
        "processors": usable(),
    }
    result = {"setup": setup, "figures": _figures(runs), "runs": [asdict(run) for run in runs]}
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for figure in _figures(runs):
        print(f"{figure['name']}: {figure['value']} {figure['unit']} (goal {figure['goal']}): {figure['ok']}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", type=Path, default=Path("tasks/value_fusion.toml"))
    parser.add_argument("--seeds", type=int, default=10, help="how many")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--agent", action="append", default=[], metavar="ROLE=NAME")
    parser.add_argument("--quick", action="store_true", help="one seed, and the arms are not judged")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _choices(agents: list[str]) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in agents)


def _runs(task_path: Path, seeds: range, agents: Mapping[str, str], *, judge_arms: bool) -> list[Run]:
    host = Host()
    source = Source.read(task_path)
    judge = load(source, host, Choices(0, agents))
    if not isinstance(judge.backend, OracleBackend):
        raise SystemExit("this task's backend does not know the truth")
    oracle_lift = _u(judge.task, _truth(judge.backend, [judge.backend.oracle_config()])[0])
    found = []
    for seed in seeds:
        loaded = load(source, host, Choices(seed, agents))
        found.append(_run(loaded, seed, Choices(seed, agents), host, oracle_lift, judge_arms))
        print(_sentence(found[-1]), file=sys.stderr)
    return found


def _run(
    loaded: Loaded, seed: int, choices: Choices, host: Host, oracle_lift: float, judge_arms: bool
) -> Run:
    task, backend = loaded.task, loaded.backend
    journal = Journal(f"seed-{seed}.sqlite")  # a store of its own: seeds are not confirmations of one surface
    run = begin(loaded, choices, journal)
    started = time.perf_counter()
    verdict = campaign(run, loaded, journal, host).run()
    seconds = time.perf_counter() - started
    view = read_run(journal, run)
    assert view is not None
    assert view.recommendation is not None
    assert isinstance(backend, OracleBackend)
    results = [r.result for r in view.rounds if r.result is not None]
    arms = [arm.config for result in results for arm in result.arms[1:]] if judge_arms else []
    truths = _truth(backend, [view.recommendation.config, *arms])
    return Run(
        seed=seed,
        verdict=verdict.decision,
        true_lift=_u(task, truths[0]),
        oracle_lift=oracle_lift,
        violations=_violations(task, truths[0]),
        arms_tested=len(arms),
        arms_violating=sum(bool(_violations(task, truth)) for truth in truths[1:]),
        seconds=round(seconds, 2),
    )


def _sentence(run: Run) -> str:
    return (
        f"seed {run.seed}: {run.verdict}, true U {run.true_lift:+.2%} of {run.oracle_lift:+.2%}, "
        f"violations {', '.join(run.violations) or 'none'}, {run.seconds:.0f} s"
    )


def _truth(backend: OracleBackend, configs: list[Config]) -> list[dict[str, float]]:
    lifts = backend.oracle_lifts(configs)
    return [{name: values[i] for name, values in lifts.items()} for i in range(len(configs))]


def _u(task: Task, truth: Mapping[str, float]) -> float:
    return sum(weight * truth[name] for name, weight in task.objective_weights.items())


def _violations(task: Task, truth: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(
        name
        for name, limit in task.guarded.items()
        if not limit.holds(truth[name] if limit.relative else truth[f"={name}"])
    )


def _figures(runs: list[Run]) -> list[dict[str, object]]:
    shipped = [run for run in runs if run.verdict == "ship"]
    count = len(runs)
    possible = sum(run.oracle_lift for run in runs)
    share = sum(run.true_lift for run in runs) / possible if possible else 0.0
    tested = sum(run.arms_tested for run in runs)
    harmful = sum(bool(run.violations) for run in shipped)
    positive = sum(run.true_lift > 0 for run in runs)
    violating = sum(run.arms_violating for run in runs) / max(tested, 1)
    seconds = [run.seconds for run in runs]
    return [
        _figure("runs that ship", len(shipped), "runs", f">= {count / 2:g}", len(shipped) >= count / 2),
        _figure("true lift is positive", positive, "runs", f">= {0.8 * count:g}", positive >= 0.8 * count),
        _figure("shipped configs that violate a guardrail in truth", harmful, "runs", "0", harmful == 0),
        _figure("mean true lift in parts of the oracle's", round(share, 3), "ratio", "", True),
        _figure("arms that violate a guardrail in truth", round(violating, 3), "ratio", "", True),
        _figure("median campaign", round(statistics.median(seconds), 2), "s", "", True),
        _figure("slowest campaign", max(seconds), "s", "< 60", max(seconds) < 60),
    ]


def _figure(name: str, value: float, unit: str, goal: str, ok: bool) -> dict[str, object]:
    return {"name": name, "value": value, "unit": unit, "goal": goal, "ok": ok}


if __name__ == "__main__":
    main()
