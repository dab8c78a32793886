"""What agents hand over, held against their contracts before anybody relies on it."""

from __future__ import annotations

from collections.abc import Iterable

from rectune_dsl.hooks.api import ChangeDescription, PluginError, Proposal, Review


def well_proposed(proposals: Iterable[Proposal]) -> tuple[Proposal, ...]:
    """The proposals, or a PluginError: they are proposals, with names of their own."""
    found = _all(Proposal, proposals, "the Actor")
    names = [p.name for p in found]
    if len(set(names)) != len(names):
        raise _broken("the Actor", "gave two proposals one name")
    return found


def well_reviewed(
    reviews: Iterable[Review], proposals: tuple[Proposal, ...], arms: int
) -> tuple[Review, ...]:
    """The reviews, or a PluginError: one of each proposal, and no more taken than there are arms."""
    found = _all(Review, reviews, "the Critic")
    if sorted(r.proposal for r in found) != sorted(p.name for p in proposals):
        raise _broken("the Critic", "did not review each proposal once")
    if (taken := sum(r.taken for r in found)) > arms:
        raise _broken("the Critic", f"took {taken} proposals for {arms} arms")
    return found


def well_described(description: object) -> ChangeDescription:
    """The description, or a PluginError."""
    if not isinstance(description, ChangeDescription):
        raise _broken("the Online agent", f"made {type(description).__name__} instead of ChangeDescription")
    return description


def _all(kind: type, made: object, who: str) -> tuple:  # type: ignore[type-arg]
    if not isinstance(made, Iterable):
        raise _broken(who, f"made {type(made).__name__} instead of a sequence of {kind.__name__}")
    found = tuple(made)
    if wrong := [item for item in found if not isinstance(item, kind)]:
        raise _broken(who, f"made {type(wrong[0]).__name__} instead of {kind.__name__}")
    return found


def _broken(who: str, what: str) -> PluginError:
    return PluginError(f"{who} {what}", help="use another agent, with --agent ROLE=NAME or in [agents]")
