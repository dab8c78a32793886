"""A key, and sessions whose time is told by the test."""

from datetime import date

import pytest

from rectune_dsl.hooks.api import ModelSettings
from rectune_dsl.llm.gemini import Gemini
from rectune_dsl.llm.session import Clock, Session
from rectune_dsl.testing.ledger import MemoryLedger

KEY = "AIzaSyD-never-to-be-seen_0123456789abcde"


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """The key of the environment; nothing else there says how Gemini is reached."""
    for name in (
        "GOOGLE_API_KEY",
        "GOOGLE_GENAI_USE_VERTEXAI",
        "GOOGLE_GENAI_USE_ENTERPRISE",
        "GOOGLE_GENAI_API_VERSION",
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_CLOUD_LOCATION",
        "GOOGLE_GEMINI_BASE_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    return KEY


class Hands:
    """A clock that only waiting moves; `waits` are the seconds."""

    def __init__(self):
        self.waits = []

    def clock(self, day=date(2026, 11, 1)):
        return Clock(seconds=lambda: sum(self.waits), sleep=self.waits.append, today=lambda: day)


@pytest.fixture
def hands():
    return Hands()


@pytest.fixture
def ledger():
    return MemoryLedger()


@pytest.fixture
def session(ledger, hands):
    """`session(server, ...)` asks Gemini at a server."""

    def make(server, /, settings=None, **more):
        settings = settings or ModelSettings(endpoint=server.url, timeout=20.0)
        with_defaults = {"ledger": ledger, "clock": hands.clock(), "step": "round-1/propose", "role": "actor"}
        return Session(Gemini(settings), "gemini", settings, **{**with_defaults, **more})

    return make
