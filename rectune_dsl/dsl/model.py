"""A task file as typed, frozen values. What a reader may rely on after `check` found no problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError, core_schema

from rectune_dsl.dsl.formula import FormulaError, Node, parse
from rectune_dsl.dsl.formula.functions import Signature
from rectune_dsl.dsl.guardrails import Limit, parse_limit

Fraction = Annotated[float, Field(gt=0, lt=1)]


class Table(BaseModel):
    """A TOML table: nothing unknown, nothing guessed (`"3"` and `true` are no numbers), nothing changed
    afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Formula:
    """A formula's text and its tree. The validation context may carry plugin `functions`."""

    __slots__ = ("text", "tree")

    def __init__(self, text: str, functions: Mapping[str, Signature] | None = None) -> None:
        self.text = text
        self.tree: Node = parse(text, functions)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Formula) and self.tree == other.tree

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Formula({self.text!r})"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(
            cls._validate, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def _validate(cls, value: object, info: core_schema.ValidationInfo) -> Formula:
        if isinstance(value, Formula):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = repr(value)
        if not isinstance(value, str):
            raise PydanticCustomError("formula_type", "a formula is a string")
        try:
            return cls(value, (info.context or {}).get("functions"))
        except FormulaError as error:
            raise PydanticCustomError(
                "formula",
                "{message}",
                {
                    "message": error.message,
                    "help": error.help,
                    "start": error.span.start,
                    "end": error.span.end,
                },
            ) from None

    def __str__(self) -> str:
        return self.text


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


def _limit(value: object) -> Limit:
    if isinstance(value, Limit):
        return value
    try:
        return parse_limit(value if isinstance(value, str) else repr(value))
    except ValueError as error:
        raise PydanticCustomError("guardrail", "{message}", {"message": str(error)}) from None


Guardrail = Annotated[Limit, PlainValidator(_limit), PlainSerializer(Limit.written)]


class Experiment(Table):
    backend: str = "simulator"
    rounds: Annotated[int, Field(ge=1, le=1000)] = 8
    arms: Annotated[int, Field(ge=1, le=1000)] = 5
    """Treatments; control comes on top."""
    users_per_arm: Annotated[int, Field(ge=2)]
    days: Annotated[int, Field(ge=1)]
    alpha: Fraction = 0.05
    risk: Fraction = 0.2
    power: Fraction = 0.8


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


class ReplaySignal(Table):
    """Where a signal comes from in a log; exactly one source.

    `column`: a number per impression, for user and request signals. `item_column`: a number per item.
    `sparse`: a column of `item:value;...` per impression; items that are not listed have 0. `rate`: the
    mean of this outcome per item on the fit part, shrunk towards the pool's mean as if `smoothing` more
    impressions had shown the mean; without `smoothing` their number is estimated (empirical Bayes).
    `standardize`: per pool, mean 0 and standard deviation 1 over its items.
    """

    column: str | None = None
    item_column: str | None = None
    sparse: str | None = None
    rate: str | None = None
    smoothing: Annotated[float, Field(gt=0)] | None = None
    standardize: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> ReplaySignal:
        sources = (self.column, self.item_column, self.sparse, self.rate)
        if sum(source is not None for source in sources) != 1:
            raise PydanticCustomError(
                "replay_signal",
                "a replay signal has one source",
                {"help": "write one of column, item_column, sparse and rate"},
            )
        if self.smoothing is not None and self.rate is None:
            raise PydanticCustomError(
                "replay_signal", "only a rate is smoothed", {"help": "remove smoothing, or write rate"}
            )
        if self.standardize and self.item_column is None and self.rate is None:
            raise PydanticCustomError(
                "replay_signal",
                "only a number per item can be standardized over the items",
                {"help": "remove standardize, or use item_column or rate"},
            )
        return self


class Split(Table):
    """Shares of the log, in order of time: fit signals, tune configs, confirm one."""

    fit: Fraction = 0.3
    tune: Fraction = 0.35
    confirm: Fraction = 0.35

    @model_validator(mode="after")
    def _whole(self) -> Split:
        total = self.fit + self.tune + self.confirm
        if abs(total - 1) > 1e-9:
            raise PydanticCustomError(
                "split",
                "the parts add up to {total}, not to 1",
                {"total": f"{total:.6g}", "help": "choose fit, tune and confirm so that they add up to 1"},
            )
        return self


class ReplayColumns(Table):
    """Which columns of the log say when, what, with which probability, where, and out of which items."""

    time: str
    item: str
    propensity: str
    position: str | None = None
    pool: str | None = None


class Replay(Table):
    """Logged interactions with propensities. Paths are relative to the task file; `log` may be a pattern.

    `outcomes`: name of a metric (or of its numerator or denominator) -> column of the log; a name that
    is not listed is its own column. A metric whose arm has an effective sample size below `min_ess`
    is missing. `clip` is the largest importance weight.
    """

    log: str
    items: str | None = None
    format: Literal["table", "kuairand"] = "table"
    columns: ReplayColumns | None = None
    outcomes: Mapping[str, str] = Field(default_factory=dict)
    policy: Literal["softmax", "top"] = "softmax"
    estimator: Literal["snips", "ips"] = "snips"
    split: Split = Field(default_factory=Split)
    clip: Annotated[float, Field(gt=1)] | None = None
    min_ess: Annotated[float, Field(gt=0)] = 200.0
    signals: Mapping[str, ReplaySignal] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _columns_of_format(self) -> Replay:
        if (self.columns is None) == (self.format == "table"):
            raise PydanticCustomError(
                "replay_columns",
                "a table needs its columns named, and only a table",
                {"help": "write [replay.columns] for format table, and leave it out for kuairand"},
            )
        return self


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
    def judged(self) -> dict[str, Metric]:
        """Every metric that is measured: the declared ones, then guardrails on further means."""
        extra = {name: Metric() for name in self.guardrails if name not in self.metrics}
        return {**self.metrics, **extra}

    @property
    def slate_stage(self) -> str:
        """The stage whose output is shown."""
        return list(self.stages)[-1]
