"""What the studies of the Skillhub report: means and medians over worlds, and the goals."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tuning.figures import Figure

ENOUGH = 60.0
"""Safe gain, in % of the oracle's, that campaigns are timed to."""
Found = Mapping[str, Any]


def reported(results: Mapping[str, Sequence[Found]]) -> list[Figure]:
    """Of every study of which there are results."""
    made = {"transfer": _transfer, "poison": _poison, "launch": _launch, "idle": _idle, "drift": _drift}
    return [figure for name, make in made.items() if results.get(name) for figure in make(results[name])]


def _transfer(results: Sequence[Found]) -> Iterator[Figure]:
    first = _trials(results, "value_fusion", "empty")
    for task in ("joint", "diversity"):
        empty, skilled = _trials(results, task, "empty"), _trials(results, task, "skilled")
        yield from _speed(task, empty, skilled)
        yield from _gains(task, empty, skilled)
        yield from _violations(task, empty, skilled)
        spent = [sum(a["arms"]) + _arms_to(b) for a, b in zip(first, skilled, strict=True)]
        counted = f"{task}: arms to {ENOUGH:g} %, the first campaign's included"
        yield _figure(counted, statistics.median(spent), "arms", len(spent))
        alone = statistics.median(map(_arms_to, empty))
        yield _figure(f"{task}: arms to {ENOUGH:g} %, empty", alone, "arms", len(empty))


def _speed(task: str, empty: Sequence[Found], skilled: Sequence[Found]) -> Iterator[Figure]:
    without, with_it = _median_rounds(empty), _median_rounds(skilled)
    yield _figure(f"{task}: rounds to {ENOUGH:g} %, empty Skillhub", without, "rounds", len(empty))
    goal, most = ("<= half of that", without / 2) if task == "joint" else ("<= that", without)
    name = f"{task}: rounds to {ENOUGH:g} %, after value_fusion"
    yield _figure(name, with_it, "rounds", len(skilled), goal, with_it <= most)


def _gains(task: str, empty: Sequence[Found], skilled: Sequence[Found]) -> Iterator[Figure]:
    for number in (1, 2, 4, len(empty[0]["gains"])):
        alone, told = ([trial["gains"][number - 1] for trial in trials] for trials in (empty, skilled))
        yield _mean(f"{task}: safe gain after {number}, empty", alone, "%")
        yield _mean(f"{task}: safe gain after {number}, skilled", told, "%")
        added = [b - a for a, b in zip(alone, told, strict=True)]
        yield _mean(f"{task}: what skills add to the safe gain after {number}", added, "points")


def _violations(task: str, empty: Sequence[Found], skilled: Sequence[Found]) -> Iterator[Figure]:
    alone, told = ([sum(trial["violating"]) for trial in trials] for trials in (empty, skilled))
    arms = statistics.mean(sum(trial["arms"]) for trial in skilled)
    yield _mean(f"{task}: violating arms, empty", alone, "arms per campaign")
    goal, ok = "fewer, or none where there are none", sum(told) < sum(alone) or sum(told) == 0
    yield _mean(f"{task}: violating arms, skilled", told, f"of {arms:.0f} arms", goal, ok)


def _poison(results: Sequence[Found]) -> Iterator[Figure]:
    empty, poisoned = _trials(results, "joint", "empty"), _trials(results, "joint", "poisoned")
    without, with_it = _median_rounds(empty), _median_rounds(poisoned)
    cost = with_it - without
    yield _figure("poison: rounds it costs", cost, "rounds", len(empty), "<= 1", cost <= 1)
    first = [sum(trial["violating"][0] for trial in trials) for trials in (empty, poisoned)]
    goal = f"<= {first[0]}, those of an empty Skillhub"
    yield _figure(
        "poison: violating arms of round 1", first[1], "arms", len(empty), goal, first[1] <= first[0]
    )
    for kind in sorted({kind for found in results for kind in found["poisonous"]}):
        planted = sum(found["poisonous"].get(kind, 0) for found in results)
        left = sum(found["left"].get(kind, 0) for found in results)
        name = f"poison: {kind} retired by the end, of {planted}"
        retired = 100 * (planted - left) / planted
        is_about_direction = kind in ("elasticities", "mechanics")
        goal = "100" if is_about_direction else "none"
        yield _figure(name, retired, "%", len(results), goal, left == 0 or not is_about_direction)
    planted_in = sum(bool(found["poisonous"]) for found in results)
    yield _figure("poison: worlds that had any", planted_in, "worlds", len(empty), "> 0", planted_in > 0)


def _launch(results: Sequence[Found]) -> Iterator[Figure]:
    """Rounds count from the launch."""
    after = int(results[0]["launched_after"])
    trials = {
        hub: [_cut(trial, after) for trial in _trials(results, "world", hub)] for hub in ("empty", "skilled")
    }
    without, with_it = (_median_rounds(trials[hub]) for hub in ("empty", "skilled"))
    yield _figure(f"launch: rounds to {ENOUGH:g} % after it, empty", without, "rounds", len(results))
    ok = with_it <= without + 1
    name = f"launch: rounds to {ENOUGH:g} % after it, skilled"
    yield _figure(name, with_it, "rounds", len(results), "<= that + 1", ok)
    for hub, found in trials.items():
        for number in (1, 2, 4, 6):
            yield _mean(
                f"launch: safe gain {number} after it, {hub}", [t["gains"][number - 1] for t in found], "%"
            )


def _idle(results: Sequence[Found]) -> Iterator[Figure]:
    for kind, told in (("still", "no slate"), ("moving", "slates and no metric")):
        campaigns = [found[kind] for found in results]
        share = 100 * sum(held["active"] > 0 for held in campaigns) / len(campaigns)
        name = f"idle: campaigns with an active record about a param that moves {told}"
        yield _figure(name, share, "%", len(campaigns), "<= 5", share <= 5)
        all_kinds = [held["active_of_all"] for held in campaigns]
        yield _mean(f"idle: active records of all kinds, {kind} param", all_kinds, "records")


def _drift(results: Sequence[Found]) -> Iterator[Figure]:
    last: list[float] = []
    first: list[float] = []
    beside: list[float] = []
    for found in results:
        row = [trial for trial in found["trials"] if trial["hub"] == "skilled"]
        alone = [trial for trial in found["trials"] if trial["hub"] != "skilled"]
        last += [_early(trial) for trial in row[-5:]]
        first += [_early(trial) for trial in alone[:5]]
        beside += [_early(trial) for trial in alone[5:]]
    difference = statistics.mean(last) - statistics.mean(first)
    yield _mean("drift: safe gain over the first 4 rounds, first five campaigns without skills", first, "%")
    name = "drift: safe gain over the first 4 rounds, the last five's tasks and noise without skills"
    yield _mean(name, beside, "%")
    name = "drift: safe gain over the first 4 rounds, last five campaigns of 20"
    yield _mean(name, last, "%", "not below that", difference >= 0)
    sizes = [found["sizes"] for found in results]
    for kind in ("records", "bytes"):
        half, end = (statistics.mean(size[at][kind] for size in sizes) for at in (9, 19))
        growth = "<= 1.5 x that after 10"
        yield _figure(f"drift: {kind} after 10 campaigns", half, kind, len(sizes))
        yield _figure(f"drift: {kind} after 20 campaigns", end, kind, len(sizes), growth, end <= 1.5 * half)


def _trials(results: Sequence[Found], task: str, hub: str) -> list[Found]:
    return [t for found in results for t in found["trials"] if t["task"] == task and t["hub"] == hub]


def _rounds(trial: Found) -> int:
    """The first round after which enough would be recommended; one more than there are where none is."""
    gains = trial["gains"]
    return next((number for number, gain in enumerate(gains, 1) if gain >= ENOUGH), len(gains) + 1)


def _arms_to(trial: Found) -> int:
    return sum(trial["arms"][: _rounds(trial)])


def _median_rounds(trials: Sequence[Found]) -> float:
    return float(statistics.median(map(_rounds, trials)))


def _early(trial: Found) -> float:
    return float(statistics.mean(trial["gains"][:4]))


def _cut(trial: Found, after: int) -> dict[str, Any]:
    return {key: value[after:] if isinstance(value, (list, tuple)) else value for key, value in trial.items()}


def _figure(name: str, value: float, unit: str, worlds: int, goal: str = "none", ok: bool = True) -> Figure:
    return Figure(name, round(value, 2), unit, goal, ok, worlds=worlds)


def _mean(name: str, values: Sequence[float], unit: str, goal: str = "none", ok: bool = True) -> Figure:
    """With its standard error."""
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else None
    mean = round(statistics.mean(values), 2)
    return Figure(name, mean, unit, goal, ok, None if error is None else round(error, 2), len(values))
