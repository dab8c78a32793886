"""A task file as typed, frozen values. What a reader may rely on after `check` found no problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from rectune_dsl.dsl.replay import Replay
from rectune_dsl.dsl.table import Formula, Guardrail, Table


class TaskInfo(Table):
    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
    surface: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
    about: str = ""
    skill: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)] | None = None


class Signal(Table):
    """Something a formula may read. Predictions and items vary by candidate, users and requests do not."""

    kind: Literal["prediction", "item", "user", "request"] = "prediction"
    stages: Annotated[tuple[str, ...], Field(strict=False)] | None = None
    """Stages that provide it; None is every stage."""
    domain: Annotated[tuple[float, float], Field(strict=False)] = (0.0, 1.0)
    about: str = ""


class Param(Table):
    """A tunable number. `scale = "log"` searches ratios instead of differences."""

    production: float
    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"
    type: Literal["float", "int"] = "float"
    about: str = ""


class KeepParam(Param):
    """A tunable `keep` count."""

    type: Literal["int"] = "int"


class Diversity(Table):
    """Each earlier item with the same key costs `penalty`; at most `max_per_key` share one."""

    by: str
    penalty: Formula = Field(default_factory=lambda: Formula("0"))
    max_per_key: Annotated[int, Field(ge=1)] | None = None


class Stage(Table):
    keep: Annotated[int, Field(ge=1)] | KeepParam
    score: Formula
    terms: Mapping[str, Formula] = Field(default_factory=dict)
    expect: Mapping[str, Literal["nondecreasing", "nonincreasing"]] = Field(default_factory=dict)
    params: Mapping[str, float | Param] = Field(default_factory=dict)
    diversity: Diversity | None = None
    about: str = ""

    @property
    def constants(self) -> Mapping[str, float]:
        return {name: float(p) for name, p in self.params.items() if not isinstance(p, Param)}


class Metric(Table):
    """What the backend measures. One with a goal is a north star."""

    goal: Literal["maximize", "minimize"] | None = None
    weight: Annotated[float, Field(gt=0)] = 1.0
    kind: Literal["mean", "proportion", "ratio"] = "mean"
    numerator: str | None = None
    denominator: str | None = None
    covariate: str | None = None
    matures_after_days: Annotated[int, Field(ge=0)] = 0
    about: str = ""

    @property
    def sign(self) -> int:
        """+1 when more is better, -1 when less is, 0 for no goal."""
        return {"maximize": 1, "minimize": -1, None: 0}[self.goal]

    def columns(self, name: str) -> tuple[str, ...]:
        """The per-user columns it is computed from."""
        own = (self.numerator, self.denominator) if self.kind == "ratio" else (name,)
        return tuple(c for c in (*own, self.covariate) if c is not None)


class Experiment(Table):
    backend: str = "simulator"
    rounds: Annotated[int, Field(ge=1, le=1000)] = 8
    arms: Annotated[int, Field(ge=1, le=1000)] = 5
    """Treatments; control comes on top."""
    users_per_arm: Annotated[int, Field(ge=2)]
    days: Annotated[int, Field(ge=1)]
    alpha: Annotated[float, Field(gt=0, le=0.2)] = 0.05
    risk: Annotated[float, Field(gt=0, lt=0.5)] = 0.2
    power: Annotated[float, Field(ge=0.5, lt=1)] = 0.8


class Confirm(Table):
    """The last experiment: one config against control, on fresh users and days."""

    users_per_arm: Annotated[int, Field(ge=2)]
    days: Annotated[int, Field(ge=1)]


class Holdout(Table):
    """A share of the surface's users that keeps the config of the surface's first run."""

    share: Annotated[float, Field(gt=0, le=0.5)]


class Limits(Table):
    """What no agent can pass. `step` is the largest distance from production, as a share of a param's
    range on its scale."""

    traffic_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    arms: Annotated[int, Field(ge=1)] | None = None
    step: Annotated[float, Field(gt=0, le=1)] = 1.0


class Agents(Table):
    actor: str = "bayes"
    critic: str = "numeric"
    online: str = "numeric"
    insight: str = "numeric"
    skill: str = "numeric"


class Simulator(Table):
    """The bundled world. `seed` names the world; `rectune run --seed` names the campaign in it."""

    world: str = "short-video"
    seed: Annotated[int, Field(ge=0)] = 1
    users: Annotated[int, Field(ge=1000)] = 4_000_000
    items: Annotated[int, Field(ge=400)] = 4_000
    candidates: Annotated[int, Field(ge=10, le=5_000)] = 300


class Task(Table):
    """One TOML file: what to tune, within which bounds, judged by which metrics."""

    dsl: Literal[1]
    task: TaskInfo
    signals: Mapping[str, Signal]
    stages: Annotated[Mapping[str, Stage], Field(min_length=1)]
    metrics: Annotated[Mapping[str, Metric], Field(min_length=1)]
    guardrails: Mapping[str, Guardrail] = Field(default_factory=dict)
    constraints: Mapping[str, Formula] = Field(default_factory=dict)
    experiment: Experiment
    confirm: Confirm
    agents: Agents = Field(default_factory=Agents)
    holdout: Holdout | None = None
    limits: Limits = Field(default_factory=Limits)
    simulator: Simulator = Field(default_factory=Simulator)
    replay: Replay | None = None

    @property
    def params(self) -> dict[str, Param]:
        """Every tunable number by name, in file order; a stage's `keep` is `<stage>.keep`."""
        found: dict[str, Param] = {}
        for stage_name, stage in self.stages.items():
            found |= {n: p for n, p in stage.params.items() if isinstance(p, Param)}
            if isinstance(stage.keep, Param):
                found[f"{stage_name}.keep"] = stage.keep
        return found

    @property
    def production(self) -> dict[str, float]:
        """The config that serves today."""
        return {name: p.production for name, p in self.params.items()}

    @property
    def north_stars(self) -> dict[str, Metric]:
        return {name: m for name, m in self.metrics.items() if m.goal is not None}

    @property
    def objective_weights(self) -> dict[str, float]:
        """U is the sum of these times the lifts: a north star's weight, negative where less is better."""
        return {name: m.sign * m.weight for name, m in self.north_stars.items()}

    @property
    def judged(self) -> dict[str, Metric]:
        """Every metric that is measured: the declared ones, then guardrails on further means."""
        extra = {name: Metric() for name in self.guardrails if name not in self.metrics}
        return {**self.metrics, **extra}

    @property
    def slate_stage(self) -> str:
        """The stage whose output is shown."""
        return list(self.stages)[-1]
