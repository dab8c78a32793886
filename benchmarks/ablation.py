"""The paper's tables on the bundled simulator, with intervals, and what the paper lacks.

    python benchmarks/ablation.py --json --report --seeds 5 --cache .rectune/w --results .rectune/ablation

Tables: `stages` (what campaigns on each stage leave in production), `models` (whom agents ask), `critic`
(with a Critic and without), `skills` (joint after a campaign on value_fusion, with the workspace kept and
emptied), `minds` (numeric, hybrid and language models, and what they cost). Campaigns run through the
workflow, each in the world of its seed. Seeds from 1000 on are for development; those from 100 on, with
`--report`, are for reports. Results in one folder are of one state of the code.

Numeric agents always run. Models are asked where they are named: `--provider gemini --model X --model Y`,
paid for by whoever holds the key. `--cassette FILE` alone replays what it holds; beside a provider it
records. The provider `local` is no language model: a server on this machine answers with a sample of the
schema. Its rows measure plumbing, fallbacks and the counting of costs, never quality.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported, in all processes
os.environ.setdefault("OMP_NUM_THREADS", "1")

from ablations.asked import AddModel, AddProvider, models_of
from ablations.campaigns import SHORT
from ablations.figures import CONFIDENCE, Figure, by_case, reported
from ablations.plan import STAGES, TABLES, Row, Unit, rows, units
from ablations.teams import STAND_IN, Access, Model
from ablations.work import Way, finished
from speed.figures import installed
from tuning.founding import FIRST_DEVELOPMENT_SEED, FIRST_REPORT_SEED

from rectune_dsl.hooks.api import UsageError

SEEDS = 20
QUICK_TASKS = ("diversity",)
"""One small task, with one small round."""
PACKAGES = ("rectune", "numpy", "scipy", "numba", "google-genai")
STAND_IN_NOTE = (
    "rows of the local stand-in are no language model's: a server on this machine answers with a sample of "
    "the schema, and tokens are priced as if Gemini's default model had been asked"
)


def main() -> None:
    arguments = _arguments()
    tables = _tables(arguments)
    planned = units((row for of in tables.values() for row in of), _seeds(arguments))
    way = _way(arguments)
    began = time.perf_counter()
    figures = reported(tables, by_case(finished(planned, way, arguments.jobs)))
    if arguments.quick:  # so little traffic meets no goal, and is not meant to
        figures = [replace(figure, goal="none", ok=True) for figure in figures]
    if arguments.json:
        setup = _setup(arguments, tables, planned) | {"seconds": round(time.perf_counter() - began, 1)}
        print(json.dumps({"setup": setup, "figures": [figure.as_json() for figure in figures]}, indent=2))
        return
    if note := _note(arguments.models):
        print(f"Note: {note}.")
    for figure in figures:
        print(_line(figure))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, help="worlds of each row")
    parser.add_argument("--report", action="store_true", help="on report seeds")
    parser.add_argument("--quick", action="store_true", help="one world, one task, one round")
    parser.add_argument("--only", nargs="+", choices=tuple(TABLES), default=tuple(TABLES), metavar="TABLE")
    parser.add_argument("--provider", action=AddProvider, dest="asked", default=[], help="who answers")
    parser.add_argument("--model", action=AddModel, dest="asked", help="of the provider before it")
    parser.add_argument("--cassette", type=_path, help="replayed, or with --provider recorded")
    parser.add_argument("--max-usd", type=float, help="the most that a campaign may spend")
    parser.add_argument("--results", type=_path, help="where finished campaigns are kept, to go on later")
    parser.add_argument("--cache", type=_path, help="where oracles are kept")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if said := _wrong(arguments):
        parser.error(said)
    try:
        arguments.models = models_of(arguments.asked, arguments.cassette)
    except UsageError as error:
        parser.error(f"{error}; {error.help}")
    return arguments


def _wrong(arguments: argparse.Namespace) -> str:
    """What cannot be run, and what to write instead."""
    there_are = FIRST_DEVELOPMENT_SEED - FIRST_REPORT_SEED
    if arguments.seeds < 1 or (arguments.report and arguments.seeds > there_are):
        return f"--seeds {arguments.seeds}: give 1 or more, and with --report at most {there_are}"
    if arguments.cassette and arguments.asked and arguments.jobs != 1:
        return "one process at a time can record a cassette: leave out --jobs"
    if arguments.cassette and any(model.is_stand_in for model in arguments.asked):
        return f"answers of {STAND_IN} are not for cassettes: leave out --cassette or --provider {STAND_IN}"
    return ""


def _path(text: str) -> Path:
    """Absolute, since campaigns run in folders of their own."""
    return Path(text).resolve()


def _seeds(arguments: argparse.Namespace) -> range:
    first = FIRST_REPORT_SEED if arguments.report else FIRST_DEVELOPMENT_SEED
    return range(first, first + (1 if arguments.quick else arguments.seeds))


def _tables(arguments: argparse.Namespace) -> dict[str, list[Row]]:
    tasks = QUICK_TASKS if arguments.quick else tuple(STAGES)
    return {table: rows(table, arguments.models, tasks) for table in arguments.only}


def _way(arguments: argparse.Namespace) -> Way:
    """Shortened campaigns are kept apart from whole ones."""
    results, access = arguments.results, Access(arguments.cassette, not arguments.asked, arguments.max_usd)
    if not arguments.quick:
        return Way(results, arguments.cache, access)
    return Way(None if results is None else results / "quick", arguments.cache, access, SHORT)


def _setup(
    arguments: argparse.Namespace, tables: Mapping[str, Sequence[Row]], planned: Sequence[Unit]
) -> dict[str, object]:
    return {
        "tables": [table for table, of in tables.items() if of],
        "without_rows": [table for table, of in tables.items() if not of],
        "seeds": list(_seeds(arguments)),
        "report": arguments.report,
        "quick": arguments.quick,
        "models": [str(model) for model in arguments.models],
        "cassette": None if arguments.cassette is None else arguments.cassette.name,
        "campaigns": sum(len(unit.chain) for unit in planned),
        "confidence": CONFIDENCE,
        "note": _note(arguments.models),
        **{name: installed(name) for name in PACKAGES},
        "python": platform.python_version(),
        "processors": os.cpu_count(),
    }


def _note(models: Sequence[Model]) -> str:
    return STAND_IN_NOTE if any(model.is_stand_in for model in models) else ""


def _line(figure: Figure) -> str:
    between = "" if figure.low is None else f" [{figure.low}, {figure.high}]"
    worlds = f"{figure.worlds} world{'s' if figure.worlds != 1 else ''}"
    goal = "" if figure.goal == "none" else f" (goal {figure.goal}): {figure.ok}"
    return f"{figure.name}: {figure.value}{between} {figure.unit}, {worlds}{goal}"


if __name__ == "__main__":
    main()
