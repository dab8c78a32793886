"""Limits on users, freezes, exclusion layers and ramps: they let experiments run, and mean what they say."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic


def check(draft: Draft) -> Iterator[Diagnostic]:
    yield from _users(draft)
    yield from _freezes(draft)
    yield from _exclusion(draft)
    yield from _ramp(draft)


def _users(draft: Draft) -> Iterator[Diagnostic]:
    """The users of all arms may all come on one day."""
    task, most = draft.task, draft.task.limits.users_per_day
    if most is None:
        return
    arms = min(task.experiment.arms, task.limits.arms or task.experiment.arms) + 1
    for table, users, count in (
        ("experiment", task.experiment.users_per_arm, arms),
        ("confirm", task.confirm.users_per_arm, 2),
    ):
        if users * count > most and not draft.cuts.touch((table,)):
            message = f"{count} arms have {users * count:,} users, and [limits] allows {most:,} on a day"
            help = f"write users_per_arm = {most // count}, or raise users_per_day"
            yield draft.problem("RT514", (table, "users_per_arm"), message, help)


def _freezes(draft: Draft) -> Iterator[Diagnostic]:
    windows = draft.task.freeze
    for name, window in windows.items():
        if window.last < window.first:
            message = f"`{name}` would last from {window.first} to {window.last}"
            yield draft.problem("RT509", ("freeze", name, "last"), message, "write the later day as `last`")
    ordered = sorted((w.first, w.last, name) for name, w in windows.items() if w.first <= w.last)
    needs = min(draft.task.experiment.days, draft.task.confirm.days) + draft.task.ramp_days
    for (_, last, before), (first, _, name) in pairwise(ordered):
        path, free = ("freeze", name, "first"), (first - last).days - 1
        if free < 0:
            message = f"`{name}` begins before `{before}` is over"
            help = f"write a day after {last}, or one freeze for both"
            yield draft.problem("RT510", path, message, help)
        elif 0 < free < needs and not draft.cuts.touch(("experiment",)) and not draft.cuts.touch(("ramp",)):
            message = f"{free} days are free between `{before}` and `{name}`; an experiment takes {needs}"
            help = "make it one freeze, if nothing shall run between them"
            yield draft.problem("RT511", path, message, help)


def _exclusion(draft: Draft) -> Iterator[Diagnostic]:
    exclusion = draft.task.exclusion
    if exclusion is not None and exclusion.share[0] >= exclusion.share[1]:
        low, high = exclusion.share
        message = f"nobody lies from {low:g} to {high:g}"
        yield draft.problem("RT512", ("exclusion", "share"), message, "write the smaller share first")


def _ramp(draft: Draft) -> Iterator[Diagnostic]:
    ramp = draft.task.ramp
    if ramp is not None and any(one >= other for one, other in pairwise(ramp.steps)):
        rising = sorted(set(ramp.steps))
        path, help = ("ramp", "steps"), f"write steps = {rising}"
        fix = draft.mend.value(path, list(rising))
        yield draft.problem("RT513", path, "a step serves no more users than the one before", help, fix=fix)
