"""Slates of a log: what is assumed of them, and the columns that it takes."""

from __future__ import annotations

from collections.abc import Iterator

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.positions import KeyPath

_COLUMNS: KeyPath = ("replay", "columns")
_PROPENSITIES = {"propensities": "position-based", "slate_propensity": "standard"}
"""Columns that one slate model needs, and no other reads."""


def check(draft: Draft) -> Iterator[Diagnostic]:
    replay = draft.task.replay
    if replay is None or replay.columns is None or draft.cuts.touch(("replay",)):
        return
    for path, message, help in (
        *_unlinked(draft),
        *_propensities(draft),
        *_doubly_robust(draft),
        *_drawn(draft),
    ):
        yield draft.problem("RT518", path, message, help, part="key")


_Found = Iterator[tuple[KeyPath, str, str]]


def _unlinked(draft: Draft) -> _Found:
    replay = draft.task.replay
    assert replay is not None
    assert replay.columns is not None
    if replay.slates is not None and replay.columns.slate is None:
        message = "nothing says which rows of the log are a slate"
        yield ("replay", "slates"), message, 'write slate = "COLUMN" under [replay.columns]'
    if replay.columns.slate is not None and replay.columns.position is None:
        message = "where on its slate a row was is not said"
        yield (*_COLUMNS, "slate"), message, 'write position = "COLUMN" beside it'


def _propensities(draft: Draft) -> _Found:
    replay = draft.task.replay
    assert replay is not None
    for name, of in _PROPENSITIES.items():
        is_there, is_read = getattr(replay.columns, name) is not None, replay.slate_model == of
        if is_read and not is_there:
            message = f"slate model {of} compares choices with `{name}`, and no column is named for it"
            yield (*_COLUMNS, "slate"), message, f'write {name} = "COLUMN" beside it'
        elif is_there and not is_read:
            message = f"`{name}` is for slate model {of} only"
            yield (*_COLUMNS, name), message, f'remove it, or write model = "{of}" under [replay.slates]'


def _doubly_robust(draft: Draft) -> _Found:
    replay = draft.task.replay
    assert replay is not None
    if replay.estimator == "dr" and replay.slate_model not in (None, "item-position"):
        message = (
            f"doubly robust estimates look at single positions, and slate model {replay.slate_model} not"
        )
        help = 'write estimator = "snips", or slates = { model = "item-position" }'
        yield ("replay", "estimator"), message, help


def _drawn(draft: Draft) -> _Found:
    replay = draft.task.replay
    assert replay is not None
    if replay.policy == "softmax" and replay.slate_model == "standard":
        message = (
            "policy softmax draws each position for itself, one item twice if it so happens: slate model "
            "standard would weigh slates of a policy that nobody can serve"
        )
        help = 'write policy = "top" under [replay], or slates = { model = "item-position" }'
        yield ("replay", "slates"), message, help
