"""The `[replay]` table: where a log is, and how to read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rectune_dsl.dsl.table import Fraction, Listed, Table

SlateModel = Literal["item-position", "position-based", "standard"]


class ReplaySignal(Table):
    """Where a signal comes from in a log; exactly one source.

    `column`: a number per impression, for user and request signals. `item_column`: a number per item.
    `sparse`: a column of `item:value;...` per impression; items that are not listed have 0. `rate`: the
    mean of this outcome per item on the fit part, shrunk towards the pool's mean as if `smoothing` more
    impressions had shown the mean; without `smoothing` their number is estimated (empirical Bayes).
    `standardize`: per pool, mean 0 and standard deviation 1 over its items.
    """

    column: str | None = None
    """A column with a number per impression, for user and request signals."""
    item_column: str | None = None
    """A column of the items file: a number per item."""
    sparse: str | None = None
    """A column of `item:value;...` per impression; items that are not listed have 0."""
    rate: str | None = None
    """The mean of this outcome per item on the fit part, shrunk towards its pool's mean."""
    smoothing: Annotated[float, Field(gt=0)] | None = None
    """With rate: impressions that the pool's mean is worth; left out, they are estimated."""
    standardize: bool = False
    """Mean 0 and standard deviation 1 over the pool's items; with item_column or rate."""

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
    """Share of the log that signals are fitted on: its first part."""
    tune: Fraction = 0.35
    """Share of the log that configs are tuned on: its middle part."""
    confirm: Fraction = 0.35
    """Share of the log that the recommended config is confirmed on: its last part."""

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
    """When the impression was."""
    item: str
    """Which item was shown."""
    propensity: str
    """With which probability the logging policy showed the item there."""
    position: str | None = None
    """Where on the slate it was shown; left out, slates have one position."""
    pool: str | None = None
    """Out of which items it was chosen; left out, out of all of them."""
    slate: str | None = None
    """Which slate it was on; left out, every row is a unit of its own."""
    propensities: str | None = None
    """With which probability the logging policy showed the item at each position of the slate:
    `0.2;0.1;0.1`. For slate model "position-based" only."""
    slate_propensity: str | None = None
    """With which probability the logging policy showed the whole slate. For slate model "standard" only."""


class Slates(Table):
    """What is assumed of users who see the rows of a slate together."""

    model: SlateModel = "item-position"
    """`item-position`: what a position earns depends on the item there, not on the others;
    `position-based`: it is the position's examination times the item's worth; `standard`: nothing."""
    examination: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Listed, Field(min_length=1)] | None = (
        None
    )
    """How often each position is looked at, from the first on, up to a common factor. For model
    "position-based"."""
    clicks: str | None = None
    """The outcome that examination is estimated from on the fit part, where it is not given."""

    @model_validator(mode="after")
    def _examined(self) -> Slates:
        given = (self.examination is not None) + (self.clicks is not None)
        if given != (self.model == "position-based"):
            raise PydanticCustomError(
                "replay_slates",
                "the position-based model, and only that, needs to know how positions are examined",
                {
                    "help": 'write examination = [1.0, 0.6, ...] or clicks = "OUTCOME" to estimate it, with '
                    'model = "position-based"; and neither without it'
                },
            )
        return self


class Replay(Table):
    """Logged interactions with propensities. Paths are relative to the task file; `log` may be a pattern.

    `outcomes`: name of a metric (or of its numerator or denominator) -> column of the log; a name that
    is not listed is its own column. A metric whose arm has an effective sample size below `min_ess`
    is missing. `clip` is the largest importance weight.
    """

    log: str
    """The log, by its path from the task file: CSV, gzipped CSV or Parquet; may be a pattern."""
    items: str | None = None
    """A file with one row per item."""
    format: Literal["table", "kuairand"] = "table"
    """`table` for columns that are named here; `kuairand` for KuaiRand's own layout."""
    columns: ReplayColumns | None = None
    """Which column is which; for format = "table" only."""
    outcomes: Mapping[str, str] = Field(default_factory=dict)
    """METRIC (or its numerator or denominator) = column of the log; by default the column of the same
    name."""
    policy: Literal["softmax", "top"] = "softmax"
    """How a config chooses: by a softmax of the score, or the `top` slate itself."""
    estimator: Literal["snips", "ips", "dr"] = "snips"
    """`snips` normalises the importance weights by their sum, `ips` does not; `dr` is doubly robust: it
    weighs only what a model of the outcomes, fitted on the fit part, gets wrong."""
    slates: Slates | None = None
    """What is assumed of users who see a slate; for logs with a column `slate`."""
    split: Split = Field(default_factory=Split)
    """Shares of the log in order of time, adding up to 1."""
    clip: Annotated[float, Field(gt=1)] | None = None
    """The largest importance weight; left out, weights are as they are."""
    min_ess: Annotated[float, Field(gt=0)] = 200.0
    """Effective sample size, in impressions, below which an arm's metric is missing."""
    signals: Mapping[str, ReplaySignal] = Field(default_factory=dict)
    """Where each signal comes from in the log."""

    @model_validator(mode="after")
    def _columns_of_format(self) -> Replay:
        if (self.columns is None) == (self.format == "table"):
            raise PydanticCustomError(
                "replay_columns",
                "a table needs its columns named, and only a table",
                {"help": "write [replay.columns] for format table, and leave it out for kuairand"},
            )
        return self

    @property
    def slate_model(self) -> SlateModel | None:
        """None where the rows of the log are not linked."""
        if self.columns is None or self.columns.slate is None:
            return None
        return self.slates.model if self.slates is not None else "item-position"
