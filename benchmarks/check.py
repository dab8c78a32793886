"""What `rectune check` costs: one joint task of 60 params in a process of its own, and 500 files in one.

python benchmarks/check.py --json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEADS = 15
NEEDS_MORE = re.compile(r"softplus|actor *= \"funnel\"|(?m:^extends)")
"""Files of the corpus that need a plugin, or a file beside them."""
FILES = 500
GOAL_ONE, GOAL_MANY = 0.3, 5.0
"""Seconds of wall clock."""


@dataclass(frozen=True)
class Seconds:
    wall: float
    cpu: float


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        joint, many = Path(folder, "joint60.toml"), Path(folder, "many")
        joint.write_text(joint_task(HEADS))
        many.mkdir()
        written = write_variants(many, FILES)
        _seconds(joint)  # bytecode is written once, by whoever installs
        pairs = [(_seconds(joint), _libraries()) for _ in range(3 if options.quick else options.seeds)]
        several = [_seconds(many) for _ in range(1 if options.quick else 3)]
    ones, floors = zip(*pairs, strict=True)
    setup = {
        "params": joint_task(HEADS).count("production ="),
        "files": written,
        "runs": len(ones),
        "rectune": version("rectune"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
    }
    floor = min(run.cpu for run in floors)
    figures = [
        {
            "name": "imports of numpy, pydantic, click and pluggy alone, least processor time",
            "value": round(floor, 3),
            "unit": "s",
            "goal": "none: what no check can be faster than",
            "ok": True,
        },
        {
            "name": "one 60-param task, least processor time",
            "value": round(min(run.cpu for run in ones), 3),
            "unit": "s",
            "goal": f"< {GOAL_ONE:g}",
            "ok": min(run.cpu for run in ones) < GOAL_ONE,
        },
        _figure("one 60-param task, wall clock of the process", ones, lambda s: s.wall, GOAL_ONE),
        _figure("one 60-param task, processor time", ones, lambda s: s.cpu, GOAL_ONE),
        _figure(f"{written} files, wall clock of the process", several, lambda s: s.wall, GOAL_MANY),
        _figure(f"{written} files, processor time", several, lambda s: s.cpu, GOAL_MANY),
    ]
    if options.json:
        print(json.dumps({"setup": setup, "figures": figures}, indent=2))
        return
    for figure in figures:
        print(f"{figure['name']}: {figure['value']} {figure['unit']} (goal {figure['goal']}): {figure['ok']}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=9, help="runs of the single task; medians are given")
    parser.add_argument("--quick", action="store_true", help="three runs, and one of the many files")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _seconds(path: Path) -> Seconds:
    """What one process takes that checks a file, or all files of a folder."""
    return _measured([sys.executable, "-m", "rectune_dsl", "check", str(path)])


def _libraries() -> Seconds:
    """What one process takes that imports what `check` is built on, and does nothing."""
    return _measured([sys.executable, "-c", "import click, numpy, pluggy, pydantic.main"])


def _measured(command: list[str]) -> Seconds:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["OPENBLAS_NUM_THREADS"] = "1"  # as `rectune` sets it for itself
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"the tasks are not as they should be: {done.stdout[-500:]}{done.stderr[-500:]}")
    return Seconds(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _figure(
    name: str, runs: Sequence[Seconds], of: Callable[[Seconds], float], goal: float
) -> dict[str, object]:
    value = statistics.median(of(run) for run in runs)
    return {"name": name, "value": round(value, 3), "unit": "s", "goal": f"< {goal:g}", "ok": value < goal}


# --- tasks -------------------------------------------------------------------------------------------


def joint_task(heads: int) -> str:
    """Three stages over `heads` predictions: 4 params per head, as large funnels have them. 15 give 60."""
    names = [f"p_{i:02}" for i in range(heads)]
    light, extra = names[: heads // 3], names[: 3 * heads // 5]
    signals = [
        f'{n} = {{ stages = ["pre_ranking", "ranking"] }}'
        if n in light
        else f'{n} = {{ stages = ["ranking"] }}'
        for n in names
    ]
    pre = " + ".join(f"v_{n} * {n} ** b_{n}" for n in light)
    gains = " + ".join(f"w_{n} * {n} ** a_{n}" for n in names[:-2])
    bonus = " + ".join(f"where(is_new_user, n_{n}, o_{n}) * log1p({n})" for n in extra)
    losses = " - ".join(f"w_{n} * {n}" for n in names[-2:])
    weights = [f"w_{n} = {{ production = 1.0, low = 0.1, high = 10.0, scale = 'log' }}" for n in names]
    weights += [f"a_{n} = {{ production = 1.0, low = 0.2, high = 2.0 }}" for n in names[:-2]]
    for n in extra:
        weights += [f"{kind}_{n} = {{ production = 0.2, low = 0.0, high = 2.0 }}" for kind in "no"]
    lighter = [f"v_{n} = {{ production = 0.5, low = 0.0, high = 5.0 }}" for n in light]
    lighter += [f"b_{n} = {{ production = 1.0, low = 0.2, high = 2.0 }}" for n in light]
    return "\n".join(
        [
            "dsl = 1",
            'task = { name = "joint-60", surface = "home-feed" }',
            "[signals]",
            *signals,
            'clickbait = { kind = "item" }',
            'freshness = { kind = "item" }',
            'is_new_user = { kind = "user", domain = [0, 1] }',
            "[stages.pre_ranking]",
            "keep = { production = 100, low = 60, high = 140 }",
            f'score = "p_00 + {pre}"',
            "[stages.pre_ranking.params]",
            *lighter,
            "[stages.ranking]",
            "keep = 30",
            f'terms = {{ gains = "{gains}", bonus = "{bonus}" }}',
            f'score = "1 + gains + bonus - {losses} + 0.5 * p_00"',
            f'expect = {{ p_01 = "nondecreasing", {names[-1]} = "nonincreasing" }}',
            "[stages.ranking.params]",
            *weights,
            "[stages.re_ranking]",
            "keep = 10",
            'score = "score - w_bait * clickbait + w_fresh * freshness"',
            "[stages.re_ranking.params]",
            "w_bait = { production = 0.02, low = 0.0, high = 0.3 }",
            "w_fresh = { production = 0.0, low = 0.0, high = 0.1 }",
            "topic_penalty = { production = 0.02, low = 0.0, high = 0.3 }",
            "[stages.re_ranking.diversity]",
            'by = "topic"',
            'penalty = "topic_penalty"',
            "[constraints]",
            'strength = "a_p_00 + a_p_01 + a_p_02 <= 5"',
            'balance = "w_p_01 <= 5 * w_p_00"',
            "[metrics]",
            'watch_minutes = { goal = "maximize", covariate = "watch_minutes_before" }',
            'next_day_return = { kind = "proportion", matures_after_days = 1 }',
            "[guardrails]",
            'next_day_return = ">= -1%"',
            "[experiment]",
            'backend = "simulator"',
            "users_per_arm = 8_000",
            "days = 3",
            "[confirm]",
            "users_per_arm = 60_000",
            "days = 7",
            "",
        ]
    )


def write_variants(folder: Path, count: int) -> int:
    """The shipped tasks and the valid ones of the corpus, no two files alike."""
    sources = sorted([*(ROOT / "tasks").glob("*.toml"), *(ROOT / "tests/corpus/valid").glob("*.toml")])
    sources = [source for source in sources if not NEEDS_MORE.search(source.read_text())]
    for i in range(count):
        source = sources[i % len(sources)]
        text = re.sub(r"(?m)^days( *)= \d+", rf"days\1= {2 + i // len(sources)}", source.read_text())
        (folder / f"{source.stem}_{i:03}.toml").write_text(f"# {i}\n{text}")
    return count


if __name__ == "__main__":
    main()
