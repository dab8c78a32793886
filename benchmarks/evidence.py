"""Do the rules of evidence keep their word? Simulation studies of what is promised, by the code that decides.

    python benchmarks/evidence.py --json

Verdicts, monitors and plans are rectune's own; only the users are simulated. Every part is a module of
`study/`. Shares come with Clopper and Pearson's 95 % interval, and miss their goal where chance does not
explain that they do. The whole takes about 13 minutes of processor time, `--quick` a quarter of one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does, before NumPy is imported

from study import coverage, creep, peeking, promises, shipping, stopping
from study.figures import Figure
from study.work import Plan, plan

PARTS: Mapping[str, Callable[[Plan], list[Figure]]] = {
    "shipping": shipping.figures,
    "creep": creep.figures,
    "peeking": peeking.figures,
    "stopping": stopping.figures,
    "coverage": coverage.figures,
    "promises": promises.figures,
}
SEEDS, QUICK_SEEDS = 2, 1


def main() -> None:
    arguments = _arguments()
    seeds = QUICK_SEEDS if arguments.quick else arguments.seeds
    found, seconds = [], {}
    with plan(seeds, arguments.quick, os.cpu_count() or 1) as planned:
        for part in arguments.parts:
            began = time.perf_counter()
            found += PARTS[part](planned)
            seconds[part] = round(time.perf_counter() - began, 1)
    if arguments.json:
        setup = _setup(seeds, arguments.quick, seconds)
        print(json.dumps({"setup": setup, "figures": [figure.as_json() for figure in found]}, indent=2))
        return
    for figure in found:
        print(_line(figure))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, help="repetitions with users of their own")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SEEDS} seed, and fewer cases of each")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _setup(seeds: int, quick: bool, seconds: Mapping[str, float]) -> dict[str, object]:
    return {
        "seeds": seeds,
        "quick": quick,
        "seconds": seconds,
        "rectune": version("rectune"),
        "numpy": version("numpy"),
        "scipy": version("scipy"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
    }


def _line(figure: Figure) -> str:
    interval = "" if figure.interval is None else " [{} to {}]".format(*figure.interval)
    return f"{figure.name}: {figure.value}{interval} {figure.unit} (goal {figure.goal}): {figure.ok}"


if __name__ == "__main__":
    main()
