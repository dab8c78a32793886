"""A simulated world in one picture. The only place that knows of matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.simulator.describe import STAGES, Description, concentration, topic_shares
from rectune_dsl.simulator.measures import Measured
from rectune_dsl.simulator.targets import EXPOSURE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {"random": "#4c78a8", "standard": "#e4572e"}
"""Kinds of exposure, in every panel."""
_EARLY, _INK, _FAINT = "#9aa5b1", "#333333", "#dddddd"
_TOPICS = 20
_STYLE: Any = {
    "font.size": 9.5,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "#888888",
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _FAINT,
    "legend.frameon": False,
}


def drawable(path: Path) -> None:
    """Raises UsageError without matplotlib, or when it knows no format of the path's ending."""
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError:
        help = "pip install 'rectune[report]'"
        raise UsageError("drawing needs matplotlib", help=help) from None
    known = FigureCanvasBase.get_supported_filetypes()
    if path.suffix.lower().removeprefix(".") not in known:
        message = f"cannot draw {path}: {path.suffix or 'a name without an ending'} is no format of pictures"
        raise UsageError(message, help="name a file that ends in .png")


def draw(told: Description, path: Path) -> None:
    """Write the picture; its format follows from the path's ending, which has to be `drawable`. Raises
    UsageError when it cannot be written."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(15, 9.4), layout="constrained")
        FigureCanvasAgg(figure)
        title = f"World {told.file.name}: {told.users:,} users under each exposure, 17 days"
        figure.suptitle(title, x=0.01, ha="left", fontsize=14, fontweight="bold")
        panels = (_rates, _aucs, _reliability, _topics, _users, _concentration)
        for axes, panel in zip(figure.subplots(2, 3).flat, panels, strict=True):
            panel(axes, told)
        try:
            figure.savefig(path, dpi=130)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error}", help="name another file") from None


def _rates(axes: Axes, told: Description) -> None:
    """Each measure under both exposures, and what was measured in reality."""
    names = told.measures
    rows = np.arange(len(names))
    rates = {kind: [m.rate(name) for name in names] for kind, m in told.both.items()}
    axes.hlines(rows, rates["random"], rates["standard"], color=_FAINT, lw=3, zorder=1)
    for kind, color in COLORS.items():
        axes.scatter(rates[kind], rows, s=42, color=color, zorder=3, label=f"{kind} exposure")
    first = True
    for target in told.file.targets.values():
        if target.per == EXPOSURE and target.of in names:
            for kind in COLORS:
                if (value := getattr(target, kind)) is not None:
                    label = "target" if first else None
                    where = names.index(target.of)
                    axes.scatter(value, where, s=90, marker="|", color=_INK, zorder=4, label=label)
                    first = False
    axes.set_xscale("log")
    _list(axes, names)
    axes.set(title="Rates per exposure", xlabel="per exposure (log scale)")
    axes.legend(loc="lower left" if rates["random"][-1] > rates["random"][0] else "best", fontsize=8.5)


def _aucs(axes: Axes, told: Description) -> None:
    names = tuple(told.file.responses)
    rows = np.arange(len(names))
    early, full = ([told.heads[stage][name].auc for name in names] for stage in STAGES)
    axes.hlines(rows, early, full, color=_FAINT, lw=3, zorder=1)
    axes.scatter(early, rows, s=42, color=_EARLY, zorder=3, label=STAGES[0])
    axes.scatter(full, rows, s=42, color=_INK, zorder=3, label=STAGES[1])
    _list(axes, [f"p_{name}" for name in names])
    axes.set_xlim(min(*early, *full) - 0.03, max(*early, *full) + 0.03)
    axes.set(title="Heads: AUC by stage", xlabel="AUC against the responses that would follow")
    axes.legend(loc="best", fontsize=8.5)


def _reliability(axes: Axes, told: Description) -> None:
    """By tenths of each head's values: how far what it says is from what is true there."""
    import matplotlib as mpl

    axes.axhline(1, color="#888888", lw=1, ls="--", zorder=1)
    colors = mpl.color_sequences["tab10"] * 3
    for color, (name, head) in zip(colors, told.heads[STAGES[-1]].items(), strict=False):
        factor = head.said / head.true
        axes.plot(head.true, factor, marker="o", ms=3.5, lw=1.4, color=color, label=f"p_{name}")
    axes.set(xscale="log", yscale="log", title="Heads: reliability at ranking")
    axes.set(xlabel="true mean, by tenths of what the head says (log scale)", ylabel="said / true")
    axes.set_ylim(top=axes.get_ylim()[1] * 1.35)
    ticks = [
        tick
        for tick in (0.3, 0.5, 0.7, 0.8, 1, 1.2, 1.5, 2, 3)
        if axes.get_ylim()[0] <= tick <= axes.get_ylim()[1]
    ]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(alpha=0.7)
    axes.legend(fontsize=8, ncols=3, labelspacing=0.25, loc="upper center")


def _topics(axes: Axes, told: Description) -> None:
    shares, _ = topic_shares(told.found.random)
    order = np.argsort(shares)[::-1][:_TOPICS]
    places = np.arange(order.size)
    axes.bar(places, shares[order] * 100, color=_FAINT, width=0.85, label="catalogue")
    for kind, measured in told.both.items():
        _, exposed = topic_shares(measured)
        axes.plot(places, exposed[order] * 100, marker="o", ms=4, lw=1, color=COLORS[kind], label=kind)
    effective = told.found.random.others()["topics_effective"]
    axes.set_xticks(places, [str(topic) for topic in order], fontsize=8)
    axes.set(title=f"Topics: {effective:.1f} effective of {shares.size}", ylabel="share (%)")
    axes.set_xlabel(f"topic, the {order.size} largest" if shares.size > order.size else "topic")
    axes.legend(fontsize=8.5)


def _users(axes: Axes, told: Description) -> None:
    longest = 100 * _longest(told.both)
    bins = np.linspace(0, longest, 41).tolist()
    for kind, measured in told.both.items():
        rates = measured.own_rates()
        weights = np.full(rates.size, 100 / max(rates.size, 1))
        middle, ninth = np.quantile(rates, (0.5, 0.9)) * 100
        label = f"{kind}: p50 {middle:.1f} %, p90 {ninth:.1f} %"
        axes.hist(rates * 100, bins, weights=weights, color=COLORS[kind], alpha=0.6, label=label)
    axes.set_xlim(0, longest)
    axes.set(title=f"Users by their own rate of {told.file.first}", ylabel="users (%)")
    axes.set_xlabel(f"{told.file.first} per exposure (%), users with 10 exposures or more")
    axes.legend(fontsize=8.5)


def _longest(both: Mapping[str, Measured]) -> float:
    return float(min(1.0, 1.15 * max(np.quantile(m.own_rates(), 0.995) for m in both.values())))


def _concentration(axes: Axes, told: Description) -> None:
    for kind, measured in told.both.items():
        shares = concentration(measured) * 100
        items = 100 * np.arange(1, shares.size + 1) / shares.size
        label = f"{kind}: Gini {measured.others()['exposure_gini']:.2f}"
        axes.plot(items, shares, color=COLORS[kind], lw=2, label=label)
        top = measured.others()["top_1pct_share"] * 100
        axes.plot(1, top, "o", color=COLORS[kind], ms=6)
        axes.annotate(f"{top:.1f} %", (1, top), (-6, 4), textcoords="offset points", ha="right", fontsize=9)
    axes.axvline(1, color="#bbbbbb", lw=0.8, ls=":", zorder=0)
    axes.set(xscale="log", ylim=(0, 101), title="Concentration of exposure")
    axes.set(xlabel="most exposed items (% of the catalogue, log scale)", ylabel="share of the exposures (%)")
    axes.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    axes.legend(fontsize=8.5, loc="upper left")


def _list(axes: Axes, names: Any) -> None:
    """Rows from top to bottom, with light lines to read along."""
    axes.set_yticks(np.arange(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.7)
    axes.set_axisbelow(True)
