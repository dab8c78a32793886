"""Measured rates as a team has them, in a CSV file, as targets of a world."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.simulator.targets import EXPOSURE, OTHER_MEASURES, Target, is_fitted, parts_of, problem_of
from rectune_dsl.simulator.worldfile import WorldFile

METRIC, RANDOM, STANDARD = "metric", "random", "standard"
_COLUMNS = {"random_exposure": RANDOM, "standard_policy": STANDARD}
"""Other words for columns."""
_MANY = "/"
"""Between the values of a cell that has several."""


@dataclass(frozen=True)
class Known:
    """A metric by another name: which measures its values are of, and what they are multiplied by."""

    of: tuple[str, ...]
    factor: float = 1.0


KUAIRAND = {
    "is_click": Known(("click",)),
    "is_like": Known(("like",)),
    "is_follow": Known(("follow",)),
    "is_comment": Known(("comment",)),
    "is_forward": Known(("forward",)),
    "is_hate": Known(("hate",)),
    "is_profile_enter": Known(("profile_enter",)),
    "complete_play": Known(("complete",)),
    "negative_feedback": Known(("hate",)),
    "positive_interaction_any": Known(("like + comment + follow + forward",)),
    "play_seconds": Known(("watch_minutes",), 1 / 60),
    "top1pct_exposure_share": Known(("top_1pct_share",)),
    "exposure_gini_items": Known(("exposure_gini",)),
    "exposures_per_user_p50_p90_max": Known(("looks_p50", "looks_p90", "looks_max")),
}
"""What KuaiRand and its statistics call the measures of the world `short-video`."""
_GIVEN = re.compile(r"(\w+)_given_(\w+)|(.+?) per (\w+)")


def with_rates(file: WorldFile, path: Path) -> WorldFile:
    """The world with the rates of a CSV file as its targets."""
    return file.model_copy(update={"targets": read_rates(path, file)})


def read_rates(path: Path, file: WorldFile) -> Mapping[str, Target]:
    """The rows of a CSV file as targets of a world: columns `metric`, `random`, `standard`, the last two
    empty where nothing was measured; `source` and `level`, where they are there, say who measured it and how.

    Raises UsageError, with the line, for what cannot be read or is no measure of the world.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}", help="check its path") from None
    reader = csv.DictReader(io.StringIO(text))
    heads = [_COLUMNS.get(name.strip(), name.strip()) for name in reader.fieldnames or ()]
    for needed in (METRIC, RANDOM, STANDARD):
        if needed not in heads:
            message = f"{path} has no column `{needed}`"
            raise UsageError(message, help="its first line is: metric,random,standard")
    reader.fieldnames = heads
    found: dict[str, Target] = {}
    for row in reader:
        place = f"{path}:{reader.line_num}"
        cells = {
            key: (cell or "").strip() for key, cell in row.items() if isinstance(cell, str | None) and key
        }
        for target in _targets(cells, file, place):
            found[_free(_named(target), found)] = target
    if not found:
        raise UsageError(f"{path} has no rates", help="add a line such as: click,,0.12")
    _fits_together(found, file, path)
    return found


def _targets(cells: Mapping[str, str], file: WorldFile, place: str) -> Iterator[Target]:
    """What a line says; nothing where it has no values."""
    measures, factor = _measures(cells[METRIC], file, place)
    values = {kind: _numbers(cells[kind], len(measures), place) for kind in (RANDOM, STANDARD)}
    told = [cells[key] for key in ("source", "level") if cells.get(key)]
    for at, (of, per) in enumerate(measures):
        random, standard = (_times(values[kind][at], factor) for kind in (RANDOM, STANDARD))
        if random is not None or standard is not None:
            yield Target(
                of=of,
                per=per,
                random=random,
                standard=standard,
                main=is_fitted(of, per),
                source=", ".join([cells[METRIC], *told]),
            )


def _measures(metric: str, file: WorldFile, place: str) -> tuple[list[tuple[str, str]], float]:
    """What a metric is of and per, as the world calls it, and the factor of its values."""
    plain = re.sub(r"\s*\(.*\)$", "", metric)
    given = {name: response.given for name, response in file.responses.items()}
    if given.keys() | file.amounts.keys() | OTHER_MEASURES.keys() >= {*parts_of(plain)}:
        known, per = Known((plain,)), EXPOSURE
    elif found := _GIVEN.fullmatch(plain):
        parts = [part for part in found.groups() if part]
        known = KUAIRAND.get(parts[0], Known((parts[0],)))
        per = KUAIRAND.get(parts[1], Known((parts[1],))).of[0]
    else:
        known, per = KUAIRAND.get(plain, Known((plain,))), EXPOSURE
    for of in known.of:
        wrong, help = problem_of(of, per, given, file.amounts)
        if wrong:
            hint = help if of != plain else did_you_mean(plain, [*given, *file.amounts, *OTHER_MEASURES])
            raise UsageError(f"{place}: `{metric}` is no measure of {file.name}: {wrong}", help=hint)
    return [(of, per) for of in known.of], known.factor


def _numbers(cell: str, count: int, place: str) -> list[float | None]:
    """The values of a cell, one for each measure."""
    if not cell:
        return [None] * count
    try:
        values = [float(part) for part in cell.split(_MANY)]
    except ValueError:
        raise UsageError(f"{place}: `{cell}` is no number", help="write a rate such as 0.12") from None
    if len(values) != count or not all(0 < value < float("inf") for value in values):
        help = "leave it empty where nothing was measured"
        raise UsageError(f"{place}: `{cell}` is not {count} number{'s' * (count > 1)} above 0", help=help)
    return [*values]


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else float(f"{value * factor:.6g}")


def _named(target: Target) -> str:
    name = target.of if target.per == EXPOSURE else f"{target.of}_given_{target.per}"
    return "_or_".join(parts_of(name))


def _free(name: str, taken: Mapping[str, Target]) -> str:
    """The name, or where it is taken, the first free one with a number."""
    names = (name if number == 1 else f"{name}_{number}" for number in range(1, len(taken) + 2))
    return next(one for one in names if one not in taken)


def _fits_together(targets: Mapping[str, Target], file: WorldFile, path: Path) -> None:
    """No response is more frequent than what has to happen first, no ninth decile below its median."""
    for kind in (RANDOM, STANDARD):
        _deciles_in_order(targets, kind, path)
        asked = {
            t.of: v for t in targets.values() if t.per == EXPOSURE and (v := getattr(t, kind)) is not None
        }
        for name, response in file.responses.items():
            above = 1.0 if response.given == EXPOSURE else asked.get(response.given)
            if name in asked and above is not None and asked[name] >= above:
                message = f"{path}: under {kind} exposure, `{name}` ({asked[name]:g}) is not rarer than"
                help = (
                    f"in {file.name}, `{name}` happens only after `{response.given}`; rates are per exposure"
                )
                raise UsageError(f"{message} `{response.given}` ({above:g})", help=help)


def _deciles_in_order(targets: Mapping[str, Target], kind: str, path: Path) -> None:
    asked = {t.of: getattr(t, kind) for t in targets.values() if t.of.endswith(("_p50", "_p90"))}
    for name, median in asked.items():
        ninth = asked.get(f"{name.removesuffix('_p50')}_p90") if name.endswith("_p50") else None
        if median is not None and ninth is not None and ninth < median:
            message = f"{path}: under {kind} exposure, the ninth decile of `{name.removesuffix('_p50')}`"
            help = "nine in ten have less than p90, half of them less than p50: are the two mixed up?"
            raise UsageError(f"{message} ({ninth:g}) is below its median ({median:g})", help=help)
