"""Where a run stands and what it asks, as parts of its page."""

from __future__ import annotations

from collections.abc import Mapping

from rectune_dsl.memory.glance import Glance
from rectune_dsl.memory.journal import Journal
from rectune_dsl.report.pages.blocks import Prose
from rectune_dsl.report.standing import TITLES, going_on, question, sentence
from rectune_dsl.report.tables import Tone
from rectune_dsl.ui.forms import NOTHING, Entered
from rectune_dsl.ui.lines import state_of, telling
from rectune_dsl.ui.render import Part, part, run_path
from rectune_dsl.workflow.prepare import header_of
from rectune_dsl.workflow.standing import standing

_MOST_ARMS = 200
"""How many arms of a question are shown."""
_TONES: Mapping[str, Tone] = {"asks": "doubtful", "abort unfinished": "bad", "aborted": "bad"}


class Standings:
    """`failures` tells of aborts that failed after their order was given."""

    def __init__(self, journal: Journal, flag: str, failures: Mapping[str, str]) -> None:
        self._journal, self._flag, self._failures = journal, flag, failures
        self._production: dict[str, Mapping[str, float]] = {}

    def parts(self, run: str, csrf: str, entered: Entered = NOTHING) -> tuple[Part, ...]:
        """Where the run stands, its question with the forms to answer it, and the form to abort it. The forms
        are those of one session, by its token."""
        glance = Glance(self._journal, telling)
        now, last = standing(glance, run), glance.entries(run)[-1]
        at = last.at[:19].replace("T", " ")
        done = Prose(f"The last that was done is {last.key}, at {at} UTC.", "dim")
        banner = part(
            "standing",
            "standing.html",
            state=state_of(now),
            sentence=sentence(now),
            tone=_TONES.get(state_of(now), ""),
            blocks=(*going_on(now, self._flag, self._failures.get(run, "")), done),
        )
        asks = now.asks
        asked = part(
            "question",
            "question.html",
            path=run_path(run),
            request=asks,
            title=TITLES[asks.what] if asks else "",
            blocks=question(asks, self._of_production(run), _MOST_ARMS) if asks else (),
            csrf=csrf,
            entered=entered,
        )
        aborting = part("abort", "abort.html", path=run_path(run), now=now, csrf=csrf, entered=entered)
        return banner, asked, aborting

    def _of_production(self, run: str) -> Mapping[str, float]:
        """What was served when the run began, which never changes."""
        if run not in self._production:
            self._production[run] = header_of(self._journal, run).production
        return self._production[run]
