"""Where a run stands and what it asks, as parts of its page."""

from __future__ import annotations

from collections.abc import Mapping

from rectune_dsl.memory.glance import Glance
from rectune_dsl.memory.journal import Entry, Journal
from rectune_dsl.report.pages.blocks import Block, Folded, Listing, Prose, Titled
from rectune_dsl.report.standing import (
    TITLES,
    abort_words,
    aborted_words,
    answered_words,
    expired_words,
    going_on_words,
    risk_words,
    taken_back_words,
    traffic_words,
    waits_for,
)
from rectune_dsl.report.tables import Tone
from rectune_dsl.report.words import changes, predicted
from rectune_dsl.ui.forms import NOTHING, Entered
from rectune_dsl.ui.lines import is_asked, state_of, telling
from rectune_dsl.ui.render import Part, part, run_path
from rectune_dsl.workflow.journaled import AskedArm, Request
from rectune_dsl.workflow.prepare import header_of
from rectune_dsl.workflow.standing import Standing, standing

_MOST_ARMS, _FEW_ARMS = 200, 6
"""How many arms of a question are shown, and up to how many are shown in full at once."""
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
        blocks = _blocks(now, last, self._flag, self._failures.get(run, ""))
        banner = part(
            "standing",
            "standing.html",
            state=state_of(now),
            sentence=sentence(now),
            tone=_TONES.get(state_of(now), ""),
            blocks=blocks,
        )
        asks = now.request if is_asked(now) else None
        asked = part(
            "question",
            "question.html",
            path=run_path(run),
            request=asks,
            title=TITLES[asks.what] if asks else "",
            blocks=question(asks, self._of_production(run)) if asks else (),
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


def sentence(now: Standing) -> str:
    """Where a run stands."""
    if now.abort is not None:
        done = now.aborted
        parts = () if done is None else (f"{aborted_words(done).capitalize()}.", taken_back_words(done))
        return " ".join(filter(None, (f"It was {abort_words(now.abort)}.", *parts)))
    if now.finished:
        return "Its verdict stands below."
    if now.request is not None and now.answer is not None:
        return f"{answered_words(now.request.step, now.answer)}; it has not gone on since."
    if now.request is not None and not is_asked(now):
        return f"{expired_words(now.request)}."
    if now.request is not None:
        return f"It {TITLES[now.request.what]}, and waits for an answer to {now.request.step}."
    if now.wait is not None:
        return f"It waits for {waits_for(now.wait)}."
    return "It goes on." if now.holder is not None else "Nobody works on it."


def question(request: Request, production: Mapping[str, float]) -> tuple[Block, ...]:
    """All that people have to know to answer: arms with what they change, what is expected of them and their
    risk, the traffic, what it says in words, and what silence means."""
    shown = request.arms[:_MOST_ARMS]
    blocks: list[Block] = [_arm(arm, production, is_open=len(shown) <= _FEW_ARMS) for arm in shown]
    if len(shown) < len(request.arms):
        blocks.append(Prose(f"{len(shown)} of {len(request.arms):,} arms; `rectune status` shows them all."))
    served = [f"Traffic: {traffic_words(request)}."]
    if request.serves_from is not None:
        served.append(f"First served: {request.serves_from:%A %Y-%m-%d %H:%M} UTC, if approved at once.")
    served.append(f"If nobody answers: {request.if_ignored}.")
    if request.reasons:
        blocks.append(Listing(request.reasons))
    blocks.append(Listing(tuple(served)))
    if (words := request.description) is not None:
        said = (
            f"For users: {words.for_users}",
            f"Expected: {words.expected}",
            f"Risk: {words.risk}",
            f"Rollback: {words.rollback}",
        )
        blocks.append(Titled(f"In words, by {words.author}", (Listing(said),)))
    return tuple(blocks)


def _arm(arm: AskedArm, production: Mapping[str, float], *, is_open: bool) -> Folded:
    """What an arm changes and its risk, in a line; and what is behind that."""
    risk = f"{'risk ' if arm.risk is None else ''}{risk_words(arm)}"
    summary = f"{arm.name}: {changes(arm.config, production)}; {risk}"
    behind = (Prose(arm.why), Prose(f"Predicted: {predicted(arm.predictions) or 'nothing'}."))
    return Folded(summary, behind, is_open)


def _blocks(now: Standing, last: Entry, flag: str, failure: str) -> tuple[Block, ...]:
    """Who works on it, what it did last, and what goes on with it."""
    blocks: list[Block] = []
    if now.holder is not None:
        blocks.append(Prose(f"{now.holder.process.holder} works on it."))
    if now.half_aborted:
        unfinished = "The abort is not finished: its traffic may still be served."
        blocks.append(Prose(f"{unfinished} `rectune tick {now.run}{flag}` finishes it.", "bad"))
        if failure:
            blocks.append(Prose(f"When it was tried last: {failure}", "bad"))
    elif now.answer is not None:
        blocks.append(Prose(going_on_words(now, flag)))
    elif not now.over and now.holder is None and not is_asked(now):
        blocks.append(Prose(f"`rectune tick {now.run}{flag}` does what can be done now."))
    at = last.at[:19].replace("T", " ")
    blocks.append(Prose(f"The last that was done is {last.key}, at {at} UTC.", "dim"))
    return tuple(blocks)
