"""Kills a campaign in every single act.

    python kill_chain.py STORE TASK PLUGIN CLOCK_URL

Its days are those of the server's clock, and where it has to wait, that clock goes on. Prints how many
processes were killed.
"""

import json
import sys
import urllib.request
from datetime import datetime, timedelta

import httpx  # noqa: F401  (imported once, for all processes)
import rectune_growthbook.backend  # noqa: F401

from rectune_dsl.testing.kill_chain import run_and_kill
from rectune_dsl.workflow import clock

STORE, TASK, PLUGIN, CLOCK = sys.argv[1:]


def asked(until: datetime | None) -> datetime:
    """The server's time; at a moment, where it was not that late."""
    body = None if until is None else json.dumps({"until": until.isoformat()}).encode()
    request = urllib.request.Request(CLOCK, data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return datetime.fromisoformat(json.load(reply)["now"])


def passed(self: clock.SystemClock, moment: datetime) -> timedelta:
    asked(moment)
    return timedelta()


clock.utc_now = lambda: asked(None)
clock.SystemClock.left = passed
run_and_kill(STORE, TASK, [PLUGIN])
