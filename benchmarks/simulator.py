"""How fast the simulator's parts are, each beside what plain NumPy, or a peer, makes of the same work.

    python benchmarks/simulator.py --json

Every part is a module of `speed/` and measures contenders in one process, alternating; ratios are medians
over rounds. The whole takes a few minutes, `--quick` under one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Mapping

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does, before NumPy is imported

from speed import experiment, funnel, heads, memory_of, peers
from speed.figures import Figure, Options, installed

from rectune_dsl.funnel.processors import usable

PARTS: Mapping[str, Callable[[Options], list[Figure]]] = {
    "heads": heads.figures,
    "funnel": funnel.figures,
    "experiment": experiment.figures,
    "memory": memory_of.figures,
    "peers": peers.figures,
}
QUICK_SEEDS = 3


def main() -> None:
    arguments = _arguments()
    options = Options(
        min(arguments.seeds, QUICK_SEEDS) if arguments.quick else arguments.seeds, arguments.quick
    )
    found = [figure for part in arguments.parts for figure in PARTS[part](options)]
    if arguments.json:
        figures = [figure.as_json() for figure in found]
        print(json.dumps({"setup": _setup(options), "figures": figures}, indent=2))
        return
    for figure in found:
        print(f"{figure.name}: {figure.value} {figure.unit} (goal {figure.goal}): {figure.ok}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=7, help="repetitions with data of their own")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SEEDS} seeds at most, and less data")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _setup(options: Options) -> dict[str, object]:
    return {
        "seeds": options.seeds,
        "quick": options.quick,
        **{name: installed(name) for name in ("rectune", "numpy", "numba")},
        "python": platform.python_version(),
        "processors": usable(),
    }


if __name__ == "__main__":
    main()
