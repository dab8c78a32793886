"""Units that are run by several processes, and kept as soon as they have ended."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from ablations.campaigns import Changes, Outcome, outcomes, told
from ablations.plan import Case, Unit
from ablations.teams import Access

Result = tuple[Case, int, Outcome]
"""A campaign's case, its seed, and how it ended."""


@dataclass(frozen=True)
class Way:
    """How units are run: where finished ones and oracles are kept, all as absolute paths; how models are
    reached; and what of every task is changed."""

    results: Path | None = None
    cache: Path | None = None
    access: Access = field(default_factory=Access)
    changes: Changes = field(default_factory=dict)


def finished(planned: Sequence[Unit], way: Way, jobs: int) -> Iterator[Result]:
    """In the order of the plan; what was kept is not run again."""
    found = {unit: kept for unit in planned if (kept := _kept(unit, way)) is not None}
    left = [unit for unit in planned if unit not in found]
    if jobs == 1:
        found |= {unit: work(unit, way) for unit in left}
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            pending = {pool.submit(work, unit, way): unit for unit in left}
            for future in as_completed(pending):
                found[pending[future]] = future.result()
    for unit in planned:
        for case, outcome in zip(unit.cases(), found[unit], strict=True):
            yield case, unit.seed, outcome


def work(unit: Unit, way: Way) -> list[Outcome]:
    """A unit's campaigns, kept together."""
    began = time.perf_counter()
    found = outcomes(unit, way.access, way.cache, way.changes)
    seconds = time.perf_counter() - began
    print(f"{unit.seed}, {Case(unit.chain, unit.team)}: {seconds:.0f} s", file=sys.stderr, flush=True)
    if way.results is not None:
        way.results.mkdir(parents=True, exist_ok=True)
        written = way.results / f"{unit.file}.part"
        written.write_text(json.dumps(told(found)))
        written.replace(way.results / unit.file)
    return found


def _kept(unit: Unit, way: Way) -> list[Outcome] | None:
    file = None if way.results is None else way.results / unit.file
    if file is None or not file.exists():
        return None
    return [Outcome.read(one) for one in json.loads(file.read_text())]
