"""A/A tests: two arms under one config, many times. Do tests and intervals keep what they promise?

Each experiment is a real one of the simulator (users of its own, assigned by a salted hash, served day after
day), estimated as any other. Of every metric the p-values of its lift should be uniform (Kolmogorov-Smirnov),
its 95 % interval hold 0 in 95 % of all, and the check for sample-ratio mismatch fire as often as it says.

    python benchmarks/aa.py --json

Chosen so that a study takes minutes: slates of 6 out of 12 candidates, 2 days, 4,000 users per arm of a world
of 10,000, and responses that are frequent enough (see RAISED) for 200 events per arm and more.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import time
import tomllib
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from importlib.metadata import version

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does, before NumPy is imported

import numpy as np
import tomli_w
from numpy.typing import NDArray
from scipy.stats import binom, kstest

from rectune_dsl.dsl.model import Task
from rectune_dsl.experiments.balance import BALANCE_THRESHOLD
from rectune_dsl.experiments.estimates import estimate
from rectune_dsl.experiments.intervals import Measured, lift
from rectune_dsl.experiments.srm import SRM_THRESHOLD, srm_p_value
from rectune_dsl.funnel.processors import usable
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import CONTROL, Arm, Config, ExperimentSpec, Moments
from rectune_dsl.simulator.experiment import EPOCH, Experiment, Machine
from rectune_dsl.simulator.threads import Threads
from rectune_dsl.simulator.world import Sizes, World, make_world
from rectune_dsl.simulator.worlds import text_of

EXPERIMENTS, QUICK_EXPERIMENTS = 2_000, 300
"""Per seed."""
DAYS, CHUNK = 2, 2_048
SIZES = Sizes(seed=1, users=10_000, items=400, candidates=12)
USERS_PER_ARM = 4_000
RAISED = {"like": 1.8, "comment": 3.6, "follow": 4.0, "forward": 4.4, "profile_enter": 1.8, "hate": 4.6}
"""Added to log-odds: what is rare would have a few events per arm, and p-values that are not continuous."""
HATED = -1.0
"""What a hate takes from satisfaction here, where hates are many."""
LEAST_KS, LEAST_TAIL, LEVEL = 0.01, 0.001, 0.05
SLACK, CHANCE = 0.01, 3.5
"""Intervals shall cover within so much of what they promise, or within so many standard errors where few
experiments say less."""
TREATED = "same"

TASK = """
dsl = 1
[task]
name = "aa"
surface = "feed"
[signals]
p_click = {}
p_long_view = {}
[stages.ranking]
keep = 6
score = "p_click + w * p_long_view"
[stages.ranking.params]
w = { production = 1.0, low = 0.5, high = 2.0 }
[metrics]
watch_minutes = { goal = "maximize", covariate = "watch_minutes_before" }
sessions = { covariate = "sessions_before" }
clicks = {}
long_views = {}
completions = {}
likes = {}
comments = {}
follows = {}
forwards = {}
profile_visits = {}
hates = {}
impressions = {}
topics_shown = {}
latency_ms = {}
next_day_return = { kind = "proportion" }
click_rate = { kind = "ratio", numerator = "clicks", denominator = "impressions" }
long_view_rate = { kind = "ratio", numerator = "long_views", denominator = "clicks" }
hate_rate = { kind = "ratio", numerator = "hates", denominator = "impressions" }
minutes_per_session = { kind = "ratio", numerator = "watch_minutes", denominator = "sessions" }
[experiment]
users_per_arm = 4_000
days = 2
[confirm]
users_per_arm = 4_000
days = 2
"""


@dataclass(frozen=True)
class Outcome:
    """One experiment: by metric the p-value of its lift and whether its 95 % interval holds 0, NaN where it
    was refused since its covariate differs between the arms; the p-value of the arms' sizes; and the fewest
    events of any response in an arm."""

    p_values: tuple[float, ...]
    covered: tuple[float, ...]
    srm: float
    events: float


@dataclass(frozen=True, eq=False)
class Study:
    """Many experiments: `p_values` and `covered` (experiments, metrics), `srm` (experiments,)."""

    metrics: tuple[str, ...]
    p_values: NDArray[np.float64]
    covered: NDArray[np.float64]
    srm: NDArray[np.float64]
    events: float

    def figures(self) -> list[dict[str, object]]:
        found = []
        for at, name in enumerate(self.metrics):
            known = ~np.isnan(self.p_values[:, at])
            found += _of_metric(name, self.p_values[known, at], self.covered[known, at])
        with_covariate = [name for name, metric in _task().metrics.items() if metric.covariate]
        refused, tests = int(np.isnan(self.p_values).sum()), self.srm.size * len(with_covariate)
        fired = int((self.srm < SRM_THRESHOLD).sum())
        return [
            *found,
            _mean_coverage(self.covered),
            _fired("arms' sizes: sample-ratio mismatch", fired, self.srm.size, SRM_THRESHOLD),
            _fired("covariates: differ between the arms", refused, tests, BALANCE_THRESHOLD),
        ]


def main() -> None:
    arguments = _arguments()
    each = QUICK_EXPERIMENTS if arguments.quick else EXPERIMENTS
    seeds = 1 if arguments.quick else arguments.seeds
    began = time.perf_counter()
    found = study(each, range(seeds), usable())
    setup = {
        "experiments": found.srm.size,
        "users_per_arm": USERS_PER_ARM,
        "days": DAYS,
        "fewest events of a response in an arm": found.events,
        "seconds": round(time.perf_counter() - began, 1),
        "rectune": version("rectune"),
        "python": platform.python_version(),
        "processors": usable(),
    }
    if arguments.json:
        print(json.dumps({"setup": setup, "figures": found.figures()}, indent=2))
        return
    print(setup)
    for figure in found.figures():
        print(f"{figure['name']}: {figure['value']} {figure['unit']} (goal {figure['goal']}): {figure['ok']}")


def study(experiments: int, seeds: Iterable[int], processes: int = 1) -> Study:
    """So many experiments per seed. The result does not depend on `processes`."""
    work = [(seed, number) for seed in seeds for number in range(experiments)]
    if processes == 1:
        outcomes = [outcome(one) for one in work]
    else:
        with ProcessPoolExecutor(processes) as pool:
            outcomes = list(pool.map(outcome, work, chunksize=10))
    return Study(
        metrics=tuple(_task().metrics),
        p_values=np.array([o.p_values for o in outcomes]),
        covered=np.array([o.covered for o in outcomes]),
        srm=np.array([o.srm for o in outcomes]),
        events=min(o.events for o in outcomes),
    )


def outcome(which: tuple[int, int]) -> Outcome:
    """Of the experiment with this seed and number."""
    seed, number = which
    moments = _observed(seed, number)
    task = _task()
    estimates = estimate(moments, task.metrics)
    seen = [lift(estimates, TREATED, metric) for metric in task.metrics]
    counted = [r.column for r in _world().file.responses.values()]
    return Outcome(
        p_values=tuple(math.nan if one is None else one.p_value() for one in seen),
        covered=tuple(math.nan if one is None else _covers(one) for one in seen),
        srm=srm_p_value([arm.assigned for arm in moments.arms]),
        events=min(arm.sums[moments.columns.index(c)] for arm in moments.arms for c in counted),
    )


def _covers(seen: Measured) -> float:
    low, high = seen.interval(1 - LEVEL)
    return float(low <= 0.0 <= high)


def _observed(seed: int, number: int) -> Moments:
    production = Config(_task().production)
    arms = (Arm(CONTROL, production), Arm(TREATED, production))
    salt = f"aa-{seed}-{number}"
    spec = ExperimentSpec(salt, "explore", "feed", arms, USERS_PER_ARM, DAYS, EPOCH, salt)
    experiment = Experiment(_world(), _funnel(), spec, seed, machine=Machine(Threads(1), CHUNK))
    return experiment.observe(EPOCH + timedelta(days=DAYS + 1))


@lru_cache(maxsize=1)
def _world() -> World:
    raw = tomllib.loads(text_of("short-video"))
    for name, more in RAISED.items():
        raw["responses"][name]["intercept"] += more
    raw["habits"]["worth"]["hate"] = HATED
    return make_world(tomli_w.dumps(raw), SIZES)


@lru_cache(maxsize=1)
def _task() -> Task:
    return Task.model_validate(tomllib.loads(TASK))


@lru_cache(maxsize=1)
def _funnel() -> Funnel:
    return Funnel(_task())


def _of_metric(
    name: str, p_values: NDArray[np.float64], covered: NDArray[np.float64]
) -> list[dict[str, object]]:
    uniform = float(kstest(p_values, "uniform").pvalue)
    share = float(covered.mean())
    slack = max(SLACK, CHANCE * (LEVEL * (1 - LEVEL) / covered.size) ** 0.5)
    rate, figure = float((p_values < LEVEL).mean()), partial(_figure, name)
    return [
        figure("uniform p-values, Kolmogorov-Smirnov", uniform, "p", f"> {LEAST_KS:g}", uniform > LEAST_KS),
        figure(
            "95 % intervals that cover 0",
            100 * share,
            "%",
            f"95 +- {100 * slack:.2g}",
            abs(share - (1 - LEVEL)) <= slack,
        ),
        figure("false positives at 5 %", 100 * rate, "%", "none", True),
    ]


def _mean_coverage(covered: NDArray[np.float64]) -> dict[str, object]:
    share = float(np.nanmean(covered))
    within = abs(share - (1 - LEVEL)) <= SLACK
    return _figure("all metrics", "95 % intervals that cover 0", 100 * share, "%", "94 to 96", within)


def _fired(name: str, times: int, tests: int, rate: float) -> dict[str, object]:
    """How often a check fired, which is binomial: not too often, and not too seldom."""
    tail = min(binom.sf(times - 1, tests, rate), binom.cdf(times, tests, rate))
    goal = f"about {tests * rate:g}: binomial tail > {LEAST_TAIL:g}"
    of, _, what = name.partition(": ")
    return _figure(of, f"{what}, p < {rate:g}", times, "times", goal, bool(tail > LEAST_TAIL))


def _figure(of: str, what: str, value: float, unit: str, goal: str, ok: bool) -> dict[str, object]:
    return {"name": f"{of}: {what}", "value": round(value, 4), "unit": unit, "goal": goal, "ok": ok}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3, help=f"repetitions of {EXPERIMENTS:,} experiments")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_EXPERIMENTS} experiments")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
