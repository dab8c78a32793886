"""A whole simulated experiment: 10 arms of 20,000 users each over 3 days, with the funnel of
`tasks/value_fusion.toml` and its 300 candidates per request. Each runs in a process of its own, which tells
its peak memory.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import memory

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import CONTROL, Arm, Config, ExperimentSpec
from rectune_dsl.simulator.experiment import EPOCH, Experiment, Machine
from rectune_dsl.simulator.threads import Threads
from rectune_dsl.simulator.world import build_world
from speed import cores
from speed.figures import Figure, Options, alternating

TASK = Path(__file__).parents[2] / "tasks" / "value_fusion.toml"
ARMS, USERS, DAYS = 10, 20_000, 3
MOST_SECONDS = 20.0
WARM_USERS = 200
ROUNDS = 3


@dataclass(frozen=True)
class Run:
    """What one experiment took, and how much it was."""

    seconds: float
    requests: int
    assigned: int
    bytes: int


def figures(options: Options) -> list[Figure]:
    rounds = 1 if options.quick else ROUNDS
    threads = (1, 2) if cores.several() else (1,)
    runs: dict[int, list[Run]] = {count: [] for count in threads}
    hashing: dict[str, list[float]] = {}
    for _ in range(rounds):
        for count in threads:
            runs[count].append(_apart(count))
        for name, times in alternating(cores.hashing(), 1).items():
            hashing.setdefault(name, []).extend(times)
    best = runs[threads[-1]]
    found = [_seconds(best), *_sizes(best[0]), _peak(best)]
    if cores.several():
        one, two = ([run.seconds for run in runs[count]] for count in threads)
        found += [cores.gain("experiment", one, two), cores.spare("experiment", hashing)]
    return found


def measured(threads: int, users: int = USERS, candidates: int | None = None) -> Run:
    """An experiment in this process, after a small one that has everything imported and compiled."""
    raw = tomllib.loads(TASK.read_text(encoding="utf-8"))
    if candidates is not None:
        raw["simulator"] = {**raw.get("simulator", {}), "candidates": candidates}
    task = Task.model_validate(raw)
    _run(task, WARM_USERS, 1, "warm")
    return _run(task, users, threads, "timed")


def _run(task: Task, users: int, threads: int, salt: str) -> Run:
    weights = [0.6 + 0.1 * number for number in range(ARMS)]
    arms = [Arm(f"arm {w:.1f}", Config({**task.production, "a_long": w})) for w in weights[1:]]
    control = Arm(CONTROL, Config(task.production))
    spec = ExperimentSpec(salt, "explore", "feed", (control, *arms), users, DAYS, EPOCH, salt)
    world, funnel = build_world(task.simulator), Funnel(task)
    began = time.perf_counter()
    machine = Machine(Threads(threads))
    experiment = Experiment(world, funnel, spec, 1, machine=machine)
    seen = experiment.observe(EPOCH + timedelta(days=DAYS + 1))
    seconds = time.perf_counter() - began
    sessions = sum(arm.sums[seen.columns.index("sessions")] for arm in seen.arms)
    return Run(seconds, round(sessions), sum(arm.assigned for arm in seen.arms), memory.peak_bytes())


def _apart(threads: int) -> Run:
    command = [sys.executable, "-m", "speed.experiment", str(threads)]
    folder = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return Run(**json.loads(done.stdout))


def _seconds(runs: Sequence[Run]) -> Figure:
    value = statistics.median(run.seconds for run in runs)
    name = f"experiment, {ARMS} arms of {USERS:,} users over {DAYS} days"
    return Figure(name, round(value, 2), "s", f"< {MOST_SECONDS:g}", value < MOST_SECONDS)


def _sizes(run: Run) -> list[Figure]:
    per_day = run.requests / run.assigned / DAYS
    candidates = build_world(_task().simulator).candidates
    return [
        Figure("experiment, requests", run.requests, "requests", "none", True),
        Figure("experiment, requests per user-day", round(per_day, 3), "requests", "none", True),
        Figure("experiment, candidates per request", candidates, "candidates", "none", True),
        Figure("experiment, speed", round(run.requests / run.seconds), "requests/s", "none", True),
    ]


def _task() -> Task:
    return Task.model_validate(tomllib.loads(TASK.read_text(encoding="utf-8")))


def _peak(runs: Sequence[Run]) -> Figure:
    most = max(run.bytes for run in runs)
    value = round(most / memory.MIB, 1)
    goal = f"< {memory.MOST // memory.MIB}"
    return Figure("experiment, peak memory", value, "MiB", goal, most < memory.MOST)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("threads", type=int)
    print(json.dumps(asdict(measured(parser.parse_args().threads))))


if __name__ == "__main__":
    _main()
