"""A run as its journal has it, and what a report finds in it."""

from dataclasses import replace

from rectune_dsl.report.facts.gather import facts
from rectune_dsl.report.facts.slates import replayed
from rectune_dsl.report.view import read_run
from rectune_dsl.workflow.prepare import task_of


class Told:
    """A run as its journal has it, with its task."""

    def __init__(self, journal, run, host):
        self.journal, self.run, self.host = journal, run, host
        self.view = read_run(journal, run)
        self.task = task_of(self.view.header, host)

    def facts(self, *, slates=False, **changes):
        showing = replayed(self.journal, self.run, self.host) if slates else None
        return facts(self.task, replace(self.view, **changes), "", showing)
