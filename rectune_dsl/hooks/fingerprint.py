"""Telling whether two specs are the same experiment, for platforms that keep a digest of what they made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rectune_dsl.hooks.trials import ExperimentSpec


def fingerprint(spec: ExperimentSpec) -> str:
    """The same for equal specs, whatever their keys, and for no others: 64 hexadecimal digits.

    Fields with their default value are left out. So a release whose specs have a field more still knows the
    experiments that run: they have that field's default.
    """
    text = json.dumps(_plain(replace(spec, key="")), sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """As JSON has it, equal values in one form: numbers as floats, times in UTC."""
    if is_dataclass(value):
        named = {field.name: (getattr(value, field.name), _default(field)) for field in fields(value)}
        return {name: _plain(is_) for name, (is_, default) in named.items() if is_ != default}
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value + 0.0  # which makes 0.0 of -0.0, too
    return value


def _default(field: Field[Any]) -> Any:
    """MISSING where there is none, which equals nothing."""
    return field.default if field.default_factory is MISSING else field.default_factory()
