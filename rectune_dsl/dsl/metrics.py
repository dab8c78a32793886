"""Metrics: what a backend measures, of all users or of a segment's."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rectune_dsl.dsl.table import Fraction, Table

USERS = "users"
"""The column that counts users: those of a unit that is a group of them; of a segment as `users@SEGMENT`."""


class Metric(Table):
    """What the backend measures. One with a goal is a north star."""

    goal: Literal["maximize", "minimize"] | None = None
    """What a better config does to it. A metric with a goal is a north star; at least one is needed."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Weight of its lift in the objective U, the weighted sum of the north stars' lifts."""
    kind: Literal["mean", "proportion", "ratio", "quantile"] = "mean"
    """`mean` per user, `proportion` of users, `ratio` of two sums, or `quantile` over users of what each
    has. A quantile can be guarded, and be nothing else."""
    numerator: str | None = None
    """The column summed above the line; for ratios only."""
    denominator: str | None = None
    """The column summed below the line; for ratios only."""
    column: str | None = None
    """The column whose values are ordered; for quantiles only, and by default that of the metric's name."""
    quantile: Fraction | None = None
    """The share of users with no more than it, such as 0.95; for quantiles only."""
    winsorize: Fraction | None = None
    """A user's value counts as this quantile of production's users where it is larger; for means only. The
    cap is fixed before each experiment, and the covariate has none."""
    covariate: str | None = None
    """A column from before the experiment that CUPED takes noise out with; nothing that the experiment can
    move."""
    matures_after_days: Annotated[int, Field(ge=0)] = 0
    """Days after an experiment's last day until the metric is complete."""
    about: str = ""
    """What it measures, for people."""

    @property
    def sign(self) -> int:
        """+1 when more is better, -1 when less is, 0 for no goal."""
        return {"maximize": 1, "minimize": -1, None: 0}[self.goal]

    def columns(self, name: str) -> tuple[str, ...]:
        """The per-user columns it is computed from."""
        own = (self.numerator, self.denominator) if self.kind == "ratio" else (self.column or name,)
        return tuple(c for c in (*own, self.covariate) if c is not None)

    @property
    def counts(self) -> str | None:
        """The column that is 1 for the users it is about; None where it is about all."""
        return None

    @property
    def is_share(self) -> bool:
        """Whether its level is a share of users, each of whom is a unit."""
        return self.kind == "proportion"

    @property
    def covariate_per(self) -> str | None:
        """The column that the covariate is divided by; None where it is a mean itself."""
        return None

    def within(self, name: str, segment: str) -> SegmentMetric:
        """The same metric over the users of a segment: a ratio of columns that are 0 for everybody else.
        `users@SEGMENT` is 1 for the segment's users."""
        ratio = self.kind == "ratio"
        return SegmentMetric(
            segment=segment,
            share=self.is_share,
            kind="ratio",
            numerator=f"{self.numerator if ratio else name}@{segment}",
            denominator=f"{self.denominator}@{segment}" if ratio else f"{USERS}@{segment}",
            matures_after_days=self.matures_after_days,
            about=self.about,
        )

    def over_units(self, name: str) -> UnitMetric:
        """The same metric where the unit is a group of users: a ratio of sums over units, by `users` where
        it is a mean over users."""
        ratio = self.kind == "ratio"
        return UnitMetric(
            goal=self.goal,
            weight=self.weight,
            kind="ratio",
            numerator=self.numerator if ratio else name,
            denominator=self.denominator if ratio else USERS,
            covariate=self.covariate,
            matures_after_days=self.matures_after_days,
            about=self.about,
            counted=self.counts,
        )


class SegmentMetric(Metric):
    """A metric of a segment's users, as `Metric.within` makes it; no file says it."""

    segment: str
    share: bool
    """Whether it is a proportion of the segment's users."""

    @property
    def counts(self) -> str:
        return f"{USERS}@{self.segment}"

    @property
    def is_share(self) -> bool:
        return self.share

    def columns(self, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*super().columns(name), self.counts)))


class UnitMetric(Metric):
    """A metric over units that are groups of users, as `Metric.over_units` makes it; no file says it."""

    counted: str | None
    """The column of the users it is about, where it is not about all."""

    @property
    def counts(self) -> str | None:
        return self.counted

    @property
    def covariate_per(self) -> str:
        return USERS

    def columns(self, name: str) -> tuple[str, ...]:
        more = [c for c in (self.counts, self.covariate and self.covariate_per) if c]
        return tuple(dict.fromkeys((*super().columns(name), *more)))
