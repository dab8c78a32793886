"""The `[llm]` table: which language model agents ask, and what that may cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from rectune_dsl.dsl.table import Table

ASKING = ("llm", "hybrid")
"""The built-in agents that ask the `[llm]` table's provider. A provider's own name is that of an agent which
asks this one."""
_Path = Annotated[str, Field(min_length=1)]


class LanguageModel(Table):
    """The language model that agents ask. The caps hold for a whole run, however often it is taken up."""

    provider: str = "gemini"
    """Who answers: a registered name."""
    model: str = ""
    """The model's name, as its provider calls it; left out, the provider's default."""
    thinking: Literal["minimal", "low", "medium", "high"] | None = None
    """How much the model thinks before it answers; left out, as much as it likes."""
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 120.0
    """Seconds after which one attempt at an answer is given up."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 4
    """How often an answer is tried for when the provider cannot be reached or is busy."""
    max_output_tokens: Annotated[int, Field(ge=16)] = 8192
    """Most tokens of one answer, those spent on thinking included."""
    endpoint: str = ""
    """Where the provider is reached, as a URL; left out, its public address."""
    api_version: str = ""
    """The version of the provider's interface; left out, the provider's default."""
    max_usd: Annotated[float, Field(gt=0)] | None = None
    """Most US dollars that a run may spend; left out, as many as its calls cost."""
    max_calls: Annotated[int, Field(ge=1)] = 500
    """Most calls that a run may pay for."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Most tokens that a run may pay for, of questions and answers; left out, as many as it takes."""
    options: Mapping[str, str] = Field(default_factory=dict)
    """Further settings that the provider documents, by name."""
    cassette: _Path | None = None
    """A file of answers, by its path from here: what was recorded there is not asked again."""
    cassette_mode: Literal["record", "replay"] = "record"
    """Questions that the cassette has no answer to are asked and recorded, or refused."""
    prices: _Path | None = None
    """A file of prices, by its path from here; left out, the list prices that come with rectune."""
