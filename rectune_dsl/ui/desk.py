"""What the pages are about and work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.memory.journal import Journal, RunRow
from rectune_dsl.plugins.host import Host
from rectune_dsl.skillhub.hub import Skillhub
from rectune_dsl.ui.acts import Aborts
from rectune_dsl.ui.lines import Lines
from rectune_dsl.ui.reports import Reports
from rectune_dsl.ui.standings import Standings
from rectune_dsl.workflow.journaled import RunHeader


class NotThereError(UsageError):
    """There is no page, since there is nothing to show on it."""


@dataclass(frozen=True)
class Desk:
    """A store, the skills of this folder, and `by`, who acts here. `flag` is what a command needs so that it
    finds the same store."""

    journal: Journal
    skills: Skillhub
    by: str
    flag: str
    lines: Lines
    reports: Reports
    standings: Standings
    aborts: Aborts

    def row(self, run: str) -> RunRow:
        """The run with this id. Raises NotThereError where there is none."""
        found = next((row for row in self.journal.runs() if row.run == run), None)
        if found is None:
            raise NotThereError(f"there is no run {run!r} here", help="the list of runs has all there are")
        return found


def desk(
    journal: Journal, skills: Skillhub, plugins: Callable[[RunHeader], Host], by: str, flag: str
) -> Desk:
    """The desk of a store. `plugins` tells those of a run."""
    aborts = Aborts(journal, plugins, flag)
    reports, standings = Reports(journal, plugins, flag), Standings(journal, flag, aborts.failures)
    return Desk(journal, skills, by, flag, Lines(journal), reports, standings, aborts)


def desk_of(request: Request) -> Desk:
    """The desk of the application that got the request."""
    found: Desk = request.app.state.desk
    return found
