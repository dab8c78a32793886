"""What skills tell an agent: of its own task, and of one with other params, metrics and bounds."""

from __future__ import annotations

from typing import Any

from rectune_dsl.hooks.api import KnowledgeRecord, Mechanic, Response, Scope, Skill, TightBounds


def _record(id: str, **known: Any) -> KnowledgeRecord:
    """An active record, which may steer an agent. Why it became active was not written down."""
    said = f"What earlier campaigns have shown: {id}."
    return KnowledgeRecord(
        id=id,
        statement=said,
        scope=Scope(),
        status="active",
        mechanic=known.pop("mechanic", None),
        supports=(f"earlier/{id}",),
        contradicts=(),
        author="a person",
        **known,
    )


def _mechanic(metric: str, cause: str) -> Mechanic:
    return Mechanic(
        metric, cause, "+10 %", 0.03, 0.02, 0.04, ("earlier/round-1",), f"{cause} raises {metric}."
    )


def _skill(name: str, initial_values: dict[str, float], *knowledge: KnowledgeRecord) -> Skill:
    return Skill(
        name=name,
        description="Fusing what heads predict.",
        context="Feeds.",
        requirement="More of what people come for.",
        north_star="Watch time.",
        initial_config="See the values.",
        domain_knowledge="Likes are rare.",
        tools="",
        initial_values=initial_values,
        knowledge=knowledge,
        revision="r1",
    )


OWN = _skill(
    "fusion",
    {"w_click": 1.2, "w_like": 3.0},
    _record("likes make people watch", mechanic=_mechanic("watch", "slate:mean:p_like")),
    _record("w_like lies high", bounds=TightBounds("w_like", 2.0, 12.0)),
    _record(
        "how watching responds", responses=(Response("watch", ("mean:p_long",), (0.4,), ((0.04,),), 0.05),)
    ),
    _record("people read what they are told"),
)
"""The task's own skill: elasticities, tightened bounds, values to begin with, and words."""
FOREIGN = _skill(
    "sharing",
    {"w_click": 9.0, "w_share": 2.0},
    _record("shares raise subscriptions", mechanic=_mechanic("subscriptions", "slate:mean:p_share")),
    _record("w_click lies far out", bounds=TightBounds("w_click", 4.0, 12.0)),
    _record("w_long lies beyond, too", bounds=TightBounds("w_long", 1.0, 30.0)),
    _record("w_share lies low", bounds=TightBounds("w_share", 0.0, 1.0)),
)
"""A skill that was learnt where params had other names and wider bounds, and other metrics were judged."""
