"""The studies: what campaigns with a Skillhub do that campaigns without one do not, each in one world."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from tuning.bundled import bundled_problem, problem_of, task_of
from tuning.campaign import Campaign, run
from tuning.tuner import Setup

from hubs.launch import LAUNCHED_AFTER, launched, world_pair
from hubs.tuner import SkilledTuner, empty_hub
from rectune_dsl.hooks.api import KnowledgeRecord, Response, SkillRevision
from rectune_dsl.skillhub.hub import Skillhub

NOISE = 0.25
"""The standard error of an arm's U, as a share of the oracle's gain."""
ROUNDS: Mapping[str, int] = {"value_fusion": 8, "joint": 8, "diversity": 6}
IDLE = "w_idle"
"""A param that does nothing: it is added to all of a request's scores alike."""
IN_A_ROW = 20
_DAY = date(2026, 1, 1)


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
    """The same with a skill whose mechanics are flipped; whether it is retired, and after which round."""
    with TemporaryDirectory() as folder:
        hub = empty_hub(Path(folder) / "learnt")
        _trial("value_fusion", "empty", seed, cache, hub, 0)
        bad = _flipped(hub)
        nothing = empty_hub(Path(folder) / "nothing")
        trials = [
            _trial("joint", "empty", seed, cache, nothing, seed),
            _trial("joint", "poisoned", seed, cache, hub, seed),
        ]
        left = {record.id for record in _active(hub)}
    return _told(trials, poisonous=len(bad), left=len(bad & left))


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
    """Whether a campaign comes to hold an active record about a param that does nothing."""
    task = task_of("value_fusion", seed, _with_idle_param)
    problem = problem_of(task, seed, cache, "bundled-idle")
    with TemporaryDirectory() as folder:
        hub = empty_hub(Path(folder) / "learnt")
        run(problem, _maker(hub, seed), NOISE, 8, ())
        known = hub.load("value-fusion").knowledge
    about = [record for record in known if IDLE in _subject(record)]
    active = [record for record in known if record.status == "active"]
    return {
        "records": len(about),
        "active": sum(record.status == "active" for record in about),
        "active_of_all": len(active),
    }


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


def _flipped(hub: Skillhub) -> set[str]:
    """Turn all active mechanics and responses into their opposites. Returns their ids."""
    bad = set()
    for name in hub.names():
        records = [_opposite(r) for r in hub.load(name).knowledge if r.status == "active" and _directed(r)]
        if records:
            bad |= {record.id for record in records}
            hub.apply(SkillRevision(name, tuple(records), "flipped"), run="flip", when=_DAY, judged=True)
    return bad


def _directed(record: KnowledgeRecord) -> bool:
    """Whether it says which way a metric goes."""
    return record.mechanic is not None or any(response.causes for response in record.responses)


def _opposite(record: KnowledgeRecord) -> KnowledgeRecord:
    mechanic = record.mechanic
    if mechanic is not None:
        mechanic = replace(mechanic, effect=-mechanic.effect, low=-mechanic.high, high=-mechanic.low)
    return replace(record, mechanic=mechanic, responses=tuple(map(_against, record.responses)), scored=())


def _against(response: Response) -> Response:
    return replace(response, mean=tuple(-value for value in response.mean))


def _active(hub: Skillhub) -> Iterable[KnowledgeRecord]:
    for name in hub.names():
        yield from (record for record in hub.load(name).knowledge if record.status == "active")


def _subject(record: KnowledgeRecord) -> tuple[str, ...]:
    params = (record.mechanic.cause,) if record.mechanic else ()
    return (*params, *((record.bounds.param,) if record.bounds else ()))


def _records(hub: Skillhub) -> int:
    return sum(len(hub.load(name).knowledge) for name in hub.names())


def _bytes(hub: Skillhub) -> int:
    """Of what campaigns read: revisions are kept beside it."""
    folders = [hub.shelf(name).folder for name in hub.names()]
    return sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())


def _with_idle_param(text: str) -> str:
    score = 'score  = "value + w_like * p_like - where(is_new_user, w_hate_new, w_hate) * p_hate"'
    scored = score.removesuffix('"') + f' + {IDLE} * is_new_user"'
    table = "[stages.ranking.params]\n"
    param = f"{IDLE} = {{ production = 1.0, low = 0.0, high = 3.0 }}\n"
    changed = text.replace(score, scored).replace(table, table + param)
    if changed.count(IDLE) != 2:
        raise ValueError("tasks/value_fusion.toml is not as it was")
    return changed
