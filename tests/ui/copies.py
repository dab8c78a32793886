"""Stores made of a real run's records: with hostile text everywhere, or with many runs of a thousand arms."""

import json
from datetime import UTC, datetime

from hostile import PAYLOAD, spoilt

from rectune_dsl.memory.journal import HEADER, Journal
from rectune_dsl.memory.tables import ENTRIES, RUNS

ROUNDS = 50
"""Rounds of a long run: with 20 arms each these are a thousand."""


def hostile_copy(journal, names, url):
    """A store in which every name and word of the runs has the payload; and what they are called there, which
    is without a slash, since no part of a path has one."""
    copy, calls = Journal(url), {}
    for run in names:
        calls[run] = run + PAYLOAD.replace("/", "")
        bodies = [(entry, json.dumps(spoilt(json.loads(entry.body)))) for entry in journal.entries(run)]
        surface = "s" + PAYLOAD
        _insert(copy, calls[run], "t" + PAYLOAD[:60], surface, [(e.key, e.at, body) for e, body in bodies])
    return copy, calls


def long_copies(journal, run, url, many):
    """A store with `many` runs, each with the first round of a run of one round `ROUNDS` times."""
    copy, entries = Journal(url), journal.entries(run)
    last = max(n for n, entry in enumerate(entries) if "round-1/" in entry.key) + 1
    header = [(HEADER, entries[0].at, entries[0].body.replace("rounds = 1", f"rounds = {ROUNDS}"))]
    rounds = [_as_round(entry, n) for n in range(1, ROUNDS + 1) for entry in entries[1:last]]
    ends = [(entry.key.replace("attempt:", "attempt:9"), entry.at, entry.body) for entry in entries[last:]]
    for number in range(many):
        row = journal.find(run)
        _insert(copy, f"{run}-{number:03}", row.task, row.surface, [*header, *rounds, *ends])
    return copy


def same_copies(journal, run, many, first=0):
    """The same run `many` times more in its store, by numbers from the first on."""
    row, entries = journal.find(run), [(e.key, e.at, e.body) for e in journal.entries(run)]
    for number in range(first, first + many):
        _insert(journal, f"copy-{number:03}", row.task, row.surface, entries)


def _as_round(entry, number):
    """An entry of round 1 as one of another round."""
    key = entry.key.replace("round-1/", f"round-{number}/").replace("attempt:", f"attempt:{number}0")
    body = entry.body.replace("r1p", f"r{number}p").replace("round-1/", f"round-{number}/")
    return key, entry.at, body.replace('"round": 1', f'"round": {number}')


def _insert(journal, run, task, surface, entries):
    created = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    with journal.store.writing() as db:
        db.execute(RUNS.insert().values(run=run, task=task, surface=surface, created_at=created))
        rows = [
            {"run": run, "seq": seq, "key": key, "at": at, "body": body}
            for seq, (key, at, body) in enumerate(entries, start=1)
        ]
        db.execute(ENTRIES.insert(), rows)
