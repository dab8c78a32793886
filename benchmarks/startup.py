"""What `rectune --help` costs beside a Python that does nothing, with 50 plugins installed.

python benchmarks/startup.py --json

Each plugin has a hook, and a command that `--help` lists; none is imported for that.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import distributions, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = 50
GOAL = 0.080
"""Seconds of processor time more than `python -c pass`."""
HELP = ("-c", "import sys; sys.argv[0] = 'rectune'; from rectune_dsl.cli import main; main()", "--help")
"""As the installed script starts."""
MODULE = """
import click
from rectune_dsl.hooks.specs import hookimpl

@hookimpl
def rectune_run_started(run):
    pass

@click.command()
def command():
    pass
"""


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        environment = _environment(Path(folder))
        for number in range(PLUGINS):
            _install(Path(folder, "site"), number)
        listed = _run(HELP, environment).stdout.count("from rectune-plugin-")
        if listed != PLUGINS:
            raise SystemExit(f"`--help` lists {listed} of {PLUGINS} commands")
        first = _cpu(HELP, environment)  # nothing is cached while what is installed is this new
        time.sleep(2.1)
        _cpu(HELP, environment)  # writes the index
        pairs = [
            (_cpu(HELP, environment), _cpu(("-c", "pass"), environment))
            for _ in range(15 if options.quick else options.seeds)
        ]
    _print(_report(first, pairs), options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=40, help="pairs of runs; medians are given")
    parser.add_argument("--quick", action="store_true", help="15 pairs")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _environment(folder: Path) -> dict[str, str]:
    """With the plugins on the path, a cache of its own, and bytecode that is kept, as installers leave it."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    path = os.pathsep.join([str(folder / "site"), str(ROOT)])
    return {**kept, "PYTHONPATH": path, "XDG_CACHE_HOME": str(folder / "cache")}


def _install(site: Path, number: int) -> None:
    """A plugin as installers leave it."""
    name = f"rectune_plugin_{number:02}"
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"{name}.py").write_text(MODULE)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.0\n")
    entries = f"[rectune]\nplugin{number:02} = {name}\n[rectune.commands]\ndo-{number:02} = {name}:command\n"
    (info / "entry_points.txt").write_text(entries)


def _run(arguments: Sequence[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)


def _cpu(arguments: Sequence[str], environment: dict[str, str]) -> float:
    """Processor time of one process, user and system, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _run(arguments, environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _report(first: float, pairs: Sequence[tuple[float, float]]) -> dict[str, object]:
    more = statistics.median(helped - nothing for helped, nothing in pairs)
    nothing = statistics.median(nothing for _, nothing in pairs)
    return {
        "setup": {
            "plugins": PLUGINS,
            "distributions": PLUGINS + len(list(distributions())),
            "pairs": len(pairs),
            "rectune": version("rectune"),
            "python": platform.python_version(),
            "processors": os.cpu_count(),
        },
        "figures": [
            _figure("`rectune --help` more than `python -c pass`, median of pairs", more, GOAL),
            _figure("`python -c pass`, median", nothing),
            _figure("`rectune --help` without an index, more than `python -c pass`", first - nothing),
        ],
    }


def _figure(name: str, seconds: float, goal: float | None = None) -> dict[str, object]:
    return {
        "name": name,
        "value": round(seconds * 1000, 1),
        "unit": "ms of processor time",
        "goal": "none" if goal is None else f"< {goal * 1000:g}",
        "ok": goal is None or seconds < goal,
    }


def _print(report: dict[str, object], as_json: bool) -> None:
    if as_json:
        print(json.dumps(report, indent=2))
        return
    figures = report["figures"]
    assert isinstance(figures, list)
    for figure in figures:
        print(f"{figure['name']}: {figure['value']} {figure['unit']} (goal {figure['goal']}): {figure['ok']}")


if __name__ == "__main__":
    main()
