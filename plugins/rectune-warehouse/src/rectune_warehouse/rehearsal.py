"""Rehearsals: days whose traffic a script makes when they are to be observed."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

from rectune_dsl.hooks.api import BackendError

_LONGEST = 400
"""Characters of what a script says of an error."""


def play(script: Path, until: datetime) -> None:
    """Let the script make the traffic until a moment, which is its argument. A script that is asked again for
    days that it has made makes none. Raises BackendError where it fails."""
    done = subprocess.run(
        [sys.executable, script.name, until.isoformat()],
        cwd=script.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())[-_LONGEST:]
        raise BackendError(
            f"the rehearsal's script {script.name} failed: {said or f'exit code {done.returncode}'}",
            help=f"run it by hand, in its folder: python {script.name} {until.isoformat()}",
        )
