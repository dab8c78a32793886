"""A simulated world in six panels: rates, two of its models, topics, users and items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.report.pages.blocks import Panel, Row
from rectune_dsl.simulator.describe import STAGES, Description, concentration, topic_shares
from rectune_dsl.simulator.measures import DAYS, LEAST_LOOKED, Measured
from rectune_dsl.simulator.targets import EXPOSURE

TARGET, CATALOGUE = "target", "catalogue"
_TOPICS = 20
"""Topics that are shown one by one."""
_BINS = 40
_RANKS = 200
"""Places at which a curve over all items is read, evenly apart on a log scale."""


def title(told: Description) -> str:
    return f"World {told.file.name}: {told.users:,} users under each exposure, {DAYS} days"


def panels(told: Description) -> tuple[Panel, ...]:
    """Everything that the picture of a world shows."""
    drawn = (_rates, _aucs, _reliability, _topics, _users, _concentration)
    return tuple(panel(told) for panel in drawn)


def _rates(told: Description) -> Panel:
    """Each measure under both exposures, and what was measured in reality. On a log scale there is no 0: who
    never happens has no point."""
    kinds = tuple(told.both)
    found = [(name, kind, told.both[kind].rate(name)) for name in told.measures for kind in kinds]
    found += [
        (target.of, TARGET, value)
        for target in told.file.targets.values()
        if target.per == EXPOSURE and target.of in told.measures
        for value in (target.random, target.standard)
        if value is not None
    ]
    rows = tuple(_valued(*one) for one in found if one[2] > 0)
    options = _apart(*kinds, TARGET) | {"x": "per exposure (log scale)"}
    return Panel("Rates per exposure", "rates", rows, options)


def _aucs(told: Description) -> Panel:
    names = tuple(told.file.responses)
    rows = tuple(
        _valued(f"p_{name}", stage, told.heads[stage][name].auc) for name in names for stage in STAGES
    )
    options = _apart(*STAGES) | {"x": "AUC against the responses that would follow"}
    return Panel("Heads: AUC by stage", "aucs", rows, options)


def _reliability(told: Description) -> Panel:
    """By tenths of each head's values: how far what it says is from what is true there."""
    heads = {f"p_{name}": head for name, head in told.heads[STAGES[-1]].items()}
    rows = [row for name, head in heads.items() for row in _curve(name, head.true, head.said / head.true)]
    options = _apart(*heads)
    options["x"] = "true mean, by tenths of what the head says (log scale)"
    options["y"] = "said / true (log scale)"
    return Panel(f"Heads: reliability at {STAGES[-1]}", "reliability", tuple(rows), options)


def _topics(told: Description) -> Panel:
    """The largest topics: their share of the catalogue, and of the exposures."""
    catalogue, _ = topic_shares(told.found.random)
    largest = np.argsort(catalogue)[::-1][:_TOPICS]
    shares = {CATALOGUE: catalogue} | {kind: topic_shares(m)[1] for kind, m in told.both.items()}
    rows = tuple(
        _valued(str(topic), kind, 100 * share[topic]) for kind, share in shares.items() for topic in largest
    )
    effective = told.found.random.others()["topics_effective"]
    few = largest.size < catalogue.size
    options = _apart(*told.both, CATALOGUE) | {"x": f"topic, the {largest.size} largest" if few else "topic"}
    options["y"] = "share (%)"
    return Panel(f"Topics: {effective:.1f} effective of {catalogue.size}", "topics", rows, options)


def _users(told: Description) -> Panel:
    """How many users have which rate of the first response; a row per edge of a bin, with the share of users
    from there to the next edge."""
    first = told.file.first
    own = {kind: measured.own_rates() for kind, measured in told.both.items()}
    longest = min(1.0, 1.15 * max(float(np.quantile(rates, 0.995)) for rates in own.values())) or 1.0
    labels, rows = [], []
    for kind, rates in own.items():
        middle, ninth = np.quantile(rates, (0.5, 0.9)) * 100
        labels.append(f"{kind}: p50 {middle:.1f} %, p90 {ninth:.1f} %")
        counted, edges = np.histogram(rates, np.linspace(0, longest, _BINS + 1))
        shares = [*(100 * counted / rates.size), 0.0]
        rows += _curve(labels[-1], edges * 100, shares)
    options = _apart(*labels)
    options["x"] = f"{first} per exposure (%), of users with {LEAST_LOOKED} exposures or more"
    options["y"] = "users (%)"
    return Panel(f"Users by their own rate of {first}", "users", tuple(rows), options)


def _concentration(told: Description) -> Panel:
    """Share of the exposures that the most exposed items have; the top 1 % of the items is labelled."""
    labels: list[str] = []
    rows: list[Row] = []
    for kind, measured in told.both.items():
        shares = 100 * concentration(measured)
        ranks = _ranks(shares.size)
        labels.append(f"{kind}: Gini {measured.others()['exposure_gini']:.2f}")
        rows += _curve(labels[-1], 100 * ranks / shares.size, shares[ranks - 1])
        rows.append(_top(labels[-1], measured))
    options = _apart(*labels)
    options["x"] = "most exposed items (% of the catalogue, log scale)"
    options["y"] = "share of the exposures (%)"
    return Panel("Concentration of exposure", "concentration", tuple(rows), options)


def _top(label: str, measured: Measured) -> Row:
    items = measured.tally.items.size
    share = 100 * measured.others()["top_1pct_share"]
    return {"kind": label, "x": 100 * max(1, items // 100) / items, "y": share, "label": f"{share:.1f} %"}


def _ranks(items: int) -> NDArray[np.int64]:
    """Ranks from 1 to all, the first and the last among them."""
    return np.unique(np.geomspace(1, items, _RANKS).round().astype(np.int64))


def _curve(kind: str, xs: NDArray[np.float64], ys: Sequence[float] | NDArray[np.float64]) -> list[Row]:
    return [{"kind": kind, "x": float(x), "y": float(y)} for x, y in zip(xs, ys, strict=True)]


def _valued(name: str, kind: str, value: float) -> Row:
    return {"name": name, "kind": kind, "value": float(value)}


def _apart(*kinds: str) -> dict[str, str | float | bool | None]:
    """The option that names what is told apart."""
    return {"names": "\n".join(kinds)}
