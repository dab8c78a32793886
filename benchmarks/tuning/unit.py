"""One piece of the study, the file it is kept in, and the processes that share the work."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path

from worlds.version import VERSION

from tuning.campaign import Campaign, Round, run
from tuning.problem import Problem
from tuning.registry import maker


@dataclass(frozen=True, order=True)
class Place:
    """Where campaigns run: a problem's world, by name, setting and seed."""

    problem: str
    setting: str
    seed: int

    @property
    def dimension(self) -> int:
        """Params, as the problem's name ends; the bundled simulator's task has 5."""
        _, _, digits = self.problem.rpartition("-")
        return int(digits) if digits.isdigit() else 5

    def load(self, cache: Path | None) -> Problem:
        kind, _, size = self.problem.partition("-")
        if kind == "world":
            from tuning.founding import world_problem

            return world_problem(self.seed, int(size), self.setting, cache)
        if kind == "bundled":
            from tuning.bundled import bundled_problem

            return bundled_problem(self.seed, cache)
        from tuning.functions import function_problem

        return function_problem(self.problem, self.seed, cache)


@dataclass(frozen=True, order=True)
class Unit:
    """One tuner's campaign. `noise` is the standard error in shares of the oracle's gain."""

    place: Place
    noise: float
    tuner: str

    @property
    def file(self) -> str:
        place = self.place
        words = (VERSION, place.problem, place.setting, f"{100 * self.noise:g}", f"{place.seed}", self.tuner)
        return f"{'_'.join(words)}.json"


@dataclass(frozen=True)
class Result:
    unit: Unit
    campaign: Campaign


def finished(units: Sequence[Unit], results: Path | None, cache: Path | None, jobs: int) -> Iterator[Result]:
    """The results of all units, those that were kept first; what fails is told on stderr and left out."""
    kept = {unit: found for unit in units if (found := _read(unit, results)) is not None}
    yield from kept.values()
    left = sorted(unit for unit in units if unit not in kept)
    groups = [list(group) for _, group in groupby(left, key=lambda unit: unit.place)]
    if jobs == 1:
        for group in groups:
            yield from work(group, results, cache)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(work, group, results, cache) for group in groups]):
            yield from future.result()


def work(units: Sequence[Unit], results: Path | None, cache: Path | None) -> list[Result]:
    """Campaigns in the same place, each kept as soon as it has ended."""
    problem = units[0].place.load(cache)
    return list(_tried(units, problem, results))


def _tried(units: Iterable[Unit], problem: Problem, results: Path | None) -> Iterator[Result]:
    for unit in units:
        try:
            result = Result(unit, run(problem, maker(unit.tuner), unit.noise))
        except Exception:  # a peer that fails on one problem takes no other down
            print(f"{unit} failed:\n{traceback.format_exc()}", file=sys.stderr)
            continue
        _write(result, results)
        yield result


def _write(result: Result, results: Path | None) -> None:
    if results is not None:
        results.mkdir(parents=True, exist_ok=True)
        written = results / f"{result.unit.file}.part"
        written.write_text(json.dumps({"unit": asdict(result.unit), **asdict(result.campaign)}))
        written.replace(results / result.unit.file)


def _read(unit: Unit, results: Path | None) -> Result | None:
    if results is None or not (results / unit.file).exists():
        return None
    told = json.loads((results / unit.file).read_text())
    return Result(unit, Campaign(tuple(Round(**one) for one in told["rounds"]), told["memory"]))
