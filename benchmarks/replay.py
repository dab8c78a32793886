"""How many configs per second can be replayed on a panel, beside one funnel and NumPy features per config.

    python benchmarks/replay.py --json

128 requests with the simulator's 300 candidates. Configs that are alike in a stage differ behind it only, as
in a search around one pre-ranking. Both ways compute the same features, overlaps and slate keys of
the same configs, alternating; ratios are medians over rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does, before NumPy is imported

import numpy as np
from speed import cores
from speed.figures import Figure, alternating, installed, rate, ratio

from rectune_dsl.dsl.model import Task
from rectune_dsl.dsl.space import Space
from rectune_dsl.funnel.choice import VARIABLE
from rectune_dsl.funnel.features import SlateFeatures, overlap
from rectune_dsl.funnel.processors import usable
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.funnel.whatif import WhatIf
from rectune_dsl.hooks.api import Config, Panel
from rectune_dsl.simulator.panel import sample_panel
from rectune_dsl.simulator.world import build_world

TASKS = Path(__file__).parents[1] / "tasks"
REQUESTS = 128
QUICK_SEEDS = 2
ROUNDS = 3
"""Per seed."""
GOAL = 2_000
PARAMS = 24
WEIGHED = ("complete", "comment", "follow", "forward", "profile_enter")
"""Heads that the task of 24 params has besides those of joint.toml."""
BIG_SCORES = {
    "pre_ranking": "p_click ** b_click * p_long_view ** b_long * (1 + v_fresh * freshness)"
    " - v_bait * clickbait",
    "ranking": "value * (1 + w_like * p_like ** a_like + "
    + " + ".join(f"w_{head} * p_{head}" for head in WEIGHED)
    + ") - where(is_new_user, w_hate_new, w_hate) * p_hate ** a_hate",
    "re_ranking": "score - w_bait * clickbait ** c_bait + w_fresh * freshness ** c_fresh"
    " + v_click * p_click + v_long * p_long_view",
}
MORE_PARAMS = {
    "pre_ranking": {"v_bait": (0.0, 0.5)},
    "ranking": {"a_like": (0.5, 1.5), "a_hate": (0.5, 1.5), **{f"w_{head}": (0.0, 5.0) for head in WEIGHED}},
    "re_ranking": {"c_bait": (0.5, 2.0), "c_fresh": (0.5, 2.0), "v_click": (0.0, 0.1), "v_long": (0.0, 0.1)},
}


@dataclass(frozen=True)
class Case:
    """A task, and the stage whose params its configs have in common, if any."""

    name: str
    task: Task
    alike: str | None = None

    def configs(self, seed: int, count: int) -> list[Config]:
        space = Space(self.task)
        found = space.from_units(space.sample(np.random.Generator(np.random.Philox(key=seed)), count))
        if self.alike is not None:
            common = [n for n in self.task.params if n in self.task.stages[self.alike].tunable]
            common += [f"{self.alike}.keep"] if f"{self.alike}.keep" in self.task.params else []
            found = [{**values, **{name: found[0][name] for name in common}} for values in found]
        return [Config(values) for values in found]


@dataclass(frozen=True)
class Plain:
    """One funnel run, and features with NumPy, for each config."""

    funnel: Funnel
    features: SlateFeatures
    panel: Panel
    production: Config

    def __call__(self, configs: Sequence[Config]) -> None:
        served = self.funnel.slates(self.panel, self.production)
        for config in configs:
            slates = self.funnel.slates(self.panel, config)
            self.features.of(slates)
            overlap(slates, served)
            slates.candidates.tobytes()


def main() -> None:
    arguments = _arguments()
    seeds = min(arguments.seeds, QUICK_SEEDS) if arguments.quick else arguments.seeds
    figures = [f for case in _cases() for f in _figures(case, seeds, 256 if arguments.quick else 1_024)]
    if arguments.json:
        found = [figure.as_json() for figure in figures]
        print(json.dumps({"setup": _setup(seeds, arguments.quick), "figures": found}, indent=2))
        return
    for figure in figures:
        print(f"{figure.name}: {figure.value} {figure.unit} (goal {figure.goal}): {figure.ok}")


def _cases() -> list[Case]:
    big = _with_24_params()
    return [
        Case("value_fusion.toml, 5 params", Task.model_validate(_tables("value_fusion.toml"))),
        Case("24 params", big),
        Case("24 params, alike in pre_ranking", big, "pre_ranking"),
    ]


def _tables(name: str) -> dict[str, Any]:
    return tomllib.loads((TASKS / name).read_text())


def _with_24_params() -> Task:
    """joint.toml with more heads, and more exponents and weights in all its stages."""
    tables = _tables("joint.toml")
    for head in ("click", "long_view", *WEIGHED):
        tables["signals"][f"p_{head}"] = {}
    for stage, score in BIG_SCORES.items():
        tables["stages"][stage]["score"] = score
        for name, (low, high) in MORE_PARAMS[stage].items():
            param = {"production": (low + high) / 2, "low": low, "high": high}
            tables["stages"][stage]["params"][name] = param
    task = Task.model_validate(tables)
    assert len(task.params) == PARAMS
    return task


def _figures(case: Case, seeds: int, count: int) -> list[Figure]:
    seconds: dict[str, list[float]] = {}
    again = []
    for seed in range(seeds):
        panel = sample_panel(case.task, build_world(case.task.simulator, TASKS), seed, REQUESTS)
        what = WhatIf(case.task, panel)
        one = WhatIf(case.task, panel, threads=1)
        plain = _plain(case.task, panel)
        batches = [case.configs(seed * ROUNDS + i, count) for i in range(ROUNDS)]
        contenders: dict[str, Callable[[Sequence[Config]], object]] = {
            "plain": plain,
            "one thread": one.features,
            "WhatIf": what.features,
        }
        each = {name: _each(run, batches) for name, run in contenders.items()}
        rounds = alternating({**each, **cores.hashing()}, ROUNDS)
        for name, times in rounds.items():
            seconds.setdefault(name, []).extend(times)
        again.append(_seconds(partial(what.features, batches[-1])) / count)
    return _rates(case.name, seconds, count, again)


def _plain(task: Task, panel: Panel) -> Plain:
    with mock.patch.dict(os.environ, {VARIABLE: "numpy"}):
        features = SlateFeatures(task, panel)
    production = Config(task.production)
    plain = Plain(Funnel(task), features, panel, production)
    plain([production])  # compiles what it needs
    return plain


def _each(
    run: Callable[[Sequence[Config]], object], batches: Sequence[Sequence[Config]]
) -> Callable[[], object]:
    """Another batch at every call: what was computed before is remembered."""
    left: Iterator[Sequence[Config]] = iter(batches)
    return lambda: run(next(left))


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _rates(name: str, seconds: dict[str, list[float]], count: int, again: list[float]) -> list[Figure]:
    fastest = rate(f"{name}, WhatIf", seconds["WhatIf"], count, "configs/s")
    assert fastest.value is not None
    spare = [cores.spare(name, seconds)] if cores.several() else []
    return [
        rate(f"{name}, the plain way", seconds["plain"], count, "configs/s"),
        rate(f"{name}, WhatIf on one thread", seconds["one thread"], count, "configs/s"),
        Figure(fastest.name, fastest.value, fastest.unit, f">= {GOAL:,}", fastest.value >= GOAL),
        ratio(f"{name}, WhatIf over the plain way", seconds["plain"], seconds["WhatIf"], 1.0),
        Figure(f"{name}, asked again", round(statistics.median(again) * 1e6, 2), "µs/config", "none", True),
        *spare,
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, help="panels, each with configs of its own")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SEEDS} seeds at most, fewer configs")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _setup(seeds: int, quick: bool) -> dict[str, object]:
    return {
        "seeds": seeds,
        "quick": quick,
        "requests": REQUESTS,
        **{name: installed(name) for name in ("rectune", "numpy", "numba")},
        "python": platform.python_version(),
        "processors": usable(),
    }


if __name__ == "__main__":
    main()
