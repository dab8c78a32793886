"""Where a run stands, what it asks, and what to do next: told once, for the terminal and for pages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.text import Text

from rectune_dsl.agents.words import RISK_UNKNOWN, marked
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import ChangeDescription
from rectune_dsl.memory.codec import encode
from rectune_dsl.report.console import outcome_style
from rectune_dsl.report.pages.blocks import Block, Folded, Listing, Prose, Titled
from rectune_dsl.report.terminal import print_blocks
from rectune_dsl.report.turnout import print_turnout
from rectune_dsl.report.view import RunView
from rectune_dsl.report.words import answered, changes, count, moment, predicted
from rectune_dsl.skillhub.render import plain
from rectune_dsl.workflow.abort import by_whom
from rectune_dsl.workflow.journaled import Abort, Aborted, Approval, AskedArm, Request, Wait
from rectune_dsl.workflow.standing import Standing

TITLES = {
    "launch": "asks to launch an experiment",
    "confirm": "asks to confirm the recommended config",
    "ship": "asks to make the confirmed config production",
}
"""What a run does when it asks."""


def print_standing(out: Console, task: Task, view: RunView, now: Standing, flag: str) -> None:
    """The run's state, who works on it, what it waits for, and the commands that go on."""
    out.print(Text.assemble(("run ", "dim"), (now.run, "bold"), f"  started {moment(view.started)}"))
    out.print(Text.assemble("state: ", (view.state, outcome_style(view.state))))
    print_turnout(out, view)
    print_blocks(out, (Prose(sentence(now)), *going_on(now, flag)))
    if now.asks is not None:
        print_request(out, task, now.run, now.asks, flag)


def standing_json(view: RunView, now: Standing) -> str:
    """The same for scripts. `abort` is the order, `aborted` what came of it: null until it is finished."""
    held = now.holder
    shown = {
        "run": now.run,
        "state": view.state,
        "over": now.over,
        "held_by": held.process.holder if held else None,
        "waits_for": json.loads(encode(Wait | None, now.wait)),
        "asks": json.loads(encode(Request | None, now.request)),
        "answer": json.loads(encode(Approval | None, now.answer)),
        "abort": json.loads(encode(Abort | None, now.abort)),
        "aborted": json.loads(encode(Aborted | None, now.aborted)),
    }
    return json.dumps(shown, indent=2, sort_keys=True, ensure_ascii=False)


def print_request(out: Console, task: Task, run: str, request: Request, flag: str) -> None:
    """A question, and the commands that answer it."""
    out.print()
    out.rule(Text(f"run {run} {TITLES[request.what]}"), align="left", style="yellow")
    print_blocks(out, question(request, task.production))
    if len(request.arms) > 1 and request.description is not None:
        out.print(Text(f"`rectune show {run}{flag} --full` tells why each was proposed", "dim"))
    out.print(Text(f"`rectune approve {run} {request.step}{flag}`", "bold"), end="")
    out.print(Text(f" or `rectune reject {run} {request.step}{flag} --why TEXT`"))


def print_answered(out: Console, request: Request, answer: Approval) -> None:
    out.print(Text(answered_words(request.step, answer)))


def print_aborted(out: Console, run: str, done: Aborted) -> None:
    """What an abort did."""
    out.print(Text(f"run {run} is {aborted_words(done)}"))
    if said := taken_back_words(done):
        out.print(Text(said))


def sentence(now: Standing) -> str:
    """Where a run stands."""
    if now.abort is not None:
        done = now.aborted
        parts = () if done is None else (f"{aborted_words(done).capitalize()}.", taken_back_words(done))
        return " ".join(filter(None, (f"It was {abort_words(now.abort)}.", *parts)))
    if now.finished:
        return "It is finished."
    if now.request is not None and now.answer is not None:
        return f"{answered_words(now.request.step, now.answer)}; it has not gone on since."
    if now.asks is not None:
        return f"It {TITLES[now.asks.what]}, and waits for an answer to {now.asks.step}."
    if now.request is not None:
        return f"{expired_words(now.request)}."
    if now.wait is not None:
        return f"It waits for {waits_for(now.wait)}."
    return "It goes on." if now.holder is not None else "Nobody works on it."


def going_on(now: Standing, flag: str, failure: str = "") -> tuple[Block, ...]:
    """Who works on a run, and what goes on with it. `failure` is that of an abort that is not finished."""
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
    elif not now.over and now.holder is None and now.asks is None:
        blocks.append(Prose(f"`rectune tick {now.run}{flag}` does what can be done now.", "dim"))
    return tuple(blocks)


def question(request: Request, production: Mapping[str, float], most: int | None = None) -> tuple[Block, ...]:
    """All that people have to know to answer: arms with what they change and their risk, the traffic, what
    silence means, and what it all means in words. Of more arms than `most` the first are told."""
    shown, words = request.arms[:most], request.description
    blocks: list[Block] = [_arm(arm, request, production) for arm in shown]
    if len(shown) < len(request.arms):
        blocks.append(Prose(f"{len(shown)} of {len(request.arms):,} arms; `rectune status` shows them all."))
    if request.reasons:
        blocks.append(Listing(request.reasons))
    blocks.append(Listing(tuple(_served(request))))
    if words is not None:
        blocks.append(Titled(f"In words, by {words.author}", (Listing(_described(words)),)))
    return tuple(blocks)


def aborted_words(done: Aborted) -> str:
    """What an abort stopped."""
    stopped = f"stopped: {', '.join(done.stopped)}" if done.stopped else "no experiment was running"
    return f"aborted; {stopped}"


def taken_back_words(done: Aborted) -> str:
    """What became of what it had shipped, in a sentence; empty where nothing had been."""
    if done.rolled_back:
        return "What it had shipped is taken back: the config before it is production again."
    return f"What it shipped was not taken back: {done.kept}." if done.kept else ""


def abort_words(order: Abort) -> str:
    return f"aborted {by_whom(order)}"


def waits_for(wait: Wait) -> str:
    return wait.why if wait.until is None else f"{wait.why}, until {wait.until:%Y-%m-%d %H:%M} UTC"


def waiting_words(run: str, wait: Wait, flag: str) -> str:
    """What a run waits for, and what helps."""
    if wait.until is not None:
        return f"{waits_for(wait)}; `rectune tick {run}{flag}` goes on then"
    return f"{waits_for(wait)}: `rectune status {run}{flag}` shows what it asks"


def going_on_words(now: Standing, flag: str) -> str:
    """Who goes on with a run whose question was answered, or which command does."""
    if now.holder is not None:
        return f"{now.holder.process.holder} goes on with it."
    return f"`rectune tick {now.run}{flag}` or `rectune resume {now.run}{flag}` goes on with it."


def expired_words(request: Request) -> str:
    """That nobody has answered in time."""
    return f"{request.step} was not answered by {request.expires:%Y-%m-%d %H:%M} UTC, which is a no"


def answered_words(step: str, answer: Approval) -> str:
    """Whose answer was the first."""
    return f"{step} is {answered(granted=answer.granted, by=answer.by, why=answer.why)}"


def traffic_words(request: Request) -> str:
    """Who would take part, for how long, and how many of them first."""
    share = "" if request.share is None else f", {request.share:.1%} of all users"
    if request.what == "ship":
        return f"everybody{'' if not request.users_per_arm else f', {count(request.users_per_arm)} users'}"
    steps = ", then ".join(f"{fraction:.0%}" for fraction in request.ramp.steps)
    ramp = f"; {steps} of them first, for {count(request.ramp.lasts, 'day')} before" if steps else ""
    days = count(request.days, "day")
    return f"{count(request.users_per_arm)} users per arm and in control for {days}{share}{ramp}"


def risk_words(arm: AskedArm) -> str:
    """How likely it breaks a guardrail, with what of that is assumed, or that nobody knows."""
    if arm.risk is None:
        return RISK_UNKNOWN
    return marked(f"breaks a guardrail with probability {arm.risk:.2f}", arm.assumed)


def _arm(arm: AskedArm, request: Request, production: Mapping[str, float]) -> Folded:
    """What an arm changes and its risk, in a line; and what is behind that. Words on all arms tell what is
    predicted, and most of the reasons, which are folded then. On what a single one rests they do not."""
    risk = f"{'risk ' if arm.risk is None else ''}{risk_words(arm)}"
    summary = f"{arm.name}: {changes(arm.config, production)}; {risk}"
    if request.description is not None:
        return Folded(summary, (Listing((plain(arm.why),)),), is_open=len(request.arms) == 1)
    expected = f"Predicted: {predicted(arm.predictions) or 'nothing'}."
    return Folded(summary, (Listing((plain(arm.why), expected)),), is_open=True)


def _described(words: ChangeDescription) -> tuple[str, ...]:
    """A line each, whoever wrote them."""
    return (
        f"For users: {plain(words.for_users)}",
        f"Expected: {plain(words.expected)}",
        f"Risk: {plain(words.risk)}",
        f"Rollback: {plain(words.rollback)}",
    )


def _served(request: Request) -> Iterator[str]:
    """To whom, from when, and what if nobody answers."""
    yield f"Traffic: {traffic_words(request)}."
    if request.serves_from is not None:
        yield f"First served: {request.serves_from:%A %Y-%m-%d %H:%M} UTC, if approved at once."
    yield f"If nobody answers: {request.if_ignored}."
