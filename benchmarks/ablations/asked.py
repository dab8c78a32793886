"""Which models the command line names."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ablations.teams import STAND_IN, Model
from rectune_dsl.llm.cassette import read_takes
from rectune_dsl.plugins.host import Host


class AddProvider(argparse.Action):
    """One more model: the provider's default, until one is named."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option: str | None = None,
    ) -> None:
        known = sorted({STAND_IN, *Host().names("llm")})
        if values not in known:
            parser.error(f"--provider {values}: there is none; write one of {', '.join(known)}")
        _set(namespace, self.dest, [*getattr(namespace, self.dest), Model(values)])


class AddModel(argparse.Action):
    """A model of the provider that was named last."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option: str | None = None,
    ) -> None:
        before: Sequence[Model] = getattr(namespace, self.dest)
        if not before:
            parser.error(
                f"--model {values}: name its provider first, as in --provider gemini --model {values}"
            )
        last = before[-1]
        if last.is_stand_in:
            parser.error(f"--model {values}: the provider {STAND_IN} has no models; leave --model out")
        kept = before if last.name else before[:-1]
        _set(namespace, self.dest, [*kept, Model(last.provider, values)])


def models_of(named: Sequence[Model], cassette: Path | None) -> list[Model]:
    """Those that were named; where none was, those that the cassette has answers of. Raises UsageError for a
    file that is no cassette."""
    if named or cassette is None:
        return list(dict.fromkeys(named))
    takes = read_takes(cassette).values()
    return list(dict.fromkeys(Model(take.provider, take.asked_model) for take in takes))


def _set(namespace: argparse.Namespace, name: str, models: Sequence[Model]) -> None:
    setattr(namespace, name, list(models))
