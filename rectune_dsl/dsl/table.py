"""What the tables of a task file are made of: strictness, formulas, guardrails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
)
from pydantic_core import PydanticCustomError, core_schema

from rectune_dsl.dsl.formula import FormulaError, Node, parse
from rectune_dsl.dsl.formula.functions import Signature
from rectune_dsl.dsl.guardrails import Limit, parse_limit

Fraction = Annotated[float, Field(gt=0, lt=1)]


class Table(BaseModel):
    """A TOML table: nothing unknown, nothing guessed (`"3"` and `true` are no numbers), nothing changed
    afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Formula:
    """A formula's text and its tree. The validation context may carry plugin `functions`."""

    __slots__ = ("text", "tree")

    def __init__(self, text: str, functions: Mapping[str, Signature] | None = None) -> None:
        self.text = text
        self.tree: Node = parse(text, functions)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Formula) and self.tree == other.tree

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Formula({self.text!r})"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(
            cls._validate, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def _validate(cls, value: object, info: core_schema.ValidationInfo) -> Formula:
        if isinstance(value, Formula):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = repr(value)
        if not isinstance(value, str):
            raise PydanticCustomError("formula_type", "a formula is a string")
        try:
            return cls(value, (info.context or {}).get("functions"))
        except FormulaError as error:
            raise PydanticCustomError(
                "formula",
                "{message}",
                {
                    "message": error.message,
                    "help": error.help,
                    "start": error.span.start,
                    "end": error.span.end,
                },
            ) from None

    def __str__(self) -> str:
        return self.text


def _limit(value: object) -> Limit:
    if isinstance(value, Limit):
        return value
    try:
        return parse_limit(value if isinstance(value, str) else repr(value))
    except ValueError as error:
        raise PydanticCustomError("guardrail", "{message}", {"message": str(error)}) from None


Guardrail = Annotated[Limit, PlainValidator(_limit), PlainSerializer(Limit.written)]
