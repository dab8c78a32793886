"""Make the compact Open Bandit log that rectune ships, from the wheel of the package obp 0.4.1.

    python tasks/data/make_open_bandit.py [--wheel obp-0.4.1-py3-none-any.whl] [--folder tasks/data]

Without --wheel, pip downloads it. The same wheel gives the same rows, and with the same zlib the
same bytes. Needs nothing but Python.

From the random policy's log of the three campaigns: time, campaign, item, position, click, propensity, and
the user-item affinities that are not 0. User features are left out: the task does not use them.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

WHEEL = "obp-0.4.1-py3-none-any.whl"
SHA256 = "87dec9caf4283c25ab13036532e0a24566f1c7bdcad1653a8ded43b2f5ef8208"
CAMPAIGNS = ("all", "men", "women")
LOG_COLUMNS = ("timestamp", "campaign", "item_id", "position", "click", "propensity_score", "affinity")
ITEM_COLUMNS = ("campaign", "item_id", "item_feature_0")
_AFFINITY = "user-item_affinity_"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--wheel", type=Path, help="read this wheel instead of downloading it")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent, help="where the files go")
    options = parser.parse_args()
    if options.wheel is not None:
        make(options.wheel, options.folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        make(_download(Path(folder)), options.folder)


def make(wheel: Path, folder: Path) -> None:
    """Write `open_bandit.csv.gz` and `open_bandit_items.csv.gz` into `folder`."""
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != SHA256:
        sys.exit(f"{wheel} is not {WHEEL} as published: its SHA-256 differs")
    with zipfile.ZipFile(wheel) as archive:
        log = sorted(row for campaign in CAMPAIGNS for row in _impressions(archive, campaign))
        items = [row for campaign in CAMPAIGNS for row in _items(archive, campaign)]
    _write(folder / "open_bandit.csv.gz", LOG_COLUMNS, log)
    _write(folder / "open_bandit_items.csv.gz", ITEM_COLUMNS, items)


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "obp==0.4.1"]
    subprocess.run([*command, "--dest", str(folder)], check=True)
    return folder / WHEEL


def _impressions(archive: zipfile.ZipFile, campaign: str) -> Iterator[tuple[str, ...]]:
    for row in _rows(archive, f"obp/dataset/obd/random/{campaign}/{campaign}.csv"):
        moment = datetime.fromisoformat(row["timestamp"]).astimezone(UTC)
        yield (
            moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            campaign,
            row["item_id"],
            row["position"],
            row["click"],
            row["propensity_score"],
            _sparse(row),
        )


def _items(archive: zipfile.ZipFile, campaign: str) -> Iterator[tuple[str, ...]]:
    for row in _rows(archive, f"obp/dataset/obd/random/{campaign}/item_context.csv"):
        yield campaign, row["item_id"], f"{float(row['item_feature_0']):.6f}"


def _rows(archive: zipfile.ZipFile, name: str) -> Iterator[dict[str, str]]:
    with archive.open(name) as stream:
        yield from csv.DictReader(io.TextIOWrapper(stream, encoding="utf-8"))


def _sparse(row: dict[str, str]) -> str:
    """The affinities that are not 0, as `item:value;item:value`."""
    values = {name.removeprefix(_AFFINITY): float(v) for name, v in row.items() if name.startswith(_AFFINITY)}
    return ";".join(f"{item}:{value:g}" for item, value in values.items() if value)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    # no time and no file name in the header, so that making it again changes nothing
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(text.getvalue().encode())


if __name__ == "__main__":
    main()
