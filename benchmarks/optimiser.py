"""Who tunes best at equal traffic? 8 rounds of 5 arms, judged by a truth that no tuner sees.

    python benchmarks/optimiser.py --json --report --jobs 2 --cache .rectune/w --results .rectune/optimiser

Problems: recommender worlds of a generator that shares nothing with the bundled simulator (`worlds/`), the
bundled simulator, and functions where there is no slate to see. Every tuner starts at production and meets
the same noise, of which it is told what it can use. A recommendation that breaks a guardrail gains 0.

Worlds with seeds from 1000 on are for development, and are what runs without `--report`. Those from 100
on are for reports: nothing is tuned on them. Results in one folder are of one state of the code: finished
campaigns are not run again. Peers need `pip install torch==2.13.0`, then `pip install -e '.[bench]'`, and
are left out where they are missing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported, in all processes
os.environ.setdefault("OMP_NUM_THREADS", "1")

from speed.figures import installed
from tuning.figures import Figure, reported
from tuning.plan import units
from tuning.tables import Table
from tuning.unit import finished
from worlds.version import VERSION

SEEDS, QUICK_SEEDS = 20, 1
FILTERS = ("tuner", "problem", "dimension", "noise", "setting")
PACKAGES = ("rectune", "numpy", "scipy", "numba", "optuna", "ax-platform", "torch")


def main() -> None:
    arguments = _arguments()
    seeds = min(arguments.seeds, QUICK_SEEDS) if arguments.quick else arguments.seeds
    planned = units(seeds, arguments.report, arguments.quick, not arguments.uncapped, dict(arguments.only))
    began, used = time.perf_counter(), _processor()
    results = list(finished(planned, arguments.results, arguments.cache, arguments.jobs))
    seconds = {"wall": round(time.perf_counter() - began, 1), "processor": round(_processor() - used, 1)}
    figures = reported(Table.of(results))
    if arguments.json:
        setup = _setup(arguments, seeds, len(planned), len(results)) | {"seconds": seconds}
        print(json.dumps({"setup": setup, "figures": [figure.as_json() for figure in figures]}, indent=2))
        return
    for figure in figures:
        print(_line(figure))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, help="worlds of each kind")
    parser.add_argument("--report", action="store_true", help="on report seeds instead of development seeds")
    parser.add_argument("--quick", action="store_true", help="one world of the smallest")
    parser.add_argument(
        "--uncapped", action="store_true", help="all worlds for slow tuners and ablations too"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        type=_filter,
        default=[],
        metavar="KEY=PATTERN[,PATTERN]",
        help=f"a part of it, by {', '.join(FILTERS)}: --only tuner=rectune*,ax dimension=12",
    )
    parser.add_argument("--results", type=Path, help="where finished campaigns are kept, to go on later")
    parser.add_argument("--cache", type=Path, help="where oracles are kept")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--version", action="version", version=f"worlds {VERSION}")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _filter(text: str) -> tuple[str, str]:
    key, _, pattern = text.partition("=")
    if key not in FILTERS or not pattern:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=PATTERN with a key of {', '.join(FILTERS)}")
    return key, pattern


def _setup(arguments: argparse.Namespace, seeds: int, planned: int, done: int) -> dict[str, object]:
    return {
        "seeds": seeds,
        "report": arguments.report,
        "quick": arguments.quick,
        "capped": not arguments.uncapped,
        "only": dict(arguments.only),
        "worlds": VERSION,
        "campaigns": done,
        "failed": planned - done,
        **{name: installed(name) for name in PACKAGES},
        "python": platform.python_version(),
        "processors": os.cpu_count(),
    }


def _processor() -> float:
    """Seconds of this process and of those it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _line(figure: Figure) -> str:
    error = "" if figure.error is None else f" +- {figure.error}"
    return f"{figure.name}: {figure.value}{error} {figure.unit} (goal {figure.goal}): {figure.ok}"


if __name__ == "__main__":
    main()
