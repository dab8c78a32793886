"""A simulated world in tables, and as JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from rich.console import Console

from rectune_dsl.report.console import plain_table
from rectune_dsl.report.words import number
from rectune_dsl.simulator.describe import QUANTILES, STAGES, Description, topic_shares

_TOPICS = 12
"""Topics that are shown one by one."""
_HEADINGS = tuple(f"p{q * 100:g}" for q in QUANTILES)


def print_description(out: Console, told: Description) -> None:
    """Rates, models, catalogue and users of a world."""
    out.print(f"world {told.file.name}: {told.sizes.items:,} items, {told.users:,} users under each exposure")
    out.print(told.file.about.strip())
    _print_rates(out, told)
    _print_heads(out, told)
    _print_correlations(out, told)
    _print_catalogue(out, told)
    _print_users(out, told)


def as_json(told: Description) -> str:
    """Everything that the tables and the picture show, for programs."""
    tree: dict[str, Any] = {
        "world": told.file.name,
        "about": told.file.about,
        "users": told.users,
        "items": told.sizes.items,
        "world_seed": told.sizes.seed,
        "rates": {name: _pair(told, name) for name in told.measures},
        "others": {kind: dict(measured.others()) for kind, measured in told.both.items()},
        "heads": {
            stage: {
                name: {"auc": head.auc, "said": head.said.tolist(), "true": head.true.tolist()}
                for name, head in heads.items()
            }
            for stage, heads in told.heads.items()
        },
        "correlations": told.correlations.tolist(),
        "topics": _topics(told),
        "size": dict(zip(_HEADINGS, told.sizes_at().tolist(), strict=True)),
        "activity": [vars(one) for one in told.activity],
        "user_rates": {
            kind: dict(zip(_HEADINGS, np.quantile(m.own_rates(), QUANTILES).tolist(), strict=True))
            for kind, m in told.both.items()
        },
    }
    return json.dumps(tree, indent=2, ensure_ascii=False)


def _pair(told: Description, name: str) -> dict[str, float]:
    return {kind: measured.rate(name) for kind, measured in told.both.items()}


def _topics(told: Description) -> dict[str, list[float]]:
    catalogue, random = topic_shares(told.found.random)
    _, standard = topic_shares(told.found.standard)
    return {"catalogue": catalogue.tolist(), "random": random.tolist(), "standard": standard.tolist()}


def _print_rates(out: Console, told: Description) -> None:
    heads = ("random", "standard", "ratio")
    table = plain_table("per exposure", "measure", *heads, numbers=heads)
    for name in told.measures:
        pair = _pair(told, name)
        _add(table, name, pair["random"], pair["standard"], pair["standard"] / max(pair["random"], 1e-12))
    out.print(table)


def _print_heads(out: Console, told: Description) -> None:
    heads = [f"AUC {stage}" for stage in STAGES] + [f"said / true {stage}" for stage in STAGES]
    title = "models: how well they order candidates, and their mean over the true mean"
    table = plain_table(title, "head", *heads, numbers=tuple(heads))
    for name in told.file.responses:
        seen = [told.heads[stage][name] for stage in STAGES]
        aucs = [f"{head.auc:.3f}" for head in seen]
        table.add_row(f"p_{name}", *aucs, *(f"{head.said.mean() / head.true.mean():.2f}" for head in seen))
    out.print(table)


def _print_correlations(out: Console, told: Description) -> None:
    names = tuple(told.file.responses)
    table = plain_table("correlations of the heads' log-odds at ranking", "", *names, numbers=names)
    for name, row in zip(names, told.correlations, strict=True):
        table.add_row(f"p_{name}", *(f"{value:.2f}" for value in row))
    out.print(table)


def _print_catalogue(out: Console, told: Description) -> None:
    shares = _topics(told)
    largest = np.argsort(shares["catalogue"])[::-1][:_TOPICS]
    heads = tuple(str(topic) for topic in largest)
    title = f"topics: shares in % of the {len(heads)} largest of {told.file.items.topics}"
    table = plain_table(title, "of", *heads, numbers=heads)
    for kind, values in shares.items():
        table.add_row(kind, *(f"{values[topic] * 100:.1f}" for topic in largest))
    out.print(table)
    others = {kind: measured.others() for kind, measured in told.both.items()}
    effective = others["random"]["topics_effective"]
    out.print(f"effective number of topics {effective:.1f}")
    for kind, found in others.items():
        share, gini = found["top_1pct_share"], found["exposure_gini"]
        out.print(f"the top 1 % of items has {share * 100:.1f} % of {kind} exposure (Gini {gini:.2f})")
    size = plain_table("sizes of items", "", *_HEADINGS, numbers=_HEADINGS)
    _add(size, told.file.items.size.name, *told.sizes_at())
    out.print(size)


def _print_users(out: Console, told: Description) -> None:
    heads = ("share", "comes per day", "items per visit", "new")
    table = plain_table("activity classes", "class", *heads, numbers=heads)
    for at, one in enumerate(told.activity):
        percents = [f"{value * 100:.1f} %" for value in (one.share, one.daily, one.new)]
        table.add_row(str(at), percents[0], percents[1], f"{one.looked:.1f}", percents[2])
    out.print(table)
    looked = plain_table("exposures per user in 17 days", "", *_HEADINGS, numbers=_HEADINGS)
    rates = plain_table(f"users by their own rate of {told.file.first}", "", *_HEADINGS, numbers=_HEADINGS)
    for kind, measured in told.both.items():
        _add(looked, kind, *np.quantile(measured.looked, QUANTILES))
        _add(rates, kind, *np.quantile(measured.own_rates(), QUANTILES))
    out.print(looked)
    out.print(rates)


def _add(table: Any, name: str, *values: float) -> None:
    table.add_row(name, *(number(float(f"{value:.3g}")) for value in values))
