"""Mutated task files: does anything raise, hang, eat memory, or pass `check` and fail later?

The seeds are the corpora, the tasks that ship, and generated ones. Every mutant has a number, so that a
failure can be had again: `python benchmarks/fuzz.py --case 4711` prints that file and what became of it.

    python benchmarks/fuzz.py --json                  # 200,000 files
    python benchmarks/fuzz.py --quick
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does, before NumPy is imported

import tomli_w
from hypothesis import HealthCheck, Phase, given, settings

from rectune_dsl.dsl.check import Environment
from rectune_dsl.funnel.processors import usable
from rectune_dsl.testing.fuzzing import MEGABYTES, SECONDS, Failure, Kind, Outcome, examine, peak_megabytes
from rectune_dsl.testing.mutations import mutant
from rectune_dsl.testing.strategies.tasks import tables

ROOT = Path(__file__).parents[1]
FILES = 200_000
QUICK_FILES = 2_000
BATCH = 250
ADDRESS_SPACE = 4 << 30
"""Bytes: what runs away is stopped before the machine suffers."""
STUCK = 30
"""Seconds after which a worker that no signal reaches is ended."""
_SHOWN = 20


@dataclass(frozen=True)
class Batch:
    """What became of some mutants. `grown` is the memory that they needed together, in MB."""

    passed: int
    slowest: float
    grown: float
    failures: tuple[tuple[int, Failure], ...]


def main() -> None:
    options = _options()
    seeds = _seeds()
    if options.case is not None:
        _show(seeds, options.case)
        return
    count = QUICK_FILES if options.quick else options.files
    numbers = range(options.seeds * FILES, options.seeds * FILES + count)
    started = time.perf_counter()
    batches = _run(seeds, numbers, options.workers)
    seconds = time.perf_counter() - started
    setup = {
        "files": count,
        "first": numbers.start,
        "seeds": len(seeds),
        "workers": options.workers,
        "seconds": round(seconds, 1),
        "rectune": version("rectune"),
        "python": platform.python_version(),
        "processors": usable(),
    }
    failures = [failure for batch in batches for failure in batch.failures]
    shown = [{"case": number, "kind": f.kind, "detail": f.detail} for number, f in failures[:_SHOWN]]
    result = {"setup": setup, "figures": _figures(batches, count, failures), "failures": shown}
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for figure in _figures(batches, count, failures):
        print(f"{figure['name']}: {figure['value']} {figure['unit']} (goal {figure['goal']}): {figure['ok']}")
    for number, failure in failures[:_SHOWN]:
        print(f"case {number}: {failure.kind}: {failure.detail}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=FILES, help="how many")
    parser.add_argument("--seeds", type=int, default=0, help="which sequence of mutants")
    parser.add_argument("--workers", type=int, default=usable())
    parser.add_argument("--case", type=int, help="print this mutant and what became of it")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_FILES:,} files")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _seeds() -> list[bytes]:
    """Files to change: as many valid ones as invalid ones, so that many mutants come far."""
    corpus = ROOT / "tests" / "corpus"
    valid = [*(corpus / "valid").glob("*.toml"), *(ROOT / "tasks").glob("*.toml")]
    texts = [p.read_bytes() for p in sorted((corpus / "invalid").glob("*.toml"))]
    return [*(p.read_bytes() for p in sorted(valid)), *texts, *_generated(len(texts))]


def _generated(count: int) -> list[bytes]:
    """Valid tasks, the same at every call."""
    found: list[bytes] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(tables())
    def keep(drawn: dict[str, Any]) -> None:
        found.append(tomli_w.dumps(drawn).encode())

    keep()
    return found


def _run(seeds: list[bytes], numbers: range, workers: int) -> list[Batch]:
    """All mutants, over so many processes. A process that no signal reaches is ended, and its batch fails."""
    parts = [numbers[i : i + BATCH] for i in range(0, len(numbers), BATCH)]
    with get_context("fork").Pool(workers, maxtasksperchild=10) as pool:
        pending = [pool.apply_async(_batch, (seeds, part)) for part in parts]
        found = []
        for part, result in zip(parts, pending, strict=True):
            try:
                found.append(result.get(timeout=STUCK * len(parts)))
            except TimeoutError:
                lost = Failure("hung", f"a process was lost among the {len(part)} files from here on")
                found.append(Batch(0, STUCK, 0.0, ((part.start, lost),)))
    return found


def _batch(seeds: list[bytes], numbers: range) -> Batch:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    warnings.simplefilter("ignore", RuntimeWarning)  # numbers at the end of what doubles hold are meant
    before = peak_megabytes()
    outcomes: list[tuple[int, Outcome]] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            signal.alarm(STUCK)
            path = Path(folder) / "mutant.toml"
            path.write_bytes(mutant(seeds, number))
            outcomes.append((number, examine(path, Environment())))
    signal.alarm(0)
    return Batch(
        sum(o.passed for _, o in outcomes),
        max(o.seconds for _, o in outcomes),
        peak_megabytes() - before,
        tuple((number, o.failure) for number, o in outcomes if o.failure is not None),
    )


def _figures(
    batches: list[Batch], count: int, failures: list[tuple[int, Failure]]
) -> list[dict[str, object]]:
    kinds = Counter(failure.kind for _, failure in failures)
    slowest, grown = max(b.slowest for b in batches), max(b.grown for b in batches)
    return [
        _figure("mutated files", count, "files", f">= {FILES}", count >= FILES),
        _figure("that check passes", sum(b.passed for b in batches), "files", "", True),
        *(_figure(name, kinds[kind], "files", "0", kinds[kind] == 0) for kind, name in _NAMES.items()),
        _figure("slowest check", round(slowest, 2), "s", f"<= {SECONDS:g}", slowest <= SECONDS),
        _figure("most memory over the baseline", round(grown), "MB", f"<= {MEGABYTES}", grown <= MEGABYTES),
    ]


_NAMES: dict[Kind, str] = {
    "raised": "exceptions",
    "hung": "hangs",
    "memory": "memory",
    "rejected": "passed by check and rejected later",
    "not finite": "passed by check and not finite",
}


def _figure(name: str, value: float, unit: str, goal: str, ok: bool) -> dict[str, object]:
    return {"name": name, "value": value, "unit": unit, "goal": goal, "ok": ok}


def _show(seeds: list[bytes], number: int) -> None:
    data = mutant(seeds, number)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutant.toml"
        path.write_bytes(data)
        outcome = examine(path, Environment())
    sys.stdout.buffer.write(data)
    print(f"\n{outcome}")


if __name__ == "__main__":
    main()
