"""The example, from the task file to what ships: over the command line, with kills and a rollback."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from rectune_dsl.testing.project import Project, Result

duckdb = pytest.importorskip("duckdb")
pytest.importorskip("rectune_warehouse", reason="rectune-warehouse is not installed")

FEED = Path(__file__).parents[1] / "examples" / "feed"
EXPLORE = "round-1/experiment"


class Loop:
    """A project with the example in it, and two weeks of history. One round, to be quick."""

    def __init__(self, folder: Path) -> None:
        self.project = Project(folder)
        shutil.copytree(FEED, folder, dirs_exist_ok=True)
        task = folder / "feed.toml"
        task.write_text(task.read_text().replace("rounds        = 2", "rounds        = 1"))
        subprocess.run([sys.executable, "traffic.py", "2026-01-05"], cwd=folder, check=True)

    def rectune(self, *words: str, code: int = 0) -> Result:
        done = self.project.run(*words)
        assert done.exit_code == code, f"{done.stdout}\n{done.stderr}"
        return done

    def killed(self, seconds: float) -> bool:
        """Take the run up in a process of its own and kill it; whether it was still at work. The traffic of
        the day that it had begun is finished."""
        command = [sys.executable, "-m", "rectune_dsl", "tick", "last"]
        child = subprocess.Popen(command, cwd=self.project.path, stdout=subprocess.DEVNULL)
        time.sleep(seconds)
        was_at_work = child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.wait()
        with FileLock(self.project.path / "traffic.lock", timeout=60):
            return was_at_work

    @property
    def run(self) -> str:
        return str(self.project.journal.find("last").run)

    @property
    def flag(self) -> dict[str, Any]:
        found: dict[str, Any] = self._flags()["flags"]["home-feed"]
        return found

    @property
    def trials(self) -> dict[str, Any]:
        found: dict[str, Any] = self._flags()["$rectune"]["home-feed"]["trials"]
        return found

    def production(self) -> dict[str, float]:
        found: dict[str, float] = self.flag["variants"][self.flag["defaultVariant"]]["config"]
        return found

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.project.path / "events.duckdb"), read_only=True) as tables:
            found: list[tuple[Any, ...]] = tables.execute(query).fetchall()
            return found

    def shown(self) -> Any:
        return json.loads(self.rectune("show", "last", "--json").stdout)

    def _flags(self) -> Any:
        return json.loads((self.project.path / "flags.json").read_text())


def test_from_the_task_file_to_ship_and_back(tmp_path: Path) -> None:
    loop = Loop(tmp_path / "feed")
    planned = loop.rectune("plan", "feed.toml").stdout
    assert "served by flag 'home-feed' of the flagd file flags.json; a rehearsal" in planned
    asked = loop.rectune("run", "feed.toml", "--seed", "1", "--until", "waiting").stdout
    assert "asks to launch an experiment" in asked
    assert not (tmp_path / "feed" / "flags.json").exists()

    loop.rectune("approve", loop.run, "round-1/approve")
    loop.rectune("tick")
    _assert_explored(loop)

    loop.rectune("approve", loop.run, "confirm")
    assert loop.killed(4)
    for seconds in (5, 6):
        loop.killed(seconds)
    loop.rectune("tick")
    _assert_confirmed(loop)

    before = loop.production()
    loop.rectune("approve", loop.run, "verdict")
    assert "ship" in loop.rectune("tick").stdout
    recommended = loop.shown()["recommendation"]["config"]
    assert loop.production() == pytest.approx(recommended)
    assert loop.production() != before
    loop.rectune("abort", "last", "--why", "taken back")
    assert loop.production() == before
    assert [trial["outcome"] for trial in loop.trials.values()] == ["finished", "finished"]


def _assert_explored(loop: Loop) -> None:
    """The ramp served what it said, an arm was stopped for harm, and nobody was in two arms."""
    (key,) = loop.trials
    days = loop.sql(f"""select "at"::date, count(distinct user_id) from exposures
        where experiment = '{key}' group by 1 order by 1""")
    users = [count for _, count in days]
    assert len(days) == 4
    for day, share in enumerate((0.05, 0.5)):
        assert users[day] == pytest.approx(0.5 * 6_000 * share, rel=0.25)  # half of the users come on a day
    (stopped,) = loop.shown()["rounds"][0]["result"]["stopped"]
    last = loop.sql(f"""select arm, max("at"::date) from exposures where experiment = '{key}' group by 1""")
    assert {arm: day for arm, day in last if day < days[-1][0]} == {stopped: days[2][0]}
    _assert_unmoved(loop)


def _assert_confirmed(loop: Loop) -> None:
    """After kills there is still one experiment more, whose users are fresh and have one arm each."""
    explored, confirmed = loop.trials
    assert "confirm" in confirmed
    both = f"""select user_id from exposures where experiment = '{explored}'
        intersect select user_id from exposures where experiment = '{confirmed}'"""
    assert loop.sql(both) == []
    assert loop.sql("select experiment from exposures group by 1 order by 1") == sorted(
        [(explored,), (confirmed,)]
    )
    _assert_unmoved(loop)
    assert loop.sql("select count(*) - count(distinct day) from days") == [(0,)]


def _assert_unmoved(loop: Loop) -> None:
    moved = """select experiment, user_id from exposures group by 1, 2 having count(distinct arm) > 1"""
    assert loop.sql(moved) == []
