"""The contracts of actors and critics hold for what comes with rectune, and catch what people get wrong."""

import inspect
import sys
from pathlib import Path

import pytest

from rectune_dsl.agents.actor_bayes import BayesActor
from rectune_dsl.agents.actor_funnel import FunnelActor
from rectune_dsl.agents.actor_random import RandomActor
from rectune_dsl.agents.critic_none import NoCritic
from rectune_dsl.agents.critic_numeric import NumericCritic
from rectune_dsl.agents.llm.actor import HybridActor, LLMActor
from rectune_dsl.agents.llm.critic import LLMCritic
from rectune_dsl.testing import ActorContract, CriticContract, agent_contract

sys.path.insert(0, str(Path(__file__).parent))

from agent_faults import ACTOR_FAULTS, CRITIC_FAULTS, Plain
from suites import failing, names_of


class TestBayesActor(ActorContract):
    @pytest.fixture
    def make(self):
        return BayesActor


class TestFunnelActor(ActorContract):
    @pytest.fixture
    def make(self):
        return FunnelActor


class TestRandomActor(ActorContract):
    @pytest.fixture
    def make(self):
        return RandomActor


class TestNumericCritic(CriticContract):
    @pytest.fixture
    def make(self):
        return NumericCritic


class TestNoCritic(CriticContract):
    @pytest.fixture
    def make(self):
        return NoCritic


class TestLLMActorsWithoutAModel(ActorContract):
    @pytest.fixture(params=[LLMActor, HybridActor])
    def make(self, request):
        return request.param


class TestLLMCriticWithoutAModel(CriticContract):
    @pytest.fixture
    def make(self):
        return LLMCritic


def actor_fixtures(kind):
    return {"asked": agent_contract.actor.Asked(kind, None, {})}


def critic_fixtures(kind):
    return {"asked": agent_contract.critic.Asked(kind, None, {})}


def test_a_plain_actor_keeps_the_contract():
    assert failing(ActorContract, actor_fixtures(Plain)) == []


@pytest.mark.slow
@pytest.mark.parametrize("fault", ACTOR_FAULTS)
def test_a_fault_of_an_actor_fails_exactly_its_tests(fault):
    assert failing(ActorContract, actor_fixtures(fault)) == ACTOR_FAULTS[fault]


@pytest.mark.slow
@pytest.mark.parametrize("fault", CRITIC_FAULTS)
def test_a_fault_of_a_critic_fails_exactly_its_tests(fault):
    assert failing(CriticContract, critic_fixtures(fault)) == CRITIC_FAULTS[fault]


@pytest.mark.parametrize(
    ("suite", "faults"), [(ActorContract, ACTOR_FAULTS), (CriticContract, CRITIC_FAULTS)]
)
def test_every_test_catches_some_fault_and_says_what_is_lost(suite, faults):
    assert {test for tests in faults.values() for test in tests} == set(names_of(suite))
    for name in names_of(suite):
        assert getattr(suite, name).__doc__.startswith("Else "), name


def test_without_a_factory_it_says_what_to_write():
    with pytest.raises(NotImplementedError, match="a fixture `make`"):
        inspect.unwrap(ActorContract.make)(ActorContract())
