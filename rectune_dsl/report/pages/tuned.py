"""What is tuned, and what that shows users: params, and slates before and after."""

from __future__ import annotations

from rectune_dsl.report.configs import config_table, is_moved
from rectune_dsl.report.facts.records import ArmFacts, Facts, FeatureFacts, ParamFacts, SlateFacts
from rectune_dsl.report.pages.arms import ELSEWHERE, MOST_ROWS, chosen, interval, left_out, rounded, safety
from rectune_dsl.report.pages.blocks import Block, Figure, Panel, Prose, Row
from rectune_dsl.report.tables import Table, first_rows, table
from rectune_dsl.report.words import number, percent

MOST_LINES = 120
"""Configs of the parallel coordinates."""
MOST_AXES = 24
"""Params that they show."""


def params(facts: Facts) -> tuple[Block, ...]:
    """Every tested config through every param, from bound to bound, and production."""
    shown = chosen(facts, MOST_LINES)
    axes = _axes(facts.params)
    rows = [row for arm in shown for row in _line(arm, facts, axes)]
    rows += _marked("production", axes, {p.name: (p.production, p.production_unit) for p in axes})
    moved = [p for p in facts.params if is_moved(p)]
    if moved:
        after = {p.name: (p.recommended or 0.0, p.recommended_unit or 0.0) for p in axes}
        rows += _marked("recommended", axes, after)
    most = max((abs(a.objective.value) for a in shown if a.objective), default=0.01) * 100
    note = left_out(facts, shown)
    if len(axes) < len(facts.params):
        note += (
            f" {len(axes)} of {len(facts.params)} params are drawn: those that the recommendation moves most."
        )
    figure = Figure(
        "params",
        "Configs from bound to bound",
        f"Parallel coordinates: {len(shown)} tested configs through {len(axes)} params, each from its lower "
        f"to its upper bound. {_recommendation(moved)}",
        (Panel("", "parallel", tuple(rows), {"most": rounded(most)}),),
        _configs_table(facts),
        key="■ production, ▲ recommended; a line per tested config: solid if it is safe, dashed if not, "
        "dotted where a guardrail was not measured; its colour is U",
        note=note.strip(),
    )
    return (first_rows(config_table(facts.params, "params"), MOST_ROWS, ELSEWHERE), figure)


def slates(facts: Facts) -> tuple[Block, ...]:
    """What users are shown that they were not."""
    found = facts.slates
    if found is None:
        return (Prose(f"Not looked at: {facts.no_slates}."),)
    kept = found.overlap * found.places
    words = (
        f"On {found.requests} logged requests, {found.of} keeps {kept:.1f} of the first {found.places} items "
        f"on average (overlap@{found.places} {found.overlap:.0%}); {found.unchanged:.0%} of the requests "
        f"show the same items there.{_largest(found)}"
    )
    told = [f for f in found.features if f.change is not None]
    panels = [
        Panel(
            "Change of what slates show",
            "changes",
            tuple(map(_change, told)),
            {"x": "change, %", "rows": len(told)},
        ),
        Panel("Requests by items kept", "counts", _kept(found), _kept_titles(found)),
    ]
    figure = Figure(
        "slates",
        "Before and after",
        words,
        tuple(panels),
        _features_table(found),
        key="means weigh places as nDCG does: the first counts most",
    )
    return (Prose(words), figure)


def _largest(found: SlateFacts) -> str:
    """The largest relative change, in a sentence of its own; empty where nothing changes."""
    largest = max(found.features, key=lambda feature: abs(feature.change or 0.0), default=None)
    if largest is None or not largest.change:
        return ""
    return f" The largest change is {percent(largest.change)} {largest.words}."


def _recommendation(moved: list[ParamFacts]) -> str:
    if not moved:
        return "No other config than production is recommended."
    parts = (f"{p.name} {number(p.production)} to {number(p.recommended or 0.0)}" for p in moved)
    return f"Recommended are {', '.join(parts)}."


def _axes(params: tuple[ParamFacts, ...]) -> tuple[ParamFacts, ...]:
    """At most MOST_AXES params: those that the recommended config moves furthest first."""
    if len(params) <= MOST_AXES:
        return params

    def moved(param: ParamFacts) -> float:
        after = param.recommended_unit
        return 0.0 if after is None else abs(after - param.production_unit)

    taken = {p.name for p in sorted(params, key=moved, reverse=True)[:MOST_AXES]}
    return tuple(p for p in params if p.name in taken)


def _line(arm: ArmFacts, facts: Facts, axes: tuple[ParamFacts, ...]) -> list[Row]:
    u = None if arm.objective is None else rounded(arm.objective.value * 100)
    own = {"name": arm.name, "role": "arm", "u": u, "safety": safety(arm, facts.floor)}
    return [
        {**own, "param": p.name, "unit": rounded(arm.units[p.name]), "value": arm.config[p.name]}
        for p in axes
    ]


def _marked(role: str, axes: tuple[ParamFacts, ...], values: dict[str, tuple[float, float]]) -> list[Row]:
    return [
        {
            "name": role,
            "role": role,
            "u": None,
            "safety": "",
            "param": p.name,
            "value": values[p.name][0],
            "unit": rounded(values[p.name][1]),
        }
        for p in axes
    ]


def _configs_table(facts: Facts) -> Table:
    names = [p.name for p in facts.params]
    rows = [
        [arm.name, interval(arm.objective), safety(arm, facts.floor), *(number(arm.config[n]) for n in names)]
        for arm in facts.arms
    ]
    production = ["production", "0", "", *(number(p.production) for p in facts.params)]
    whole = table("configs", ("arm", "U", "safety", *names), [production, *rows], numbers=("U", *names))
    return first_rows(whole, MOST_ROWS, ELSEWHERE)


def _change(feature: FeatureFacts) -> Row:
    return {"name": feature.words, "value": rounded((feature.change or 0.0) * 100)}


def _kept(found: SlateFacts) -> tuple[Row, ...]:
    return tuple({"name": str(kept), "value": float(n)} for kept, n in enumerate(found.overlaps))


def _kept_titles(found: SlateFacts) -> Row:
    return {"x": f"items kept of the first {found.places}", "y": "requests"}


def _features_table(found: SlateFacts) -> Table:
    headings = ("what slates show", "production", found.of, "change")
    rows = [
        [f.words, f"{f.before:.4g}", f"{f.after:.4g}", "" if f.change is None else percent(f.change)]
        for f in found.features
    ]
    return table("slates before and after", headings, rows, numbers=headings[1:])
