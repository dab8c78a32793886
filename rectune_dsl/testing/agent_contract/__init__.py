"""Suites for authors of actors and critics: subclass one, and give it a fixture `make`.

    class TestMine(ActorContract):
        @pytest.fixture
        def make(self):
            return Mine

`make()` is a new agent, as a new process makes it. Tests run in the situations that campaigns bring agents
into: see `situations.py` beside this. Whoever asks a language model overrides the fixture `llm`, which is
None otherwise: an agent has to do without, since a model may not answer. Each test says in its docstring what
a user loses where it fails.

No patch release adds a test to a suite, or makes one harder to pass.
"""

from rectune_dsl.testing.agent_contract.actor import ActorContract
from rectune_dsl.testing.agent_contract.critic import CriticContract
from rectune_dsl.testing.agent_contract.situations import SITUATIONS, context

__all__ = ["SITUATIONS", "ActorContract", "CriticContract", "context"]
