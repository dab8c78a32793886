"""KuaiRand's format, on a file of its schema that was written by hand, with the task of the documentation."""

from __future__ import annotations

import csv
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.dsl.replay import Replay
from rectune_dsl.hooks.api import Estimates

DATA = Path(__file__).parent / "data"
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "your-own-logs.md"


def blocks() -> list[dict[str, Any]]:
    text = GUIDE.read_text(encoding="utf-8")
    return [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)]


@pytest.fixture
def kuairand(tmp_path: Path) -> dict[str, Any]:
    """The documentation's task, with the fixture in the folder it names."""
    table = blocks()[-1]
    folder = (tmp_path / table["replay"]["log"]).parent
    folder.mkdir(parents=True)
    for path in DATA.glob("log_random_*.csv"):
        shutil.copy(path, folder)
    table["replay"]["min_ess"] = 2
    return table


def randomised() -> list[dict[str, str]]:
    rows = [row for path in sorted(DATA.glob("*.csv")) for row in csv.DictReader(path.open(encoding="utf-8"))]
    return sorted((row for row in rows if row["is_rand"] == "1"), key=lambda row: int(row["time_ms"]))


def test_the_documented_column_map_is_valid() -> None:
    assert Replay.model_validate(blocks()[0]["replay"]).columns is not None
    assert Replay.model_validate({"log": "log.csv", **blocks()[1]["replay"]}).slate_model == "position-based"


def test_the_documented_task_finds_all_it_needs(
    kuairand: dict[str, Any], replay: Callable[..., ReplayBackend]
) -> None:
    assert replay(kuairand).check() == []


def test_a_uniform_config_gets_the_plain_means_of_the_randomised_rows(
    kuairand: dict[str, Any], replay: Callable[..., ReplayBackend], observe: Callable[..., Estimates]
) -> None:
    same = {"w_click": 0.0, "w_long": 0.0, "w_like": 0.0}
    found = observe(replay(kuairand), kuairand, same)
    rows = randomised()
    assert len(rows) == 24
    tune = rows[7:16]  # 30 % and 65 % of 24 rows, rounded
    assert found.metrics == ("play_time_ms", "long_view", "is_hate", "coverage")
    expected = [np.mean([float(row[name]) for row in tune]) for name in found.metrics[:3]]
    assert found.level[1] == pytest.approx([*expected, 1.0])
    assert found.effective_n[0][3] == 9


def test_signals_are_the_rates_of_the_videos(
    kuairand: dict[str, Any], replay: Callable[..., ReplayBackend]
) -> None:
    kuairand["replay"]["signals"]["click"]["smoothing"] = 1e-9
    panel = replay(kuairand).panel(3)
    assert panel.items.tolist() == [[501, 502, 503, 504]] * 3
    fit = randomised()[:7]
    rates = [
        np.mean([float(row["is_click"]) for row in fit if row["video_id"] == video])
        for video in ("501", "502", "503", "504")
    ]
    assert panel.signals["ranking"]["click"][0] == pytest.approx(rates, abs=1e-6)
