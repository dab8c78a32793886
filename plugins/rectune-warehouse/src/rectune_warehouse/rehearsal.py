"""Rehearsals: days whose traffic a script makes when they are to be observed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

from rectune_dsl.hooks.api import BackendError

LONGEST = timedelta(hours=1)
"""A script takes no more for the days between two looks."""
_WORDS = 400
"""Characters of what a script says of an error."""
_SECRET = re.compile("key|token|secret|pass|credential", re.IGNORECASE)
"""Names of environment variables that are no business of made-up traffic."""


def play(script: Path, until: datetime) -> None:
    """Let the script make the traffic until a moment, which is its argument. A script that is asked again for
    days that it has made makes none. It does not see the environment's secrets. Raises BackendError where it
    fails or takes too long."""
    try:
        done = subprocess.run(
            [sys.executable, script.name, until.isoformat()],
            cwd=script.parent,
            env={name: value for name, value in os.environ.items() if not _SECRET.search(name)},
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST.total_seconds(),
        )
    except subprocess.TimeoutExpired:
        raise _failed(script, until, f"it took more than {LONGEST}") from None
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())[-_WORDS:]
        raise _failed(script, until, said or f"exit code {done.returncode}")


def _failed(script: Path, until: datetime, said: str) -> BackendError:
    return BackendError(
        f"the rehearsal's script {script.name} failed: {said}",
        help=f"run it by hand, in its folder: python {script.name} {until.isoformat()}",
    )
