"""Where a run stands, what it asks, and what to do next."""

from __future__ import annotations

import json

from rich.console import Console
from rich.text import Text

from rectune_dsl.agents.words import RISK_UNKNOWN
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import ChangeDescription
from rectune_dsl.memory.codec import encode
from rectune_dsl.report.console import outcome_style
from rectune_dsl.report.turnout import print_turnout
from rectune_dsl.report.view import RunView
from rectune_dsl.report.words import changes, count, moment, predicted
from rectune_dsl.skillhub.render import plain
from rectune_dsl.workflow import clock
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
    if now.abort is not None:
        out.print(Text(abort_words(now.abort)))
    if now.aborted is not None and (said := taken_back_words(now.aborted)):
        out.print(Text(said))
    if now.half_aborted:
        out.print(Text("the abort is not finished: its traffic may still be served", "red"))
    if now.holder is not None:
        seen = f"seen {now.holder.silent_for:.0f} s ago"
        out.print(Text(f"{now.holder.process.holder} works on it, {seen}"))
    asks = now.request if now.answer is None else None
    if asks is not None and asks.has_expired(clock.utc_now()):
        out.print(Text(expired_words(asks)))
        asks = None
    if asks is not None:
        print_request(out, task, now.run, asks, flag)
    elif now.answer is not None:
        answered = "approved" if now.answer.granted else "rejected"
        out.print(Text(f"{now.answer.by} {answered} what it asked; it has not gone on since"))
    elif now.wait is not None:
        out.print(Text(f"it waits for {waiting_words(now.run, now.wait, flag)}"))
    if not now.over and now.holder is None and asks is None:
        out.print(Text(f"`rectune tick {now.run}{flag}` does what can be done now", "dim"))


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
    """A question: arms with what they change, what is expected of them and their risk, the traffic, and what
    silence means."""
    out.print()
    out.rule(Text(f"run {run} {TITLES[request.what]}"), align="left", style="yellow")
    for arm in request.arms:
        _print_arm(out, task, arm)
    for reason in request.reasons:
        out.print(Text(f"  {reason}", "dim"))
    if request.description is not None:
        _print_description(out, request.description)
    out.print(Text(f"traffic: {traffic_words(request)}"))
    if request.serves_from is not None:
        out.print(Text(f"first served: {request.serves_from:%A %Y-%m-%d %H:%M} UTC, if approved at once"))
    out.print(Text(f"if nobody answers: {request.if_ignored}"))
    out.print(Text(f"`rectune approve {run} {request.step}{flag}`", "bold"), end="")
    out.print(Text(f" or `rectune reject {run} {request.step}{flag} --why TEXT`"))


def print_answered(out: Console, request: Request, answer: Approval) -> None:
    out.print(Text(answered_words(request.step, answer)))


def print_aborted(out: Console, run: str, done: Aborted) -> None:
    """What an abort did."""
    out.print(Text(f"run {run} is {aborted_words(done)}"))
    if said := taken_back_words(done):
        out.print(Text(said))


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
    return f"aborted by {order.by} at {order.at:%Y-%m-%d %H:%M} UTC: {order.why}"


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
    return f"`rectune tick {now.run}{flag}` or `rectune resume` goes on with it."


def expired_words(request: Request) -> str:
    """That nobody has answered in time."""
    return f"{request.step} was not answered by {request.expires:%Y-%m-%d %H:%M} UTC, which is a no"


def answered_words(step: str, answer: Approval) -> str:
    """Whose answer was the first."""
    why = f": {answer.why}" if answer.why else ""
    return f"{step} is {'approved' if answer.granted else 'rejected'} by {answer.by}{why}"


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
    mark = f" ({arm.assumed})" if arm.assumed else ""
    return f"breaks a guardrail with probability {arm.risk:.2f}{mark}"


def _print_arm(out: Console, task: Task, arm: AskedArm) -> None:
    out.print(Text.assemble((f"{arm.name}: ", "bold"), changes(arm.config, task.production)))
    out.print(Text(f"  {arm.why}", "dim"))
    if arm.predictions:
        out.print(Text(f"  predicted: {predicted(arm.predictions)}"))
    out.print(Text(f"  risk: {risk_words(arm)}"))


def _print_description(out: Console, told: ChangeDescription) -> None:
    out.print(Text(f"in words, by {told.author}:"))
    for name, said in (
        ("for users", told.for_users),
        ("expected", told.expected),
        ("risk", told.risk),
        ("rollback", told.rollback),
    ):
        out.print(Text.assemble((f"  {name}: ", "bold"), plain(said)))
