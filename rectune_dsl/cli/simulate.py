"""`rectune simulate`"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rectune_dsl.cli.outputs import json_option, quiet_option, tell_written, writable, write_or_print
from rectune_dsl.cli.values import SEED

if TYPE_CHECKING:
    from rectune_dsl.simulator.world import Sizes
    from rectune_dsl.simulator.worldfile import WorldFile

F = TypeVar("F", bound=Callable[..., Any])
_CALIBRATION_SEED = 1
_SEED = 2
_USERS = 27_000
_MEASURING = "measuring users of the world"
_MORE = 4
"""Times as many users are measured before and after calibration as in each of its rounds."""

world_argument = click.argument("world")


@click.group("simulate")
def command() -> None:
    """Look into simulated worlds, hold them against measurements, and fit them to your own.

    WORLD is short-video, news-feed, shop, or a world file that ends in .toml.
    """


def measured_options(verb: F) -> F:
    """How many users are measured, and which."""
    for option in (
        json_option,
        click.option(
            "--users",
            type=click.IntRange(min=500),
            default=_USERS,
            show_default=True,
            help="Users who come under each kind of exposure. How concentrated exposure is depends on them.",
        ),
        click.option(
            "--seed",
            type=SEED,
            default=_SEED,
            show_default=True,
            help="Names the users and occasions that are measured.",
        ),
    ):
        verb = option(verb)
    return verb


@command.command("fit")
@world_argument
@measured_options
@click.option("--require-met", is_flag=True, help="Exit with 1 when a main target is missed.")
@quiet_option("print how many targets are met in a line, or what --json asks for.")
def fit(world: str, seed: int, users: int, as_json: bool, require_met: bool, quiet: bool) -> None:
    """Hold a world against its targets.

    Every target beside what the world gives, with the relative error: under random exposure, under the
    world's standard policy, and of the ratio of the two. The default seed is another than calibration's.
    """
    from rectune_dsl.report.console import console
    from rectune_dsl.report.fit import fit_json, print_fit, summary
    from rectune_dsl.report.progress import working
    from rectune_dsl.simulator.fit import fit as fitted

    with working(_MEASURING, quiet):
        found = fitted(_load(world), _sizes(), seed, users)
    if as_json:
        click.echo(fit_json(found))
    elif quiet:
        click.echo(f"{found.world}: {summary(found)}")
    else:
        print_fit(console(), found)
    if require_met and found.missed:
        sys.exit(1)


@command.command("describe")
@world_argument
@click.option(
    "--png",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=writable,
    help="Draw it, too: as PNG, SVG or PDF, by the file's ending. Needs the extra `report`.",
)
@measured_options
@quiet_option("write what --json and --png ask for.")
def describe(world: str, png: Path | None, seed: int, users: int, as_json: bool, quiet: bool) -> None:
    """Show what a world is like.

    Rates, models, topics, sizes, activity, and how users differ.
    """
    from rectune_dsl.report.console import console
    from rectune_dsl.report.describe import as_json as described_json
    from rectune_dsl.report.describe import print_description
    from rectune_dsl.report.progress import working
    from rectune_dsl.simulator.describe import describe as described

    file = _load(world)
    if png is not None:
        from rectune_dsl.report.drawing import draw, drawable

        drawable(png)
    with working(_MEASURING, quiet):
        told = described(file, _sizes(), seed, users)
    if as_json:
        click.echo(described_json(told))
    elif not quiet:
        print_description(console(), told)
    if png is not None:
        draw(told, png)
        tell_written(png, quiet)


@command.command("calibrate")
@click.argument("world", default="short-video")
@click.option(
    "--rates",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV with the columns metric,random,standard, to be met instead of the world's own targets.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=writable,
    help="Write the world to this file instead of printing it.",
)
@click.option(
    "--seed",
    type=SEED,
    default=_CALIBRATION_SEED,
    show_default=True,
    help="Names the users and occasions that the world is fitted to.",
)
@click.option(
    "--users",
    type=click.IntRange(min=500),
    default=4_000,
    show_default=True,
    help="Users who come under each kind of exposure, in each round.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=16,
    show_default=True,
    help="How often the world is measured and moved.",
)
@quiet_option("write the world, and say nothing else.")
def calibrate(
    world: str, rates: Path | None, output: Path | None, seed: int, users: int, rounds: int, quiet: bool
) -> None:
    """Fit a world to measured rates, and write it.

    It is written as TOML; the errors before and after are shown on stderr, measured with another seed. An
    empty cell of the rates is a number that nobody measured.
    """
    from rectune_dsl.report.console import console
    from rectune_dsl.report.fit import print_before_after
    from rectune_dsl.report.progress import tracked, working
    from rectune_dsl.simulator.calibrate import calibrating
    from rectune_dsl.simulator.fit import fit as fitted
    from rectune_dsl.simulator.rates import with_rates
    from rectune_dsl.simulator.worlds import parse, to_toml

    before = _load(world) if rates is None else with_rates(_load(world), rates)
    fitting = calibrating(before, _sizes(), seed, rounds, users)
    *_, moved = tracked(fitting, "fitting", rounds, quiet)
    text = _made_by(world, rates) + to_toml(moved)
    if not quiet:
        with working(_MEASURING, quiet):
            reports = [fitted(file, _sizes(), seed + 1, _MORE * users) for file in (before, parse(text))]
        print_before_after(console(stderr=True), *reports)
    if output is None:
        click.echo(text, nl=False)
        return
    write_or_print(output, text)
    tell_written(output, quiet)


@command.command("show")
@world_argument
def show(world: str) -> None:
    """Print a world's file, to start from."""
    from rectune_dsl.simulator.worlds import parse, text_of

    text = text_of(world)
    parse(text, world)
    click.echo(text, nl=False)


def _load(world: str) -> WorldFile:
    from rectune_dsl.simulator.worlds import load

    return load(world)


def _sizes() -> Sizes:
    """Those of a task that says nothing about them."""
    from rectune_dsl.dsl.model import Simulator
    from rectune_dsl.simulator.world import sizes_of

    return sizes_of(Simulator())


def _made_by(world: str, rates: Path | None) -> str:
    more = "" if rates is None else f" --rates {rates.name}"
    made = f"# Made by `rectune simulate calibrate {world}{more}`."
    return f"{made} `rectune simulate fit` holds it against its targets.\n"
