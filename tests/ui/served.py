"""Campaigns that wait for answers, and the console over them on a real socket."""

import asyncio
import contextlib
import threading
import time
from pathlib import Path

from browser import Browser

from rectune_dsl.dsl.source import Source
from rectune_dsl.memory.codec import decode
from rectune_dsl.plugins.host import Host
from rectune_dsl.skillhub.hub import Skillhub
from rectune_dsl.ui.app import console
from rectune_dsl.ui.desk import desk
from rectune_dsl.ui.door import Door
from rectune_dsl.ui.serve import Server, listening
from rectune_dsl.workflow.abort import ABORT
from rectune_dsl.workflow.approval import answer_request
from rectune_dsl.workflow.assemble import campaign
from rectune_dsl.workflow.choices import Choices
from rectune_dsl.workflow.journaled import Abort, Approval
from rectune_dsl.workflow.pause import Waiting
from rectune_dsl.workflow.prepare import begin, load, reload

PLANTED = Path(__file__).parents[1] / "workflow" / "planted.py"
TASK = PLANTED.with_suffix(".toml").read_text()
ASK = TASK + '\n[approval]\nmode = "ask"\n'


class Clock:
    now = 1_000_000.0

    def __call__(self):
        return self.now


def begun(journal, text=ASK, plugins=()):
    """A new run of a task, which has done nothing yet."""
    choices = Choices(plugin_files=(str(PLANTED),))
    loaded = load(Source("task.toml", text), Host([PLANTED, *plugins]), choices)
    return Run(journal, begin(loaded, choices, journal), plugins)


class Run:
    """A campaign that is taken up, and left where it has to wait, whenever `go` is called."""

    def __init__(self, journal, name, plugins=()):
        self.journal, self.name, self.host = journal, name, Host([PLANTED, *plugins])

    def go(self):
        with contextlib.suppress(Waiting):
            loaded = reload(self.journal, self.name, self.host)
            campaign(self.name, loaded, self.journal, self.host, stay=False).run()

    def ship(self):
        """Take it to its end, with a yes to all that it asks."""
        for step in ("round-1/approve", "round-2/approve", "confirm", "verdict"):
            self.go()
            answer_request(self.journal, self.name, step, Approval(True, "ada", "fine"))
        self.go()

    def approval(self, step):
        entry = self.journal.entry(self.name, f"{step}/approval")
        return None if entry is None else decode(Approval, entry.body)

    @property
    def abort(self):
        entry = self.journal.entry(self.name, ABORT)
        return None if entry is None else decode(Abort, entry.body)

    @property
    def path(self):
        return f"/runs/{self.name}"


class Served:
    """The console of a store, on a port of its own; `clock` is that of its sessions."""

    def __init__(self, journal, folder, by="ada"):
        self.clock, self.stopping = Clock(), asyncio.Event()
        self.door = Door(self.clock)
        skills = Skillhub((folder / "skills",), folder / ".rectune" / "skills")
        self.desk = desk(journal, skills, lambda header: Host([PLANTED]), by, "")
        self._listening = listening(0)
        listener = self._listening.__enter__()
        self.port = listener.getsockname()[1]
        self.server = Server(console(self.desk, self.door, self.port, self.stopping), self.stopping)
        self._thread = threading.Thread(target=lambda: self.server.run([listener]), daemon=True)
        self._thread.start()
        while not self.server.started:
            time.sleep(0.005)

    def stop(self):
        self.server.should_exit = True
        self._thread.join(10)
        self._listening.__exit__(None, None, None)
        assert not self._thread.is_alive()

    def stranger(self):
        """A browser without a session."""
        return Browser(self.port)

    def browser(self):
        """One that has followed a link."""
        made = Browser(self.port)
        assert made.get(f"/enter?token={self.door.new_token()}").status == 303
        return made
