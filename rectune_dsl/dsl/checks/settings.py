"""Plugins' settings: each table is somebody's, and has what its plugin takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.positions import KeyPath
from rectune_dsl.dsl.settings import misfits
from rectune_dsl.dsl.suggest import did_you_mean, nearest

BUNDLED = frozenset({"simulator", "replay"})
"""Backends that have tables of their own."""


def check(draft: Draft) -> Iterator[Diagnostic]:
    if draft.cuts.touch(("plugins",)):
        return
    for name in draft.task.plugins:
        yield from _unknown(draft, name)
    for name, path in _used(draft).items():
        yield from _misfits(draft, name, path)


def _unknown(draft: Draft, name: str) -> Iterator[Diagnostic]:
    """Whoever is registered under a name may have settings, whether or not they are told of."""
    backends, deliveries = draft.environment.backends, draft.environment.deliveries
    if backends is None or deliveries is None:
        return
    known = {*backends, *deliveries, *draft.environment.settings} - BUNDLED
    if name in known:
        return
    path, guess = ("plugins", name), nearest(name, known)
    message = f"there is no plugin's backend or delivery `{name}` to read [plugins.{name}]"
    help = did_you_mean(name, known) or "install the plugin that registers it"
    if name in BUNDLED:
        help = f"it is no plugin: write [{name}]"
    fix = draft.mend.rename(path, guess) if guess is not None else None
    yield draft.problem("RT520", path, message, help, part="key", fix=fix)


def _used(draft: Draft) -> dict[str, KeyPath]:
    """Where the settings of each plugin are told, or asked for where there is no table."""
    found: dict[str, KeyPath] = {name: ("plugins", name) for name in draft.task.plugins}
    for key in ("backend", "delivery"):
        if not draft.cuts.touch(("experiment", key)):
            found.setdefault(getattr(draft.task.experiment, key), ("experiment", key))
    return found


def _misfits(draft: Draft, name: str, path: KeyPath) -> Iterator[Diagnostic]:
    load = draft.environment.settings.get(name)
    model = load() if load is not None else None
    if model is None:
        return
    for misfit in misfits(draft.task.plugins.get(name, {}), model):
        if path[0] != "plugins":
            message = f"[plugins.{name}]: {misfit.message}"
            yield draft.problem("RT521", path, message, misfit.help)
            continue
        place = (*path, *misfit.path)
        fix = draft.mend.rename(place, misfit.meant) if misfit.meant is not None else None
        part: Literal["key", "value"] = "key" if misfit.is_unknown else "value"
        yield draft.problem("RT521", place, misfit.message, misfit.help, part=part, fix=fix)
