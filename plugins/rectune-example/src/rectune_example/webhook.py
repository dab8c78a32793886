"""Posts what happens in a campaign to the address in RECTUNE_WEBHOOK, if that is set."""

from __future__ import annotations

import json
import os
from urllib.request import Request, urlopen

from rectune_dsl.hooks.api import AskedFor, RoundResult, Verdict
from rectune_dsl.hooks.specs import hookimpl

ADDRESS = "RECTUNE_WEBHOOK"


@hookimpl
def rectune_approval_asked(run: str, step: str, asked_for: AskedFor) -> None:
    post(f"{run} asks whether to {asked_for}: `rectune approve {run} {step}`")


@hookimpl
def rectune_arm_stopped(run: str, arm: str, why: str) -> None:
    post(f"{run} stopped {arm}: {why}")


@hookimpl
def rectune_round_finished(run: str, result: RoundResult) -> None:
    post(f"{run}: round {result.round} is over{f', frozen: {result.frozen}' if result.frozen else ''}")


@hookimpl
def rectune_run_finished(run: str, verdict: Verdict) -> None:
    post(f"{run}: {verdict.decision}. {'; '.join(verdict.reasons)}")


def post(text: str) -> bool:
    """Whether there is an address to post to. Raises OSError where it does not take the text."""
    address = os.environ.get(ADDRESS, "").strip()
    if not address:
        return False
    headers = {"Content-Type": "application/json"}
    urlopen(Request(address, json.dumps({"text": text}).encode(), headers), timeout=10).close()
    return True
