"""Who takes part, by name. What a tuner needs is imported when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec

from tuning.own import Agents, OwnTuner, named
from tuning.tuner import NEAR, WHOLE, MakeTuner, Setup, Tuner

_FUNNEL = Agents(actor="rectune_dsl.agents.actor_funnel:FunnelActor", fit="rectune_dsl.surrogate.slates:fit")
OWN: Mapping[str, Agents] = {
    "bayes": Agents(actor="rectune_dsl.agents.actor_bayes:BayesActor"),
    "rectune": _FUNNEL,
    "rectune-no-panel": replace(_FUNNEL, fit=None, sees_panel=False),
    "rectune-no-residual": replace(_FUNNEL, fit="tuning.ablations:fit_without_residual"),
    "rectune-no-critic": replace(_FUNNEL, critic="rectune_dsl.agents.critic_none:NoCritic"),
    "rectune-no-floor": replace(_FUNNEL, floor=False),
    "rectune-random-first": replace(_FUNNEL, first_actor="rectune_dsl.agents.actor_random:RandomActor"),
}


@dataclass(frozen=True)
class Peer:
    """Somebody else's tuner, the packages it needs, and how far from production it may look."""

    make: str
    needs: tuple[str, ...] = ()
    radius: float = WHOLE


_WHOLE_BOX: Mapping[str, Peer] = {
    "random": Peer("tuning.plain:RandomTuner"),
    "optuna-tpe": Peer("tuning.optuna_tuners:tpe", ("optuna",)),
    "optuna-gp": Peer("tuning.optuna_tuners:gp", ("optuna", "torch")),
    "ax": Peer("tuning.ax_tuner:AxTuner", ("ax", "torch")),
}
PEERS: Mapping[str, Peer] = {
    **_WHOLE_BOX,
    **{f"near-{name}": replace(peer, radius=NEAR) for name, peer in _WHOLE_BOX.items()},
}
TUNERS = (*OWN, *PEERS)


def available(name: str) -> bool:
    """Whether everything is installed that the tuner needs."""
    return name in OWN or all(find_spec(package) for package in PEERS[name].needs)


def maker(name: str) -> MakeTuner:
    """What makes the tuner with this name. Raises KeyError if there is none."""
    if name in OWN:
        agents = OWN[name]
        return lambda setup: OwnTuner(setup, agents)
    peer = PEERS[name]

    def make(setup: Setup) -> Tuner:
        tuner: Tuner = named(peer.make)(setup, peer.radius)
        return tuner

    return make
