"""What makes two questions the same: a hash of all that was asked, of whom, with which settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from rectune_dsl.hooks.models import LLM, ModelSettings


def question_key(
    provider: str, model: str, settings: ModelSettings, prompt: Sequence[str], schema: Mapping[str, object]
) -> str:
    """64 hex digits. Where a model is reached (endpoint, version of its API) and how long one waits for it
    does not change what it is asked, so a paid answer is still found after a move."""
    asked = {
        "provider": provider,
        "model": model,
        "thinking": settings.thinking,
        "max_output_tokens": settings.max_output_tokens,
        "options": dict(settings.options),
        "prompt": list(prompt),
        "schema": dict(schema),
    }
    return hashlib.sha256(written(asked).encode("utf-8", "surrogatepass")).hexdigest()


def model_of(provider: LLM, settings: ModelSettings) -> str:
    """The model that is asked: a provider may have in `model` the one that it takes where none is named."""
    return settings.model or str(getattr(provider, "model", ""))


def written(value: object) -> str:
    """One text for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
