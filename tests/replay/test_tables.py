from __future__ import annotations

import gzip
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.backends.replaylog import tables
from rectune_dsl.hooks.errors import BackendError

WANTED = {"time": "time", "item": "label", "reward": "number"}
ROWS = [
    ("2024-02-29T12:00:00+00:00", 17, 0.5),
    ("2024-02-29T12:00:00.250+00:00", 3, -1.0),
    ("2024-03-01T00:00:00+01:00", 17, 1e-9),
]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def as_csv() -> str:
    return "time,item,reward\n" + "".join(f"{t},{i},{r!r}\n" for t, i, r in ROWS)


def same(left: dict[str, tables.Column], right: dict[str, tables.Column]) -> bool:
    return left.keys() == right.keys() and all(
        left[name].values.tolist() == right[name].values.tolist() and left[name].labels == right[name].labels
        for name in left
    )


def test_csv_gz_and_parquet_hold_the_same_columns_as_csv(tmp_path: Path) -> None:
    plain = tables.read([write(tmp_path / "log.csv", as_csv())], WANTED)
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress(as_csv().encode()))
    moments = [datetime.fromisoformat(t) for t, _, _ in ROWS]
    for name, times in (
        ("text", [t for t, _, _ in ROWS]),
        ("ns", pa.array(moments, pa.timestamp("ns", "UTC"))),
    ):
        table = pa.table({"time": times, "item": [i for _, i, _ in ROWS], "reward": [r for *_, r in ROWS]})
        pq.write_table(table, tmp_path / f"{name}.parquet")
        assert same(tables.read([tmp_path / f"{name}.parquet"], WANTED), plain)
    assert same(tables.read([tmp_path / "log.csv.gz"], WANTED), plain)
    assert plain["item"].strings() == ["17", "3", "17"]
    # midnight in a zone one hour ahead is 23:00 UTC of the day before
    assert plain["time"].values[2] - plain["time"].values[0] == 11 * 3600 * 1_000_000


@given(st.datetimes(datetime(1980, 1, 1), datetime(2200, 1, 1)))
def test_a_moment_is_the_same_in_every_notation(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    exact = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert tables.microseconds(moment.isoformat()) == exact
    assert tables.microseconds(moment.replace(tzinfo=None).isoformat()) == exact
    assert tables.microseconds(exact) == exact
    assert tables.microseconds(str(exact // 1000)) == exact // 1000 * 1000
    assert tables.microseconds(exact // 1_000_000) == exact // 1_000_000 * 1_000_000


def test_a_pattern_reads_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("2", "1"):
        write(tmp_path / f"log_{name}.csv", f"item\n{name}\n")
    paths = tables.files(tmp_path, "log_*.csv")
    assert tables.read(paths, {"item": "label"})["item"].strings() == ["1", "2"]


@pytest.mark.parametrize("pattern", ["log.csv", "log_*.csv"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(BackendError, match=r"there is no file .*log") as caught:
        tables.files(tmp_path, pattern)
    assert "folder of the task" in caught.value.help


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("2024-01-01,1,", "line 2: '' is no number for column 'reward'"),
        ("2024-01-01,1,nan", "'nan' is no number"),
        ("soon,1,1", "'soon' is no time"),
        ("2024-01-01,1", "2 fields instead of 3"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_line(tmp_path: Path, line: str, says: str) -> None:
    path = write(tmp_path / "log.csv", f"time,item,reward\n{line}\n")
    with pytest.raises(BackendError, match=says):
        tables.read([path], WANTED)


def test_a_missing_column_is_named_beside_those_that_are_there(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "time,item\n")
    with pytest.raises(BackendError, match="no column 'reward'") as caught:
        tables.read([path], WANTED)
    assert "time, item" in caught.value.help


def test_a_file_that_is_no_gzip_is_a_backend_error(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="cannot be read"):
        tables.header(write(tmp_path / "log.csv.gz", "plain"))


def test_a_file_that_is_no_parquet_is_a_backend_error(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="cannot be read"):
        tables.header(write(tmp_path / "log.parquet", "plain"))


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(BackendError, match="needs pyarrow") as caught:
        tables.header(tmp_path / "log.parquet")
    assert "rectune[parquet]" in caught.value.help


def test_a_label_names_something_and_a_text_may_be_empty(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({"slate": ["s1", None], "number": [1.0, float("nan")]}), path)
    for name, shown in (("slate", "None"), ("number", "nan")):
        with pytest.raises(BackendError, match=f"row 2: {shown} is no label for column '{name}'"):
            tables.read([path], {name: "label"})
    assert tables.read([path], {"slate": "text"})["slate"].strings() == ["s1", ""]
