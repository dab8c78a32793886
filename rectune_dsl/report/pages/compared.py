"""The page of a comparison: campaigns side by side."""

from __future__ import annotations

from collections.abc import Callable

from rectune_dsl.report.facts.comparison import Comparison, Side
from rectune_dsl.report.pages.arms import interval, rounded
from rectune_dsl.report.pages.blocks import Block, Figure, Listing, Page, Panel, Prose, Row, Section
from rectune_dsl.report.tables import Cell, Table, table
from rectune_dsl.report.words import count, number, percent

MOST_NAMED = 5
"""Arms beyond a guardrail that are named."""


def page(found: Comparison) -> Page:
    """The outcomes first, then what differs in what was asked, the rounds, the configs."""
    runs = ", ".join(side.run for side in found.sides)
    sections = (
        Section("outcomes", "Outcomes", _outcomes(found)),
        Section("rounds", "Over rounds", _rounds(found)),
        Section("configs", "Recommended configs", (_configs(found),)),
        Section("differences", "What differs", _differences(found)),
    )
    return Page(f"Comparison of {count(len(found.sides), 'campaign')}", (f"Runs {runs}.",), sections)


def _outcomes(found: Comparison) -> tuple[Block, ...]:
    rows: list[tuple[str, Callable[[Side], str | Cell]]] = [
        ("task", lambda side: side.task),
        ("verdict", lambda side: Cell(side.state, "strong")),
        ("U in the confirmation", lambda side: interval(side.confirmed) if side.confirmed else "-"),
        ("level of its bounds", lambda side: f"{side.alpha:.2g}" if side.alpha is not None else "-"),
        ("safe gain", lambda side: interval(side.safe_gain) if side.safe_arm else "0 (production)"),
        ("best U measured", lambda side: interval(side.best) if side.best else "-"),
        ("rounds", lambda side: str(side.rounds)),
        ("arms measured", lambda side: str(side.arms)),
        ("arms beyond a guardrail", _beyond),
        ("experiments", lambda side: str(side.experiments)),
        ("users", lambda side: f"{side.users:,}"),
        ("days of traffic", lambda side: str(side.days)),
        ("language models, USD", _dollars),
    ]
    if found.target is not None:
        title = f"rounds until a safe gain of {percent(found.target)}"
        rows.insert(6, (title, lambda side: str(side.reached_in) if side.reached_in else "-"))
    cells = [[name, *(of(side) for side in found.sides)] for name, of in rows]
    shown = _of_runs("outcomes", "", found, cells)
    words = (
        "Intervals are at 90 %; the verdict's bounds are one-sided, at the level of that confirmation. Safe "
        "gains and best U are raw measurements, of which the best is flattered; see each run's report."
    )
    told: tuple[Block, ...] = (shown, Prose(words, "dim"))
    if found.not_comparable:
        return (
            Prose("Not everything here can be compared.", "doubtful"),
            Listing(found.not_comparable),
            *told,
        )
    return told


def _rounds(found: Comparison) -> tuple[Block, ...]:
    if not found.same_objective:
        return (Prose("U is not the same in all runs, so that their rounds are not drawn together."),)
    names = [_name(found, at) for at in range(len(found.sides))]
    options: Row = {"y": "U, %", "names": "\n".join(names), "rounds": _longest(found)}
    gains: list[Row] = []
    bests: list[Row] = []
    for name, side in zip(names, found.sides, strict=True):
        for round, (gain, best) in enumerate(zip(side.gains, side.bests, strict=True), 1):
            gains.append({"name": name, "x": float(round), "value": rounded(gain * 100)})
            if best is not None:
                bests.append({"name": name, "x": float(round), "value": rounded(best * 100)})
    rows = [[str(number), *_at(found, number - 1)] for number in range(1, _longest(found) + 1)]
    figure = Figure(
        "rounds",
        "Safe gain and best U after each round",
        f"Two panels with a stepped line for each of {len(names)} runs.",
        (
            Panel("Safe gain", "campaigns", tuple(gains), options),
            Panel("Best U", "campaigns", tuple(bests), options),
        ),
        _of_runs("safe gain after each round", "round", found, rows),
    )
    return (figure,) if rows else (Prose("No run has a round."),)


def _configs(found: Comparison) -> Table:
    names = dict.fromkeys(name for values in found.production for name in values)
    rows: list[list[str | Cell]] = []
    for name in names:
        cells = []
        for side, production in zip(found.sides, found.production, strict=True):
            value, before = (side.config or {}).get(name), production.get(name)
            text = "-" if value is None else number(value)
            cells.append(Cell(text, "strong" if value is not None and value != before else "dim"))
        served = {number(values[name]) for values in found.production if name in values}
        rows.append([name, " / ".join(sorted(served)), *cells])
    heads = ("param", "production", *(_name(found, at) for at in range(len(found.sides))))
    note = "- where nothing is recommended, or the task does not have the param."
    return table("recommended configs", heads, rows, numbers=heads[1:], note=note)


def _differences(found: Comparison) -> tuple[Block, ...]:
    if not found.differences:
        return (Prose("The runs were started with the same task, seed and version."),)
    rows = [[one.setting, *one.values] for one in found.differences]
    return (_of_runs("what the runs were started with", "setting", found, rows),)


def _of_runs(
    title: str, first: str, found: Comparison, rows: list[list[str | Cell]] | list[list[str]]
) -> Table:
    heads = (first, *(_name(found, at) for at in range(len(found.sides))))
    return table(title, heads, rows)


def _name(found: Comparison, at: int) -> str:
    """The run; with its place where one run is compared with itself."""
    runs = [side.run for side in found.sides]
    return runs[at] if runs.count(runs[at]) == 1 else f"{runs[at]} ({at + 1})"


def _beyond(side: Side) -> str:
    names = side.beyond_guardrail
    more = f", and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    named = f": {', '.join(names[:MOST_NAMED])}{more}" if names else ""
    return f"{len(names)}{named}"


def _longest(found: Comparison) -> int:
    return max(side.rounds for side in found.sides)


def _at(found: Comparison, index: int) -> list[str]:
    return [percent(side.gains[index]) if index < side.rounds else "-" for side in found.sides]


def _dollars(side: Side) -> str:
    if not side.calls:
        return "-"
    return f"{side.usd:.4f}" + (f" + {side.unpriced} unpriced" if side.unpriced else "")
