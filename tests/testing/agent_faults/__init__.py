"""Actors and critics with one fault each: what people who write agents get wrong."""

from agent_faults import predicting, proposing, recommending, repeating, reviewing, situated
from agent_faults.plain import ACTOR_FAULTS, CRITIC_FAULTS, Plain

__all__ = [
    "ACTOR_FAULTS",
    "CRITIC_FAULTS",
    "Plain",
    "predicting",
    "proposing",
    "recommending",
    "repeating",
    "reviewing",
    "situated",
]
