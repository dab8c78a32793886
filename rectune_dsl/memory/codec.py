"""Records to JSON and back. A decoded record equals the one that was encoded."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

T = TypeVar("T")


def encode(kind: Any, record: object) -> str:
    """JSON with sorted keys, so that equal records give equal bytes."""
    return json.dumps(_adapter(kind).dump_python(record, mode="json"), sort_keys=True, allow_nan=False)


def decode(kind: type[T], text: str) -> T:
    adapter: TypeAdapter[T] = _adapter(cast(Any, kind))
    return adapter.validate_json(text)


@lru_cache(maxsize=256)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
