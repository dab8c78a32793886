"""The whole loop, as docs/how-to/run-on-your-own-stack.md goes through it: every command of the page is run,
in their order, and has to say what the page says; and nobody is served what he should not be."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from rectune_dsl.testing.project import Project

duckdb = pytest.importorskip("duckdb")
pytest.importorskip("rectune_warehouse", reason="rectune-warehouse is not installed")

ROOT = Path(__file__).parents[3]
FEED = ROOT / "plugins/rectune-flagd/examples/feed"
PAGE = (ROOT / "docs/how-to/run-on-your-own-stack.md").read_text(encoding="utf-8")
RUN = re.compile(r"feed-\d{8}-\d{6}-[0-9a-f]{4}")


class Loop:
    """A copy of the example, and a shell in its folder."""

    def __init__(self, folder: Path) -> None:
        self.project = Project(folder)
        self.project.env["COLUMNS"] = "160"
        shutil.copytree(FEED, folder, dirs_exist_ok=True)

    def do(self, command: str) -> str:
        """What a command says. Its own process is spared where one need not be killed."""
        name, *words = command.split('"')[0].split() + re.findall(r'"([^"]*)"', command)
        if name == "rectune" and "&" not in words:
            done = self.project.run(*words)
            assert done.exit_code == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            return done.stdout
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        shell = subprocess.run(
            ["bash", "-c", command],
            cwd=self.project.path,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            text=True,
        )
        with FileLock(self.project.path / "traffic.lock", timeout=60):  # a day that was begun ends
            return shell.stdout

    def killed(self, seconds: float) -> bool:
        """Take the run up in a process of its own, and kill it; whether it was still at work."""
        child = subprocess.Popen(
            [sys.executable, "-m", "rectune_dsl", "tick", "last"],
            cwd=self.project.path,
            stdout=subprocess.DEVNULL,
        )
        time.sleep(seconds)
        was_at_work = child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.wait()
        with FileLock(self.project.path / "traffic.lock", timeout=60):
            return was_at_work

    @property
    def trials(self) -> dict[str, Any]:
        data = json.loads((self.project.path / "flags.json").read_text())
        found: dict[str, Any] = data["$rectune"]["home-feed"]["trials"]
        return found

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.project.path / "events.duckdb"), read_only=True) as tables:
            found: list[tuple[Any, ...]] = tables.execute(query).fetchall()
            return found


def commands() -> Iterator[tuple[str, str]]:
    """Each command of the page, and what it says."""
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, said = part.partition("\n")
            yield command, said


def test_the_page_from_the_task_file_to_ship_and_back(tmp_path: Path) -> None:
    loop = Loop(tmp_path / "feed")
    for command, expected in commands():
        if command.startswith("rectune run"):
            assert not (loop.project.path / "flags.json").exists(), "a plan has written flags"
        _assert_says(command, loop.do(command), expected)
        if command == "rectune approve last round-2/approve":
            _assert_explored(loop)
        if command == "rectune approve last confirm":
            assert loop.killed(4)
            loop.killed(6)
    _assert_whole(loop)


def test_the_page_shows_what_stands_in_the_example() -> None:
    shown = re.findall(r"```(?:toml|python)\n(.*?)```", PAGE, re.DOTALL)
    files = "".join((FEED / name).read_text(encoding="utf-8") for name in ("feed.toml", "traffic.py"))
    assert len(shown) == 3
    assert all(block in files for block in shown)


def _assert_says(command: str, said: str, expected: str) -> None:
    """Whatever the numbers, and wherever lines are broken: what stands between dots, in its order."""
    output, at = _blurred(said), 0
    for part in expected.split("..."):
        wanted = _blurred(part)
        found = output.find(wanted, at)
        assert found >= 0, f"$ {command}\nsays\n{said}\nand not\n{part}"
        at = found + len(wanted)


def _blurred(text: str) -> str:
    return " ".join(re.sub(r"[-+]?\d[\d,.]*(e-\d+)?", "#", RUN.sub("RUN", text)).split())


def _assert_explored(loop: Loop) -> None:
    """The ramp served what it said, and the arm that was stopped nobody from the next day on."""
    (key,) = loop.trials
    days = loop.sql(f"""select "at"::date, count(*) from exposures where experiment = '{key}'
        group by 1 order by 1""")
    assert len(days) == 4
    for (_, users), share in zip(days, (0.05, 0.5), strict=False):
        assert users == pytest.approx(0.5 * 6_000 * share, rel=0.25)  # half of the users come on a day
    last = loop.sql(f"""select arm, max("at"::date) from exposures where experiment = '{key}' group by 1""")
    assert sorted((day - days[0][0]).days for _, day in last) == [2, 3, 3, 3]


def _assert_whole(loop: Loop) -> None:
    """After three kills: three experiments, whose users have one arm each; and fresh ones are fresh."""
    first, second, confirmed = loop.trials
    assert [trial["outcome"] for trial in loop.trials.values()] == ["finished"] * 3
    served = loop.sql("select distinct experiment from exposures")
    assert {key for (key,) in served} == {first, second, confirmed}
    assert "confirm" in confirmed
    assert not loop.sql("""select user_id from exposures group by experiment, user_id
        having count(distinct arm) > 1""")
    assert not loop.sql(f"""select user_id from exposures where experiment = '{confirmed}'
        intersect select user_id from exposures where experiment != '{confirmed}'""")
    assert loop.sql("select count(*) - count(distinct event_id) from events") == [(0,)]
