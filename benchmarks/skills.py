"""Do skills help, and can a wrong one take over? Campaigns that learn from earlier ones, judged by the truth.

    python benchmarks/skills.py --json --report --jobs 2 --cache .rectune/w --results .rectune/skills-study

Five studies, each in worlds of its own: `transfer` (after a campaign on value_fusion, others on joint and on
diversity in the same world), `poison` (the same with flipped mechanics), `launch` (models and users change
mid-way), `idle` (a param does nothing), `drift` (20 campaigns in a row). Agents are numeric. Noise and judges
are those of benchmarks/optimiser.py; seeds too: those from 1000 on are for development, those from 100 on,
with `--report`, are for reports. Results in one folder are of one state of the code.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported, in all processes
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hubs.figures import Found, reported
from hubs.studies import STUDIES
from speed.figures import installed
from tuning.founding import FIRST_DEVELOPMENT_SEED, FIRST_REPORT_SEED

SEEDS = 20
FEWER = {"drift": 3}
"""Worlds of studies that hold many campaigns each."""
PACKAGES = ("rectune", "numpy", "scipy", "numba")
Unit = tuple[str, int]


def main() -> None:
    arguments = _arguments()
    planned = list(_planned(arguments))
    began = time.perf_counter()
    results: dict[str, list[Found]] = {}
    for (study, _), found in _finished(planned, arguments):
        results.setdefault(study, []).append(found)
    figures = reported(results)
    if arguments.json:
        setup = _setup(arguments, planned) | {"seconds": round(time.perf_counter() - began, 1)}
        print(json.dumps({"setup": setup, "figures": [figure.as_json() for figure in figures]}, indent=2))
        return
    for figure in figures:
        error = "" if figure.error is None else f" +- {figure.error}"
        print(f"{figure.name}: {figure.value}{error} {figure.unit} (goal {figure.goal}): {figure.ok}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, help="worlds of each study")
    parser.add_argument("--report", action="store_true", help="on report seeds")
    parser.add_argument("--quick", action="store_true", help="one world of the quickest study")
    parser.add_argument("--only", nargs="+", choices=tuple(STUDIES), default=tuple(STUDIES))
    parser.add_argument("--results", type=Path, help="where finished worlds are kept, to go on later")
    parser.add_argument("--cache", type=Path, help="where oracles are kept")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _planned(arguments: argparse.Namespace) -> Iterator[Unit]:
    first = FIRST_REPORT_SEED if arguments.report else FIRST_DEVELOPMENT_SEED
    if arguments.quick:
        yield "idle", first
        return
    for study in arguments.only:
        for number in range(min(arguments.seeds, FEWER.get(study, arguments.seeds))):
            yield study, first + number


def _finished(planned: Sequence[Unit], arguments: argparse.Namespace) -> Iterator[tuple[Unit, Found]]:
    """In the order of the plan; what was kept is not run again."""
    folder, cache = arguments.results, arguments.cache
    found = {unit: kept for unit in planned if (kept := _read(folder, unit)) is not None}
    left = [unit for unit in planned if unit not in found]
    if arguments.jobs == 1:
        found |= {unit: work(unit, folder, cache) for unit in left}
    else:
        with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
            pending = {pool.submit(work, unit, folder, cache): unit for unit in left}
            for future in as_completed(pending):
                found[pending[future]] = future.result()
    yield from ((unit, found[unit]) for unit in planned)


def work(unit: Unit, folder: Path | None, cache: Path | None) -> Found:
    """One study in one world, kept as soon as it has ended."""
    study, seed = unit
    began = time.perf_counter()
    found = json.loads(json.dumps(STUDIES[study](seed, cache)))
    print(f"{study} {seed}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        written = folder / f"{study}-{seed}.part"
        written.write_text(json.dumps(found))
        written.replace(written.with_suffix(".json"))
    return dict(found)


def _read(folder: Path | None, unit: Unit) -> Found | None:
    file = None if folder is None else folder / f"{unit[0]}-{unit[1]}.json"
    return json.loads(file.read_text()) if file is not None and file.exists() else None


def _setup(arguments: argparse.Namespace, planned: Sequence[Unit]) -> dict[str, object]:
    return {
        "studies": list(arguments.only),
        "seeds": arguments.seeds,
        "report": arguments.report,
        "quick": arguments.quick,
        "worlds": len(planned),
        **{name: installed(name) for name in PACKAGES},
        "python": platform.python_version(),
        "processors": os.cpu_count(),
    }


if __name__ == "__main__":
    main()
