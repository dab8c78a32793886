"""Files to columns: CSV, CSV.gz and Parquet, read once, only what is asked for."""

from __future__ import annotations

import csv
import gzip
import importlib
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from glob import glob, has_magic
from pathlib import Path
from typing import Any, Literal, TextIO, cast

import numpy as np
from numpy.typing import NDArray

from rectune_dsl.hooks.errors import BackendError

Kind = Literal["number", "time", "label", "text"]
"""A label names something, so it is never empty; a text may be."""


@dataclass(frozen=True, eq=False)
class Column:
    """`values` (rows,): float64 numbers, int64 microseconds since 1970 UTC, or int64 codes of `labels`."""

    values: NDArray[Any]
    labels: tuple[str, ...] = ()

    def strings(self) -> list[str]:
        """The labels row by row."""
        return [self.labels[code] for code in self.values]


def files(folder: Path, pattern: str) -> list[Path]:
    """The files that `pattern` names, sorted by name. Raises BackendError when there are none."""
    path = folder / pattern
    found = sorted(map(Path, glob(str(path)))) if has_magic(pattern) else [path]
    if not found or not found[0].is_file():
        raise BackendError(
            f"there is no file {path}", help="paths in [replay] start at the folder of the task file"
        )
    return found


def header(path: Path) -> tuple[str, ...]:
    """The names of a file's columns."""
    if _is_parquet(path):
        with _readable(path):
            return tuple(_parquet(path).read_schema(path).names)
    with _open(path) as stream:
        return tuple(next(csv.reader(stream), ()))


def read(paths: Sequence[Path], wanted: Mapping[str, Kind]) -> dict[str, Column]:
    """Read the `wanted` columns of all files, one after the other.

    A number, time or label that is empty or cannot be read raises BackendError with its file and row. Times
    are ISO 8601 (UTC where no zone is given) or seconds, milli- or microseconds since 1970, told
    apart by their size.
    """
    builders = {name: _BUILDERS[kind](name) for name, kind in wanted.items()}
    for path in paths:
        missing = [name for name in wanted if name not in header(path)]
        if missing:
            raise BackendError(
                f"{path} has no column {', '.join(map(repr, missing))}",
                help=f"its columns are {', '.join(header(path))}",
            )
        read_file = _read_parquet if _is_parquet(path) else _read_csv
        read_file(path, builders)
    return {name: builder.column() for name, builder in builders.items()}


def microseconds(value: object) -> int:
    """Microseconds since 1970 UTC. Raises ValueError for what is no time."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(microseconds=1)
    try:
        number = float(value)  # type: ignore[arg-type]
    except ValueError:
        return microseconds(datetime.fromisoformat(str(value)))
    # seconds stay below 1e11 until the year 5138, milliseconds below 1e14
    return round(number * (1e6 if abs(number) < 1e11 else 1e3 if abs(number) < 1e14 else 1))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# --- columns that grow row by row --------------------------------------------------------------


class _Numbers:
    typecode: str = "d"
    dtype: np.dtype[Any] = np.dtype(np.float64)

    def __init__(self, name: str) -> None:
        self._name = name
        self._values = array(self.typecode)

    def add(self, value: object, where: Callable[[], str]) -> None:
        try:
            self._values.append(self._convert(value))
        except (TypeError, ValueError, OverflowError):
            raise BackendError(
                f"{where()}: {value!r} is no {self._what} for column {self._name!r}",
                help="remove the row, or fill the gap, before you replay the log",
            ) from None

    def column(self) -> Column:
        return Column(np.array(self._values, self.dtype))

    _what = "number"

    def _convert(self, value: object) -> Any:
        number = float(value)  # type: ignore[arg-type]
        if not np.isfinite(number):
            raise ValueError
        return number


class _Times(_Numbers):
    typecode = "q"
    dtype = np.dtype(np.int64)
    _what = "time"

    def _convert(self, value: object) -> Any:
        return microseconds(value)


class _Texts(_Numbers):
    typecode = "q"
    dtype = np.dtype(np.int64)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._codes: dict[str, int] = {}

    def column(self) -> Column:
        return Column(np.array(self._values, self.dtype), tuple(self._codes))

    def _convert(self, value: object) -> Any:
        whole = isinstance(value, float) and value.is_integer()
        text = "" if value is None else str(int(value) if whole else value)  # type: ignore[call-overload]
        return self._codes.setdefault(text, len(self._codes))


class _Labels(_Texts):
    _what = "label"

    def _convert(self, value: object) -> Any:
        if value is None or value != value or not str(value).strip():  # NaN is how tables tell of nothing
            raise ValueError
        return super()._convert(value)


_BUILDERS: Mapping[Kind, type[_Numbers]] = {
    "number": _Numbers,
    "time": _Times,
    "label": _Labels,
    "text": _Texts,
}


# --- file formats ------------------------------------------------------------------------------


def _read_csv(path: Path, builders: Mapping[str, _Numbers]) -> None:
    with _open(path) as stream:
        reader = csv.reader(stream)
        names = next(reader)
        places = [(names.index(name), builder) for name, builder in builders.items()]
        for row in reader:
            if len(row) != len(names):
                raise BackendError(
                    f"{path}, line {reader.line_num}: {len(row)} fields instead of {len(names)}",
                    help="repair or remove the line",
                )
            for place, builder in places:
                builder.add(row[place], lambda: f"{path}, line {reader.line_num}")


def _read_parquet(path: Path, builders: Mapping[str, _Numbers]) -> None:
    arrow = importlib.import_module("pyarrow")
    with _readable(path):
        table = _parquet(path).read_table(path, columns=list(builders))
    for name, builder in builders.items():
        values = table.column(name)
        if arrow.types.is_timestamp(values.type):
            values = values.cast(arrow.timestamp("us"), safe=False)
        for index, value in enumerate(values.to_pylist()):
            builder.add(value, lambda index=index: f"{path}, row {index + 1}")  # type: ignore[misc]


@contextmanager
def _open(path: Path) -> Iterator[TextIO]:
    opener = gzip.open if path.suffix == ".gz" else open
    with _readable(path), opener(path, "rt", encoding="utf-8-sig", newline="") as stream:
        yield cast(TextIO, stream)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Whatever keeps a file from being read becomes a BackendError. pyarrow's errors are ValueErrors."""
    try:
        yield
    except (OSError, EOFError, ValueError, csv.Error) as error:
        raise BackendError(
            f"{path} cannot be read: {error}", help="logs are CSV, CSV.gz or Parquet files in UTF-8"
        ) from error


def _is_parquet(path: Path) -> bool:
    return path.suffix in (".parquet", ".pq")


def _parquet(path: Path) -> Any:
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise BackendError(
            f"reading {path} needs pyarrow", help='install it with: pip install "rectune[parquet]"'
        ) from None
