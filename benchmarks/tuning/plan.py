"""What the study consists of: who meets which problem, at which noise, in how many worlds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch

from tuning.founding import FIRST_DEVELOPMENT_SEED, FIRST_REPORT_SEED
from tuning.registry import PEERS, available
from tuning.unit import Place, Unit

MAIN = 0.25
OTHER_NOISES = (0.10, 0.50)
OWN = ("rectune", "bayes")
CHEAP = ("random", "near-random", "optuna-tpe", "near-optuna-tpe")
ABLATED = (
    "rectune-no-panel",
    "rectune-no-residual",
    "rectune-no-critic",
    "rectune-no-floor",
    "rectune-random-first",
)
SETTINGS = ("stale-10", "stale-30", "noisy-heads", "hidden-factor")
FUNCTIONS = ("hartmann-6", "branin-2", "ackley-5")

MOST_SEEDS: Mapping[str, int] = {"ax": 4, "near-ax": 2, "near-optuna-gp": 6}
"""Ax takes minutes of processor time per campaign: it meets the first worlds only; pairs are made there."""
BESIDES_SEEDS = 8
"""Worlds of what stands beside the main question: other noise, ablations, other settings."""
BUNDLED_SEEDS = 5
"""The bundled simulator's truth takes more time than a world's."""


@dataclass(frozen=True)
class Part:
    """A tuner on a problem, in so many worlds at most."""

    problem: str
    tuner: str
    noise: float = MAIN
    setting: str = "plain"
    most: int = FIRST_DEVELOPMENT_SEED


def units(seeds: int, report: bool, quick: bool, capped: bool, only: Mapping[str, str]) -> list[Unit]:
    """All that can run with what is installed, and is asked for. `only` has patterns, alternatives set apart
    by commas, for `tuner`, `problem`, `dimension`, `noise` and `setting`. Not `capped`, all worlds are met by
    all. Raises ValueError for more report seeds than there are."""
    there_are = FIRST_DEVELOPMENT_SEED - FIRST_REPORT_SEED
    if report and seeds > there_are:
        raise ValueError(f"there are {there_are} report seeds, {seeds} are asked for")
    first = FIRST_REPORT_SEED if report else FIRST_DEVELOPMENT_SEED
    found = {
        Unit(Place(part.problem, part.setting, first + number), part.noise, part.tuner): None
        for part in (_quick() if quick else _whole())
        for number in range(min(seeds, part.most) if capped else seeds)
    }
    return [unit for unit in found if _asked(unit, only) and available(unit.tuner)]


def _quick() -> Iterator[Part]:
    for tuner in (*OWN, "random", "optuna-tpe"):
        yield Part("world-4", tuner)
        yield Part("branin-2", tuner)


def _whole() -> Iterator[Part]:
    for size in (4, 6, 12, 24):
        for tuner in (*OWN, *CHEAP) if size == 24 else (*OWN, *PEERS):
            yield Part(f"world-{size}", tuner, most=MOST_SEEDS.get(tuner, FIRST_DEVELOPMENT_SEED))
    for problem in (*FUNCTIONS, "bundled"):
        for tuner in (*OWN, *CHEAP):
            most = BUNDLED_SEEDS if problem == "bundled" else FIRST_DEVELOPMENT_SEED
            yield Part(problem, tuner, most=most)
    yield from _besides()


def _besides() -> Iterator[Part]:
    for size in (4, 6, 12, 24):
        for noise in OTHER_NOISES:
            for tuner in (*OWN, "random", "optuna-tpe"):
                yield Part(f"world-{size}", tuner, noise, most=BESIDES_SEEDS)
    for tuner in ABLATED:
        yield Part("world-12", tuner, most=BESIDES_SEEDS)
    for setting in SETTINGS:
        for tuner in OWN:
            yield Part("world-12", tuner, setting=setting, most=BESIDES_SEEDS)


def _asked(unit: Unit, only: Mapping[str, str]) -> bool:
    known = {
        "tuner": unit.tuner,
        "problem": unit.place.problem,
        "dimension": str(unit.place.dimension),
        "noise": f"{unit.noise:g}",
        "setting": unit.place.setting,
    }
    return all(any(fnmatch(known[key], one) for one in wanted.split(",")) for key, wanted in only.items())
