"""What a call costs, by the lists of `prices.toml` and of a file of one's own."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rectune_dsl.hooks.errors import UsageError

_MILLION = 1_000_000


class LongPrompt(BaseModel):
    """What prompts beyond a number of tokens cost, in USD per million tokens of the whole call."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    beyond: int = Field(ge=0)
    input: float = Field(ge=0)
    output: float = Field(ge=0)


class Price(BaseModel):
    """A line of a price list: USD per million tokens, from the day `since`; `source` says who says so."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    model: str = Field(min_length=1)
    input: float = Field(ge=0)
    output: float = Field(ge=0)
    since: date
    source: str = Field(min_length=1)
    long: LongPrompt | None = None

    def usd(self, input_tokens: int, output_tokens: int) -> float:
        """What so many tokens cost."""
        is_long = self.long is not None and input_tokens > self.long.beyond
        rate = self.long if self.long is not None and is_long else self
        return (input_tokens * rate.input + output_tokens * rate.output) / _MILLION

    def _covers(self, model: str) -> bool:
        """Whether a model is the one of this line or a version of it: "gemini-2" is not "gemini-2.5"."""
        rest = model[len(self.model) :]
        return model.startswith(self.model) and (not rest or rest[0] in "-@:")


class _PriceList(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    price: tuple[Price, ...]


@dataclass(frozen=True)
class Prices:
    """Price lists; the first that has a line for a model speaks for it."""

    lists: tuple[tuple[Price, ...], ...] = ()

    def of(self, model: str, on: date) -> Price | None:
        """The price of a model on a day, None where no list knows it."""
        name = model.rpartition("models/")[2]  # Vertex AI writes "publishers/google/models/NAME"
        for lines in self.lists:
            if found := [line for line in lines if line.since <= on and line._covers(name)]:
                return max(found, key=lambda line: (len(line.model), line.since))
        return None


def load_prices(path: Path | None = None) -> Prices:
    """The bundled list, and before it the file at `path`. Raises UsageError where that is no price list."""
    return Prices((_bundled(),) if path is None else (_read(path), _bundled()))


@lru_cache(maxsize=1)
def _bundled() -> tuple[Price, ...]:
    text = files("rectune_dsl.llm").joinpath("prices.toml").read_text(encoding="utf-8")
    return _PriceList.model_validate(tomllib.loads(text)).price


def _read(path: Path) -> tuple[Price, ...]:
    try:
        return _PriceList.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).price
    except ValidationError as error:
        wrong = _places(error)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        wrong = [str(error)]
    raise UsageError(
        f"{path} is no price list: {'; '.join(wrong)}",
        help="write `[[price]]` tables with model, input, output (USD per million tokens), since (a date) "
        "and source",
    )


def _places(error: ValidationError) -> Sequence[str]:
    return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False)]
