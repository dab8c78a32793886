"""Campaigns killed with `kill -9` at random moments and resumed, on each kind of store. Is anything lost?

Each campaign runs as real processes of the command line, on an A/B platform that is a server of its own and
keeps a ledger. A process lives for a random part of what an undisturbed campaign takes, is killed, and the
run is resumed, until it ends. Then the platform has to hold each experiment once, started and stopped, and
`rectune show --json` has to say what it says of a campaign that was never killed.

    python benchmarks/faults.py --json

200 kills per store take about ten minutes on two processors. PostgreSQL is a real server (`pgserver`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform as machine
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from kills.platform import Ledger, Platform

from rectune_dsl.memory.journal import Journal

KILLS, QUICK_KILLS = 200, 6
EXPERIMENTS = 3
"""Of a campaign: two rounds and the confirmation."""
MOST_LIVES = 200
HERE = Path(__file__).parent / "kills"
PLUGIN, TASK = HERE / "plugin.py", HERE / "task.toml"
STORES = ("sqlite", "postgresql")


@dataclass
class Toll:
    """What was done to campaigns on one kind of store, and what came of it. `in_acts` are kills between the
    two entries of an act: it was begun, and whether it was done nobody had written down."""

    campaigns: int = 0
    kills: int = 0
    in_acts: int = 0
    twice: int = 0
    lost: int = 0
    different: int = 0
    undelivered: int = 0
    asked_again: int = 0

    def hold_to_account(self, ledger: Ledger) -> None:
        """Each step has one experiment on the platform, which was started and stopped."""
        steps = [e.step for e in ledger.experiments.values()]
        self.twice += len(steps) - len(set(steps))
        whole = {e.step for e in ledger.experiments.values() if e.started and e.stopped}
        self.lost += max(0, EXPERIMENTS - len(whole))
        self.asked_again += sum(e.created - 1 for e in ledger.experiments.values())


@dataclass(frozen=True)
class Lab:
    """Runs the command line on `platform`, for each store in a folder of its own below `folder`: what one
    campaign has learnt does not reach the next."""

    folder: Path
    platform: Platform

    def start(self, store: str, *words: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PLATFORM": self.platform.address, "NO_PROXY": "127.0.0.1,localhost"}
        command = [sys.executable, "-m", "rectune_dsl", "--plugin", str(PLUGIN), *words, "--store", store]
        workplace = self.folder / hashlib.sha256(store.encode()).hexdigest()[:16]
        workplace.mkdir(exist_ok=True)
        with open(self.folder / "said.txt", "wb") as said:
            return subprocess.Popen(command, cwd=workplace, env=environment, stdout=said, stderr=said)

    def undisturbed(self, store: str) -> float:
        """Run a campaign to its end; the seconds it takes."""
        begun = time.perf_counter()
        with self.start(store, "run", str(TASK), "--yes") as process:
            assert process.wait() == 0, self.said()
        return time.perf_counter() - begun

    def lives(self, store: str, spans: Iterator[float]) -> Iterator[bool]:
        """Run a campaign in processes that live for `spans` seconds; for each whether it was killed."""
        for _ in range(MOST_LIVES):
            begun = bool(_runs(store))
            words = ("resume", "last") if begun else ("run", str(TASK))
            with self.start(store, *words, "--yes") as process:
                try:
                    code = process.wait(next(spans))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    yield True
                    continue
            assert code == 0, self.said()
            yield False
            return
        raise SystemExit("the campaign never ends")

    def story(self, store: str) -> str:
        with self.start(store, "show", "last", "--json") as process:
            assert process.wait() == 0, self.said()
        return self.said()

    def said(self) -> str:
        return (self.folder / "said.txt").read_text()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=0, help="first seed of the moments")
    parser.add_argument("--kills", type=int, default=None, help=f"per store; {KILLS} by default")
    parser.add_argument("--stores", nargs="+", choices=STORES, default=STORES)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_KILLS} kills per store")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    kills = args.kills or (QUICK_KILLS if args.quick else KILLS)
    begun = time.perf_counter()
    tolls = {}
    with tempfile.TemporaryDirectory() as folder, Platform() as platform:
        lab = Lab(Path(folder), platform)
        for kind in args.stores:
            with _stores(kind, lab.folder) as new:
                tolls[kind] = _study(lab, new, kills, random.Random(f"{kind}/{args.seeds}"))
    setup = {
        "kills": kills,
        "seeds": args.seeds,
        "seconds": round(time.perf_counter() - begun, 1),
        "rectune": version("rectune"),
        "python": machine.python_version(),
        "processors": os.cpu_count(),
    }
    figures = [figure for kind, toll in tolls.items() for figure in _figures(kind, toll, kills)]
    if args.json:
        print(json.dumps({"setup": setup, "figures": figures}, indent=2))
    else:
        for figure in figures:
            print(f"{figure['name']:45} {figure['value']:>8} {'' if figure['ok'] else '  missed'}")
    sys.exit(0 if all(figure["ok"] for figure in figures) else 1)


def _study(lab: Lab, new_store: Callable[[], str], kills: int, moments: random.Random) -> Toll:
    whole = new_store()
    span = lab.undisturbed(whole)
    story, config = lab.story(whole), lab.platform.ledger.delivered
    toll = Toll()
    while toll.kills < kills:
        lab.platform.reset()
        store = new_store()

        def spans() -> Iterator[float]:
            while True:  # when the kills are used up, the campaign may end
                yield moments.uniform(0, span) if toll.kills < kills else 100 * span

        for killed in lab.lives(store, spans()):
            toll.kills += killed
            toll.in_acts += killed and _is_in_act(store)
        toll.campaigns += 1
        toll.hold_to_account(lab.platform.ledger)
        toll.different += lab.story(store) != story
        toll.undelivered += lab.platform.ledger.delivered != config
        print(f"{toll.kills} of {kills} kills, {toll.campaigns} campaigns", file=sys.stderr)
    return toll


def _is_in_act(store: str) -> bool:
    runs = _runs(store)
    entries = Journal(store).entries(runs[0]) if runs else []
    return bool(entries) and entries[-1].is_attempt


def _runs(store: str) -> list[str]:
    return [row.run for row in Journal(store).runs()]


@contextmanager
def _stores(kind: str, folder: Path) -> Iterator[Callable[[], str]]:
    """Makes empty stores of a kind."""
    if kind == "sqlite":
        yield lambda: str(folder / f"{uuid.uuid4().hex}.sqlite")
        return
    import psycopg
    from pgserver.postgres_server import get_server

    server = get_server(folder / "postgresql")

    def new() -> str:
        name = f"store_{uuid.uuid4().hex}"
        with psycopg.connect(server.get_uri(), autocommit=True) as db:
            db.execute(f"CREATE DATABASE {name}".encode())
        return str(server.get_uri(name))

    try:
        yield new
    finally:
        server.cleanup()


def _figures(kind: str, toll: Toll, kills: int) -> list[dict[str, object]]:
    def figure(name: str, value: int, unit: str, goal: str, ok: bool = True) -> dict[str, object]:
        return {"name": f"{kind}: {name}", "value": value, "unit": unit, "goal": goal, "ok": ok}

    return [
        figure("kills", toll.kills, "kills", f">= {kills}", toll.kills >= kills),
        figure("kills between the entries of an act", toll.in_acts, "kills", ""),
        figure("campaigns that were killed and ended", toll.campaigns, "campaigns", ""),
        figure("experiments asked for again after a kill", toll.asked_again, "calls", ""),
        figure("experiments launched twice", toll.twice, "experiments", "0", toll.twice == 0),
        figure("experiments lost", toll.lost, "experiments", "0", toll.lost == 0),
        figure("journals that tell another story", toll.different, "campaigns", "0", toll.different == 0),
        figure("deliveries lost or wrong", toll.undelivered, "campaigns", "0", toll.undelivered == 0),
    ]


if __name__ == "__main__":
    main()
