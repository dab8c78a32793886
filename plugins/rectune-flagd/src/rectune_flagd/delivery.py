"""The delivery `flagd`: arms are variants of one flag per surface."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from rectune_dsl.hooks.api import (
    HOLDOUT,
    USER,
    BackendContext,
    BackendError,
    Config,
    ExperimentSpec,
    Serving,
    Settings,
    Slot,
    UsageError,
    fingerprint,
    settings_of,
)
from rectune_flagd.flagfile import Definition, FlagFile
from rectune_flagd.rules import CLOCK, definition, share_of_holdout
from rectune_flagd.state import Holdout, State, Trial

TARGETING_KEY = "targetingKey"
ROUNDING = 1e-9
"""By which a share of all users who may take part can exceed 1."""


class FlagdSettings(Settings):
    """`[plugins.flagd]`. `flag` is the surface's name where it is left out. `targeting_key` is the attribute
    of the evaluation's context that holds the user's id, or the id of what a task randomises instead; `time`
    the one that holds the time in seconds since 1970, for rehearsals whose time is not the clock's: it is the
    clock's for a service that gives none."""

    file: str
    flag: str = ""
    targeting_key: str = TARGETING_KEY
    time: str = CLOCK


class FlagdDelivery:
    """Serves arms by writing a flag definition file, which flagd and its providers watch. All that it knows
    stands in that file, so every process knows the same."""

    def __init__(self, context: BackendContext) -> None:
        settings = settings_of(context.task, "flagd", FlagdSettings)
        if not settings.file.endswith(".json"):
            raise UsageError(
                f"[plugins.flagd] file = {settings.file!r} is no .json file",
                help="flagd reads JSON as well as YAML; write the flags as JSON",
            )
        surface, user, time = context.task.task.surface, settings.targeting_key, settings.time
        production = dict(context.task.production)

        def define(state: State) -> Definition:
            return definition(state, surface, user, time)

        flag, path = settings.flag or surface, context.folder / settings.file
        self._production, self._user, self._path, self._time = production, user, settings.file, time
        self._file = FlagFile(path, flag, lambda: State(production), define)

    @property
    def description(self) -> str:
        rehearsed = "" if self._time == CLOCK else f", at the time that a service gives as `{self._time}`"
        return f"flag {self._file.flag!r} of the flagd file {self._path}{rehearsed}"

    def check(self) -> Sequence[str]:
        return self._file.problems()

    def create(self, spec: ExperimentSpec, key: str, population: int) -> str:
        """Make the experiment, or find it; its id is its key. Raises BackendError when there are too few
        users, or when `key` was used for another spec."""
        self._change(lambda state: self._created(state, spec, key, population))
        return key

    def start(self, experiment: str) -> None:
        """Serve users from the spec's start to the end of its days. Raises BackendError where another
        experiment serves some of them at that time."""
        self._change(partial(_edited, experiment, _started))

    def set_exposure(
        self, experiment: str, fraction: float, arm: str | None = None, at: datetime | None = None
    ) -> None:
        """Serve to this fraction of the spec's users; with an arm and 0, to none of the arm's. `at` is when
        that began, by default now: the spec's days begin when all are served."""
        if not 0 <= fraction <= 1:
            raise BackendError(f"{fraction} is not a share of users", help="give a fraction from 0 to 1")
        if arm is None:
            serving = Serving(at or datetime.now(UTC), float(fraction))
            change: Change = lambda state, trial: trial.with_serving(serving)  # noqa: E731
        elif fraction == 0:
            change = partial(_silenced, arm)
        else:
            raise BackendError(
                f"an arm is served to {fraction:.0%} of its users, and the others to all of theirs",
                help="give 0 to stop the arm, or leave the arm out: exposures are the same for all arms",
            )
        self._change(partial(_edited, experiment, change))

    def stop(self, experiment: str, outcome: str) -> None:
        """Serve production to its users, for good."""
        self._change(partial(_edited, experiment, partial(_stopped, outcome)))

    def deliver(self, config: Config) -> None:
        self._change(lambda state: state.delivered(config))

    def rollback(self) -> None:
        self._change(State.rolled_back)

    def _change(self, edit: Callable[[State], State]) -> None:
        self._file.change(lambda state: edit(state.knowing(self._production)))

    def _created(self, state: State, spec: ExperimentSpec, key: str, population: int) -> State:
        if (known := state.trials.get(key)) is not None:
            _assert_same(known, spec, key, population)
            return state
        if spec.unit != USER and self._user == TARGETING_KEY:
            raise BackendError(
                f"the task randomises by {spec.unit!r}, and the flag tells users by their targeting keys",
                help=f"name the attribute with the id of the {spec.unit} in [plugins.flagd] targeting_key",
            )
        _assert_enough(spec, population)
        _assert_held(state.holdout, spec.holdout_share)
        state = state.holding(spec.holdout_share)
        held = state.holdout.share if state.holdout else 0.0
        return state.with_trial(key, Trial(fingerprint(spec), spec, population, held=held))


Change = Callable[[State, Trial], Trial]


def _edited(key: str, change: Change, state: State) -> State:
    """With a change of an experiment that was not stopped."""
    trial = state.trials.get(key)
    if trial is None:
        raise BackendError(f"there is no experiment {key!r}", help="call `create` with its spec first")
    return state if trial.spec is None else state.with_trial(key, change(state, trial))


def _started(state: State, trial: Trial) -> Trial:
    assert trial.spec is not None
    for key, other in state.served.items():
        if not trial.is_started and _disturbs(other, trial.spec):
            raise BackendError(
                f"experiment {key!r} serves users of this flag that would be served this one's arms",
                help="stop it, or give the two tasks slots of one layer in [exclusion]",
            )
    return replace(trial, is_started=True)


def _disturbs(other: Trial, spec: ExperimentSpec) -> bool:
    """Whether some users would be in both at a time."""
    assert other.spec is not None
    is_over = other.until is not None and other.until <= spec.start
    is_left_out = any(used.salt == other.spec.salt for used in spec.fresh_of)
    return not (is_over or is_left_out) and _meet(other.spec.slot, spec.slot)


def _meet(one: Slot | None, other: Slot | None) -> bool:
    return one is None or other is None or one.meets(other)


def _silenced(arm: str, state: State, trial: Trial) -> Trial:
    assert trial.spec is not None
    names = [known.name for known in trial.spec.arms]
    if arm not in names:
        raise BackendError(f"the experiment has no arm {arm!r}", help=f"its arms are {', '.join(names)}")
    return trial if arm in trial.silent else replace(trial, silent=(*trial.silent, arm))


def _stopped(outcome: str, state: State, trial: Trial) -> Trial:
    return Trial(trial.digest, None, trial.population, trial.is_started, outcome=outcome)


def _assert_same(known: Trial, spec: ExperimentSpec, key: str, population: int) -> None:
    if known.digest != fingerprint(spec):
        raise BackendError(
            f"there is another experiment with the key {key!r}", help="give each experiment its own key"
        )
    if known.population != population:
        raise BackendError(
            f"experiment {key!r} was made for {known.population:,} users, and there are {population:,} now: "
            "its shares would be others, and users would come in or go",
            help=f"set the population to {known.population} again until it is over",
        )


def _assert_held(known: Holdout | None, share: float) -> None:
    """The reservation is that of the surface's first run: else users who were served what has shipped since
    would be counted as if they had never been, or users who were kept from it would be no more."""
    if known is not None and share > 0 and share != known.share:
        raise BackendError(
            f"{known.share:.4g} of the flag's users are held out since its first experiment with a holdout, "
            f"and the task says {share:.4g}",
            help=f"write share = {known.share} in [holdout]",
        )


def _assert_enough(spec: ExperimentSpec, population: int) -> None:
    if any(used.salt == spec.salt for used in spec.fresh_of):
        raise BackendError(
            f"the experiment's users shall be fresh of an experiment with its own salt {spec.salt!r}",
            help="give every experiment a salt of its own",
        )
    try:
        share = spec.exposure(population).share
    except ZeroDivisionError:
        share = math.inf
    help = "lower `users_per_arm`, `arms` or `rounds`, or widen the `share` of [exclusion]"
    if not 0 < share <= 1 + ROUNDING:
        free = spec.users / share if share > 0 else 0
        raise BackendError(
            f"the experiment needs {spec.users:,} users; of {population:,} about {free:,.0f} may take part",
            help=help,
        )
    if any(arm.name == HOLDOUT for arm in spec.arms) and share_of_holdout(spec, population) > 1 + ROUNDING:
        raise BackendError(
            f"the holdout has fewer than the {spec.users_per_arm:,} users of an arm",
            help=f"raise `share` in [holdout], or {help}",
        )
