"""A page's folder, in which its files stand and its commands are run, as by a reader who copies them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from page_blocks import ROOT

LONGEST = 300
"""Seconds that a command may take."""
EXACT = re.compile(r"rectune (init|check|explain|ls)\b")
"""Commands that print no estimates, whose last digits differ on another processor."""
BLURS = {
    r"[\w-]+-\d{8}-\d{6}-[0-9a-f]{4}": "RUN",
    r"\b[0-9a-f]{12}\b": "REVISION",
    r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?": "DATE",
    r"\d+(\.\d+)? ?s\b": "TIME",
    "─+": "─",
}
LONG_WORK = re.compile(r"(?m)^.*(, \d+:\d\d:\d\d so far|: done in \d+:\d\d:\d\d)\n")
"""Lines on work that takes long, of which a reader's terminal shows a bar, and only where it is slow."""
NUMBER = {r"[-+]?\d[\d,.]*(e-\d+)?": "#"}


class Shell:
    """`bash` in a folder that has the repository's `tasks` and `skills`, as a clone has."""

    def __init__(self, folder: Path) -> None:
        self.folder = self._place = folder
        for name in ("tasks", "skills"):
            shutil.copytree(ROOT / name, folder / name)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("RECTUNE_")}
        path = os.pathsep.join([str(Path(sys.executable).parent), clean["PATH"]])
        ours = {"PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "NO_COLOR": "1"}
        self._environment = clean | ours

    def write(self, name: str, text: str) -> Path:
        """Write a file of the page."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, script: str) -> tuple[int, str]:
        """The exit code of a script, and what it said. The next one begins in the folder in which it ended. A
        script that takes too long is ended with all that it started."""
        place = self.folder / ".place"
        with subprocess.Popen(
            ["bash", "-c", f"trap 'pwd >{place}' EXIT\n{script}"],
            cwd=self._place,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as shell:
            try:
                said, _ = shell.communicate(timeout=LONGEST)
            except subprocess.TimeoutExpired:
                os.killpg(shell.pid, signal.SIGKILL)
                raise
        self._place = Path(place.read_text(encoding="utf-8").strip())
        return shell.returncode, LONG_WORK.sub("", said)


def commands(transcript: str) -> Iterator[tuple[str, str]]:
    """Each command of a transcript, after `$ `, and what it says."""
    for part in re.split(r"^\$ ", transcript, flags=re.MULTILINE)[1:]:
        command, _, said = part.partition("\n")
        yield command.partition("  #")[0].rstrip(), said


def missing(command: str, said: str, told: str) -> str | None:
    """The first part of what is told of a command, between dots, that it did not say in that order, or what
    it said beyond that; None where it said what is told. Ids, dates and times may differ, and how lines are
    broken."""
    blurs = BLURS | ({} if EXACT.search(command) else NUMBER)
    output, parts = _blurred(said, blurs), [_blurred(part, blurs) for part in told.split("...")]
    if not output.startswith(parts[0]):
        return parts[0]
    at = len(parts[0])
    for part in parts[1:]:
        found = output.find(part, at)
        if found < 0:
            return part
        at = found + len(part)
    return None if not parts[-1] and len(parts) > 1 else output[at:].strip() or None


def _blurred(text: str, blurs: dict[str, str]) -> str:
    for pattern, instead in blurs.items():
        text = re.sub(pattern, instead, text)
    return " ".join(text.split())
