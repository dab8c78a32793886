"""A task file as typed, frozen values. What a reader may rely on after `check` found no problem."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from rectune_dsl.dsl.expand import expand
from rectune_dsl.dsl.guardrails import Limit
from rectune_dsl.dsl.llm import LanguageModel
from rectune_dsl.dsl.metrics import Metric
from rectune_dsl.dsl.params import Param, VectorParam, constants_of, tunable_of
from rectune_dsl.dsl.rehearsal import Faults
from rectune_dsl.dsl.replay import Replay
from rectune_dsl.dsl.stages import CandidateSource, Segment, Signal, Stage
from rectune_dsl.dsl.table import Formula, Guardrail, Table
from rectune_dsl.dsl.traffic import Exclusion, FreezeWindow, Limits, Ramp

USER = "user"
"""The unit of randomisation where a task names no other."""


class TaskInfo(Table):
    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
    """What the task is called: lower-case words joined by hyphens."""
    surface: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
    """The product place whose traffic is tuned. Confirmations and the holdout are counted per surface, across
    runs."""
    about: str = ""
    """One sentence for people: what the task is for."""
    skill: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)] | None = None
    """The skill to read from the Skillhub, and to write to what was learnt. Left out, the campaign makes one
    that is called like the task."""
    regime: Annotated[str, Field(max_length=64)] = ""
    """The state of the models behind the surface, in your own words, such as "ranker-2026-11". What was
    learnt in another regime is not used: change it when a launch changes what scores mean."""


class Experiment(Table):
    backend: str = "simulator"
    """Who runs the A/B tests, or measures them: a registered name."""
    delivery: str = ""
    """Who serves the arms, for a backend that only measures: a registered name."""
    unit: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=24)] = USER
    """What is randomised: "user", or a group of users that the backend knows, such as "household". Groups
    are then counted wherever users are: `users_per_arm` is groups per arm."""
    rounds: Annotated[int, Field(ge=1, le=1000)] = 8
    """How often arms are proposed, tested and learnt from, before the confirmation."""
    arms: Annotated[int, Field(ge=1, le=1000)] = 5
    """Treatments per round; control comes on top."""
    users_per_arm: Annotated[int, Field(ge=2)]
    """Users of each arm in each round."""
    days: Annotated[int, Field(ge=1)]
    """Whole UTC days that each round's experiment lasts."""
    alpha: Annotated[float, Field(gt=0, le=0.2)] = 0.05
    """The chance of shipping what is no improvement, for the whole surface over all its confirmations."""
    risk: Annotated[float, Field(gt=0, lt=0.5)] = 0.2
    """An arm is launched only if all guardrails hold with probability 1 - risk."""
    power: Annotated[float, Field(ge=0.5, lt=1)] = 0.8
    """The chance to show what is true that `plan` calls enough."""


class Confirm(Table):
    """The last experiment: one config against control, on fresh users and days."""

    users_per_arm: Annotated[int, Field(ge=2)]
    """Users of each arm that no experiment of the run has used."""
    days: Annotated[int, Field(ge=1)]
    """Whole UTC days that the confirmation lasts."""


class Holdout(Table):
    """A share of the surface's users that keeps the config of the surface's first run."""

    share: Annotated[float, Field(gt=0, le=0.5)]
    """Share of the surface's users in the holdout."""


class Approval(Table):
    """Whether people are asked before traffic is used and before anything ships."""

    mode: Literal["ask", "auto"] | None = None
    """`ask`: before each launch and before shipping; `auto`: never. Left out, they are asked where people are
    served."""
    expires_after_days: Annotated[float, Field(gt=0)] | None = None
    """Days after which an unanswered question counts as a no; left out, the run waits."""


class Agents(Table):
    actor: str = "funnel"
    """Proposes configs: a registered name."""
    critic: str = "numeric"
    """Reviews proposals and picks the diverse few: a registered name."""
    online: str = "numeric"
    """Designs experiments and decides from what is observed: a registered name."""
    insight: str = "numeric"
    """Learns mechanics and the elite set: a registered name."""
    skill: str = "numeric"
    """Turns insights into skill revisions: a registered name."""


class Simulator(Table):
    """The bundled world. `seed` names the world; `rectune run --seed` names the campaign in it."""

    world: str = "short-video"
    """A bundled world, or a world file that ends in .toml, by its path from here."""
    seed: Annotated[int, Field(ge=0)] = 1
    """Names the world: its users, items and tastes."""
    users: Annotated[int, Field(ge=1000)] = 4_000_000
    """Users of the world; experiments and the confirmation take theirs from them."""
    items: Annotated[int, Field(ge=400)] = 4_000
    """Items of the world's catalogue."""
    candidates: Annotated[int, Field(ge=10, le=5_000)] = 300
    """Candidates per request that the first stage is given."""
    executor: str = "threads"
    """Who computes: a registered name. Results are the same whoever does."""
    faults: Faults | None = None
    """What goes wrong on purpose, to see what agents and gates make of it."""


def _as_version(value: object) -> object:
    """`true` equals 1, and is no version."""
    return str(value) if isinstance(value, bool) else value


class Task(Table):
    """One TOML file: what to tune, within which bounds, judged by which metrics."""

    dsl: Annotated[Literal[1], BeforeValidator(_as_version)]
    """The language's version: 1."""
    extends: str | None = None
    """A task file that this one changes, by its path from here: tables are merged, everything else is
    replaced."""
    task: TaskInfo
    """What the task is called, and whose traffic it tunes."""
    signals: Mapping[str, Signal]
    """Everything that formulas may read, by name."""
    segments: Mapping[str, Segment] = Field(default_factory=dict)
    """Users or requests for whom params and guardrails are others; the first that matches holds."""
    sources: Mapping[str, CandidateSource] = Field(default_factory=dict)
    """Where candidates come from, and how the slate blends them."""
    stages: Annotated[Mapping[str, Stage], Field(min_length=1)]
    """The funnel, in the order of the file; what the last stage keeps is the slate."""
    metrics: Annotated[Mapping[str, Metric], Field(min_length=1)]
    """What the backend measures, and which of it is the goal."""
    guardrails: Mapping[str, Guardrail] = Field(default_factory=dict)
    """Limits that metrics must be shown to keep: `>= -1%` is a lift over production, `<= 120` a level."""
    constraints: Mapping[str, Formula] = Field(default_factory=dict)
    """Comparisons of params that every config fulfils, as production does."""
    experiment: Experiment
    """How the rounds test arms, and how sure they have to be."""
    confirm: Confirm
    """The last experiment: the recommended config against control, on fresh users and days."""
    agents: Agents = Field(default_factory=Agents)
    """Who proposes, reviews, tests and learns; registered names, plugins' included."""
    llm: LanguageModel = Field(default_factory=LanguageModel)
    """The language model that agents ask, and what that may cost."""
    holdout: Holdout | None = None
    """Users that keep the surface's first config, so that the sum of all ships is measured."""
    limits: Limits = Field(default_factory=Limits)
    """What no agent can pass."""
    ramp: Ramp | None = None
    """How experiments begin: with few of their users, and more after each look that shows no harm."""
    freeze: Mapping[str, FreezeWindow] = Field(default_factory=dict)
    """Days on which no experiment runs and nothing ships, by the reason for it."""
    exclusion: Exclusion | None = None
    """The part of the surface's users that this task may have, beside other campaigns."""
    approval: Approval = Field(default_factory=Approval)
    """Whether people are asked before traffic is used and before anything ships."""
    simulator: Simulator = Field(default_factory=Simulator)
    """The bundled world; for backend = "simulator"."""
    replay: Replay | None = None
    """Logged interactions with propensities; for backend = "replay"."""
    plugins: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    """Settings of plugins' backends and deliveries, by their registered names; each documents its own."""

    @model_validator(mode="after")
    def _meant(self) -> Task:
        """Formulas say what they mean in this task: see `expand`."""
        stages = {name: expand(stage, self.segments) for name, stage in self.stages.items()}
        return self.model_copy(update={"stages": stages})

    @cached_property
    def params(self) -> Mapping[str, Param]:
        """Every tunable number by name, in file order: a stage's `keep` is `STAGE.keep`, a vector's numbers
        are `NAME[0]`, `NAME[1]`, ..., a segment's own value is `SEGMENT.NAME`, a source's quotas are
        `SOURCE.min` and `SOURCE.max`."""
        found: dict[str, Param] = {}
        for stage_name, stage in self.stages.items():
            found |= stage.tunable
            if isinstance(stage.keep, Param):
                found[f"{stage_name}.keep"] = stage.keep
        for segment_name, segment in self.segments.items():
            found |= tunable_of(segment.params, f"{segment_name}.")
        for source_name, source in self.sources.items():
            quotas = {"min": source.min, "max": source.max}
            found |= {f"{source_name}.{k}": q for k, q in quotas.items() if isinstance(q, Param)}
        return MappingProxyType(found)

    @property
    def ordered(self) -> dict[str, tuple[tuple[str, ...], Literal["nondecreasing", "nonincreasing"]]]:
        """Vectors whose numbers are sorted in every config: the names of their numbers, and the direction."""
        tables = [("", stage.params) for stage in self.stages.values()]
        tables += [(f"{name}.", segment.params) for name, segment in self.segments.items()]
        return {
            prefix + name: (tuple(value.elements(prefix + name)), value.order)
            for prefix, params in tables
            for name, value in params.items()
            if isinstance(value, VectorParam) and value.order is not None
        }

    @property
    def production(self) -> dict[str, float]:
        """The config that serves today."""
        return {name: p.production for name, p in self.params.items()}

    @property
    def constants(self) -> dict[str, float]:
        """Every number without bounds, by the name that constraints know it by: as in `params`."""
        found: dict[str, float] = {}
        for stage_name, stage in self.stages.items():
            found |= stage.constants
            if isinstance(stage.keep, int):
                found[f"{stage_name}.keep"] = float(stage.keep)
        for segment_name, segment in self.segments.items():
            found |= {f"{segment_name}.{name}": v for name, v in constants_of(segment.params).items()}
        return found

    def planned(self, purpose: Literal["explore", "confirm"]) -> Experiment | Confirm:
        """The users and days of a round's experiment, or of the confirmation."""
        return self.confirm if purpose == "confirm" else self.experiment

    @property
    def lifted(self) -> tuple[str, ...]:
        """Judged metrics that are about lifts: all but those with an absolute guardrail."""
        return tuple(m for m in self.judged if m not in self.guarded or self.guarded[m].relative)

    @property
    def north_stars(self) -> dict[str, Metric]:
        return {name: m for name, m in self.metrics.items() if m.goal is not None}

    @property
    def objective_weights(self) -> dict[str, float]:
        """U is the sum of these times the lifts: a north star's weight, negative where less is better."""
        return {name: m.sign * m.weight for name, m in self.north_stars.items()}

    @property
    def judged(self) -> dict[str, Metric]:
        """Every metric that is measured: the declared ones, guardrails on further means, then the segments'
        as `SEGMENT.NAME`; over units, where those are groups of users."""
        plain = {name: Metric() for name in self.guardrails if name not in self.metrics}
        within = {
            f"{segment_name}.{name}": self.metrics.get(name, Metric()).within(name, segment_name)
            for segment_name, segment in self.segments.items()
            for name in segment.guardrails
        }
        found = {**self.metrics, **plain, **within}
        if self.experiment.unit == USER:
            return found
        return {name: metric.over_units(name) for name, metric in found.items()}

    @property
    def quantiles(self) -> tuple[str, ...]:
        """Columns that quantiles are taken of."""
        found = (m.column or name for name, m in self.metrics.items() if m.kind == "quantile")
        return tuple(dict.fromkeys(found))

    @property
    def winsorized(self) -> dict[str, float]:
        """Columns whose values are capped, and the quantile of production's users that is the cap."""
        return {name: m.winsorize for name, m in self.metrics.items() if m.winsorize is not None}

    @property
    def guarded(self) -> dict[str, Limit]:
        """Every guardrail by the name of its metric in `judged`."""
        within = {
            f"{segment_name}.{name}": limit
            for segment_name, segment in self.segments.items()
            for name, limit in segment.guardrails.items()
        }
        return {**self.guardrails, **within}

    @property
    def ramp_days(self) -> int:
        """Days of each experiment before all its users are served."""
        return self.ramp.lasts if self.ramp else 0

    @property
    def matures_after_days(self) -> int:
        """Days after an experiment until its slowest metric has matured."""
        return max((metric.matures_after_days for metric in self.judged.values()), default=0)

    @property
    def slate_stage(self) -> str:
        """The stage whose output is shown."""
        return list(self.stages)[-1]
