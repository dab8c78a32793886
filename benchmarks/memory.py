"""Peak memory of a simulated experiment, however many users it has.

Each experiment runs in a process of its own. Requests have few candidates: it is users that memory must not
follow.

    python benchmarks/memory.py --json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import tomllib
from dataclasses import asdict, dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does, before NumPy is imported

from rectune_dsl.dsl.model import Task
from rectune_dsl.funnel.processors import usable
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import CONTROL, Arm, Config, ExperimentSpec
from rectune_dsl.simulator.experiment import EPOCH, Experiment
from rectune_dsl.simulator.world import build_world

MIB = 1 << 20
MOST = 1 << 30
"""What the goal allows, in bytes."""
GROWTH = 16 * MIB
"""By how much the peak may grow when users become ten times as many: results wait to be added up."""
QUICK, FULL = (100_000, 10_000_000), (400_000, 100_000_000)
"""Users, of whom the second experiment has ten times as many, and the population they are of."""

TASK = """
dsl = 1
[task]
name = "many-users"
surface = "feed"
[signals]
p_click = {}
[stages.ranking]
keep = 4
score = "w * p_click"
[stages.ranking.params]
w = { production = 1.0, low = 0.5, high = 2.0 }
[metrics]
clicks = { goal = "maximize" }
[experiment]
users_per_arm = 1_000
days = 2
[confirm]
users_per_arm = 1_000
days = 2
[simulator]
items = 400
candidates = 10
"""


@dataclass(frozen=True)
class Peak:
    """What an experiment's process needed at most, in bytes, and the users that were assigned."""

    users: int
    population: int
    bytes: int
    seconds: float


def main() -> None:
    options = _options()
    if options.measure:
        print(json.dumps(asdict(_measured(*options.measure))))
        return
    few, population = QUICK if options.quick else FULL
    figures = peak_memory(few, population, options.seeds)
    setup = {
        "rectune": version("rectune"),
        "python": platform.python_version(),
        "processors": usable(),
        "population": population,
        "seeds": options.seeds,
        "days": 2,
        "arms": 2,
    }
    if options.json:
        print(json.dumps({"setup": setup, "figures": figures}, indent=2))
        return
    for figure in figures:
        print(f"{figure['name']}: {figure['value']} {figure['unit']} (goal {figure['goal']}): {figure['ok']}")


def peak_memory(users: int, population: int, seeds: int = 1) -> list[dict[str, Any]]:
    """The figures of two experiments, one of about `users` users, one of ten times as many: of all seeds the
    highest peak, and the largest growth."""
    pairs = [(measured(users, population, s), measured(10 * users, population, s)) for s in range(seeds)]
    few, many = max(pairs, key=lambda pair: pair[1].bytes)
    growth = max(many.bytes - few.bytes for few, many in pairs)
    return [
        {
            "name": f"peak memory, {many.users:,} users of {population:,}",
            "value": round(many.bytes / MIB, 1),
            "unit": "MiB",
            "goal": f"< {MOST // MIB}",
            "ok": many.bytes < MOST,
        },
        {
            "name": f"peak memory, {many.users:,} users beyond {few.users:,}",
            "value": round(growth / MIB, 1),
            "unit": "MiB",
            "goal": f"< {GROWTH // MIB}",
            "ok": growth < GROWTH,
        },
    ]


def measured(users: int, population: int, seed: int = 0) -> Peak:
    """An experiment of about `users` users of a world of `population`, in a process of its own."""
    command = [sys.executable, __file__, "--measure", str(users), str(population), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Peak(**json.loads(done.stdout))


def _measured(users: int, population: int, seed: int) -> Peak:
    raw = tomllib.loads(TASK)
    raw["simulator"]["users"] = population
    task = Task.model_validate(raw)
    arms = (Arm(CONTROL, Config(task.production)), Arm("other", Config({"w": 2.0})))
    spec = ExperimentSpec("k", "explore", "feed", arms, users // 2, task.experiment.days, EPOCH, "memory")
    began = time.perf_counter()
    experiment = Experiment(build_world(task.simulator), Funnel(task), spec, seed=seed)
    found = experiment.observe(EPOCH + timedelta(days=task.experiment.days + 1))
    seconds = time.perf_counter() - began
    return Peak(sum(arm.assigned for arm in found.arms), population, peak_bytes(), round(seconds, 2))


def peak_bytes() -> int:
    """The most that this process had in memory at once."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage may tell of the process that started this one
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) << 10
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    one = ("USERS", "POPULATION", "SEED")
    parser.add_argument("--measure", type=int, nargs=3, metavar=one, help="one peak only")
    parser.add_argument("--seeds", type=int, default=1, help="experiments with users of their own")
    parser.add_argument("--quick", action="store_true", help="fewer users")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
