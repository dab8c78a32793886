"""The studies: what campaigns with a Skillhub do that campaigns without one do not, each in one world."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tuning.bundled import bundled_problem, problem_of, task_of
from tuning.campaign import Campaign, run
from tuning.problem import Floats, Problem, Truth
from tuning.tuner import Setup

from hubs.launch import LAUNCHED_AFTER, launched, world_pair
from hubs.lies import active, poisoned
from hubs.tuner import SkilledTuner, empty_hub
from rectune_dsl.hooks.api import Config, KnowledgeRecord
from rectune_dsl.skillhub.hub import Skillhub

NOISE = 0.25
"""The standard error of an arm's U, as a share of the oracle's gain."""
ROUNDS: Mapping[str, int] = {"value_fusion": 8, "joint": 8, "diversity": 6}
IDLE = "w_idle"
"""A param that does nothing."""
IDLE_PRODUCTION = 1.0
IN_A_ROW = 20


@dataclass(frozen=True)
class Trial:
    """One campaign: `arms` tested and `violating` by round, and what would be recommended after each, as its
    true U in % of the oracle's, 0 where it violates."""

    task: str
    hub: str
    arms: tuple[int, ...]
    violating: tuple[int, ...]
    gains: tuple[float, ...]

    @classmethod
    def of(cls, task: str, hub: str, campaign: Campaign) -> Trial:
        rounds = campaign.rounds
        gains = tuple(float(r.safe_gain or 0.0) for r in rounds)
        return cls(task, hub, tuple(r.arms for r in rounds), tuple(r.violating for r in rounds), gains)


Found = dict[str, object]


def transfer(seed: int, cache: Path | None) -> Found:
    """After a campaign on value_fusion, others in the same world, beside the same without it."""
    with TemporaryDirectory() as folder:
        learnt = empty_hub(Path(folder) / "learnt")
        trials = [_trial("value_fusion", "empty", seed, cache, learnt, 0)]
        for task in ("joint", "diversity"):
            nothing = empty_hub(Path(folder) / f"nothing-{task}")
            trials.append(_trial(task, "empty", seed, cache, nothing, seed))
            trials.append(_trial(task, "skilled", seed, cache, _copy(learnt, folder, task), seed))
    return _told(trials)


def poison(seed: int, cache: Path | None) -> Found:
    """The same with a skill that is wrong in all it says; how much of it is left at the end, by kind."""
    with TemporaryDirectory() as folder:
        hub = empty_hub(Path(folder) / "learnt")
        _trial("value_fusion", "empty", seed, cache, hub, 0)
        bad = poisoned(hub, task_of("value_fusion", seed).params)
        nothing = empty_hub(Path(folder) / "nothing")
        trials = [
            _trial("joint", "empty", seed, cache, nothing, seed),
            _trial("joint", "poisoned", seed, cache, hub, seed),
        ]
        left = {record.id for record in active(hub)} & bad.keys()
    return _told(trials, poisonous=Counter(bad.values()), left=Counter(bad[record] for record in left))


def launch(seed: int, cache: Path | None) -> Found:
    """A campaign in a world whose models and users change after some of its rounds."""
    before, after = world_pair(seed, cache)
    with TemporaryDirectory() as folder:
        hub = empty_hub(Path(folder) / "learnt")
        run(before, _maker(hub, 0), NOISE, 8, ())
        nothing = empty_hub(Path(folder) / "nothing")
        trials = [
            Trial.of("world", name, launched(before, after, _maker(known, seed), NOISE))
            for name, known in (("empty", nothing), ("skilled", hub))
        ]
    return _told(trials, launched_after=LAUNCHED_AFTER)


def idle(seed: int, cache: Path | None) -> Found:
    """Whether campaigns come to hold an active record about a param that does nothing: one that leaves all
    slates as they are, and one that changes slates while no user answers to that."""
    still = _idle_problem(seed, cache, f"{IDLE} * is_new_user")
    moving = _idle_problem(seed, cache, f"{IDLE} * p_like")
    return {
        "still": _held_about_idle(still, seed),
        "moving": _held_about_idle(replace(moving, truth=_deaf(moving.truth)), seed),
    }


def _held_about_idle(problem: Problem, campaign: int) -> dict[str, int]:
    with TemporaryDirectory() as folder:
        hub = empty_hub(Path(folder) / "learnt")
        run(problem, _maker(hub, campaign), NOISE, ROUNDS["value_fusion"], ())
        known = hub.load("value-fusion").knowledge
    about = [record for record in known if IDLE in _subject(record)]
    return {
        "records": len(about),
        "active": sum(record.status == "active" for record in about),
        "active_of_all": sum(record.status == "active" for record in known),
    }


def _idle_problem(seed: int, cache: Path | None, term: str) -> Problem:
    task = task_of("value_fusion", seed, partial(_with_idle_param, term=term))
    return problem_of(task, seed, cache, f"bundled-idle-{term.split()[-1]}")


def _deaf(truth: Truth) -> Truth:
    """The truth of a world whose users do not answer to the idle param."""

    def lifts(configs: Sequence[Config]) -> Floats:
        return truth([Config({**config.values, IDLE: IDLE_PRODUCTION}) for config in configs])

    return lifts


def drift(seed: int, cache: Path | None) -> Found:
    """Campaigns in a row over changing tasks of one world, each with fresh noise and the same Skillhub."""
    trials, sizes = [], []
    with TemporaryDirectory() as folder:
        hub = empty_hub(Path(folder) / "learnt")
        for number in range(IN_A_ROW):
            task = list(ROUNDS)[number % len(ROUNDS)]
            trials.append(_trial(task, "skilled", seed, cache, hub, 1000 * seed + number))
            sizes.append({"records": _records(hub), "bytes": _bytes(hub)})
        for number in (*range(5), *range(IN_A_ROW - 5, IN_A_ROW)):
            nothing = empty_hub(Path(folder) / f"nothing-{number}")
            task = list(ROUNDS)[number % len(ROUNDS)]
            trials.append(_trial(task, f"empty-{number}", seed, cache, nothing, 1000 * seed + number))
    return _told(trials, sizes=sizes)


STUDIES: Mapping[str, Callable[[int, Path | None], Found]] = {
    "transfer": transfer,
    "poison": poison,
    "launch": launch,
    "idle": idle,
    "drift": drift,
}


def _trial(task: str, name: str, seed: int, cache: Path | None, hub: Skillhub, campaign: int) -> Trial:
    """A campaign on a task in the world of the seed; its number keys the noise that it meets."""
    problem = replace(bundled_problem(seed, cache, task), seed=campaign)
    rounds = ROUNDS[task]
    return Trial.of(task, name, run(problem, _maker(hub, campaign), NOISE, rounds, range(1, rounds + 1)))


def _maker(hub: Skillhub, campaign: int) -> Callable[[Setup], SkilledTuner]:
    return lambda setup: SkilledTuner(setup, hub, campaign)


def _told(trials: Iterable[Trial], **more: object) -> Found:
    return {"trials": [asdict(trial) for trial in trials], **more}


def _copy(hub: Skillhub, folder: str, name: str) -> Skillhub:
    """The Skillhub as it is now, for a campaign that shall not see what others learn."""
    workspace = Path(folder) / f"copy-{name}"
    shutil.copytree(Path(folder) / "learnt", workspace)
    return empty_hub(workspace)


def _subject(record: KnowledgeRecord) -> tuple[str, ...]:
    params = (record.mechanic.cause,) if record.mechanic else ()
    return (*params, *((record.bounds.param,) if record.bounds else ()))


def _records(hub: Skillhub) -> int:
    return sum(len(hub.load(name).knowledge) for name in hub.names())


def _bytes(hub: Skillhub) -> int:
    """Of what campaigns read: revisions are kept beside it."""
    folders = [hub.shelf(name).folder for name in hub.names()]
    return sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())


def _with_idle_param(text: str, term: str) -> str:
    score = 'score  = "value + w_like * p_like - where(is_new_user, w_hate_new, w_hate) * p_hate"'
    scored = f'{score.removesuffix(chr(34))} + {term}"'
    table = "[stages.ranking.params]\n"
    param = f"{IDLE} = {{ production = {IDLE_PRODUCTION}, low = 0.0, high = 3.0 }}\n"
    changed = text.replace(score, scored).replace(table, table + param)
    if changed.count(IDLE) != 2:
        raise ValueError("tasks/value_fusion.toml is not as it was")
    return changed
