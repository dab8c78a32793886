"""Who does the work in a campaign: numeric agents, or ones that ask a model."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from rectune_dsl.hooks.specs import Role
from rectune_dsl.testing.llm_server import LLMServer

STAND_IN = "local"
"""No language model: a server on this machine that answers with a sample of the schema."""
_STAND_IN_SPEAKS, _STAND_IN_KEY = "gemini", "not-a-key"
_OTHER_WAYS = ("GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI")
"""Variables that would lead Gemini's provider away from the stand-in."""


@dataclass(frozen=True)
class Model:
    """Who is asked. Without a `name` it is the provider's own default."""

    provider: str
    name: str = ""

    @property
    def is_stand_in(self) -> bool:
        return self.provider == STAND_IN

    def __str__(self) -> str:
        told = f"{self.provider} {self.name}".strip()
        return f"{told} (a stand-in, no language model)" if self.is_stand_in else told


@dataclass(frozen=True)
class Team:
    """Agents by role, those that differ from the task's own; `model` is whom they ask, None for nobody."""

    name: str
    agents: tuple[tuple[Role, str], ...] = ()
    model: Model | None = None

    def __str__(self) -> str:
        return self.name if self.model is None else f"{self.name}, {self.model}"


@dataclass(frozen=True)
class Access:
    """How models are reached. From a cassette that is replayed come all answers; one that is not is recorded.
    `max_usd` is the most that one campaign may spend."""

    cassette: Path | None = None
    replays: bool = False
    max_usd: float | None = None


NUMERIC = Team("numeric")
ALONE = Team("numeric actor alone", (("critic", "none"),))


def asking(model: Model) -> Team:
    """All five agents ask."""
    roles: tuple[Role, ...] = get_args(Role)
    return Team("llm", tuple((role, "llm") for role in roles), model)


def asking_alone(model: Model) -> Team:
    """The same without a Critic."""
    agents = dict(asking(model).agents) | {"critic": "none"}
    return Team("llm without critic", tuple(agents.items()), model)


def hybrid(model: Model) -> Team:
    """The Actor's pool is a model's and the numeric actor's; all else is numeric."""
    return Team("hybrid", (("actor", "hybrid"),), model)


@contextmanager
def reached(team: Team, access: Access) -> Iterator[Mapping[str, object]]:
    """The task's `[llm]` table for a team, empty where nobody is asked; the stand-in listens meanwhile."""
    with ExitStack() as stack:
        if team.model is None:
            yield {}
        elif team.model.is_stand_in:
            server = stack.enter_context(LLMServer())
            stack.enter_context(_key_of_stand_in())
            yield {"provider": _STAND_IN_SPEAKS, "endpoint": server.url}
        else:
            yield _table(team.model, access)


def _table(model: Model, access: Access) -> dict[str, object]:
    told: dict[str, object] = {"provider": model.provider, "model": model.name}
    if access.cassette is not None:
        mode = "replay" if access.replays else "record"
        told |= {"cassette": str(access.cassette), "cassette_mode": mode}
    return told | ({} if access.max_usd is None else {"max_usd": access.max_usd})


@contextmanager
def _key_of_stand_in() -> Iterator[None]:
    before = dict(os.environ)
    for name in _OTHER_WAYS:
        os.environ.pop(name, None)
    os.environ["GEMINI_API_KEY"] = _STAND_IN_KEY
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
