"""What the tables of a task file are made of: strictness, formulas, guardrails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
)
from pydantic_core import PydanticCustomError, core_schema

from rectune_dsl.dsl.formula import FormulaError, Node, names, parse
from rectune_dsl.dsl.formula.functions import Signature
from rectune_dsl.dsl.guardrails import Limit, parse_limit

Fraction = Annotated[float, Field(gt=0, lt=1)]


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Listed = BeforeValidator(_as_tuple)
"""Marks a tuple that is written as a list. A lax tuple would be lax about its elements too."""


class Table(BaseModel):
    """A TOML table: nothing unknown, nothing guessed (`"3"` and `true` are no numbers), nothing changed
    afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)

    def __copy__(self) -> Self:
        """What was computed from the old values does not go into a copy that will have others."""
        copied = super().__copy__()
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied

    def __getstate__(self) -> dict[Any, Any]:
        """What was computed is computed again by who unpickles it."""
        state = super().__getstate__()
        values = {name: state["__dict__"][name] for name in type(self).model_fields}
        return {**state, "__dict__": values}


class Formula:
    """A formula: its `text`, the tree as `written`, and the `tree` that says what it means in its task, where
    vectors are spelt out and segments have params of their own. The validation context may carry plugin
    `functions`."""

    __slots__ = ("_reads", "text", "tree", "written")

    def __init__(self, text: str, functions: Mapping[str, Signature] | None = None) -> None:
        self.text = text
        self.written: Node = parse(text, functions)
        self.tree: Node = self.written
        self._reads: tuple[str, ...] | None = None

    def meaning(self, tree: Node) -> Formula:
        """The same text with another meaning."""
        formula = object.__new__(Formula)
        formula.text, formula.written, formula.tree = self.text, self.written, tree
        formula._reads = None
        return formula

    @property
    def reads(self) -> tuple[str, ...]:
        """Every name its tree reads, once each."""
        if self._reads is None:
            self._reads = tuple(dict.fromkeys(n.name for n in names(self.tree)))
        return self._reads

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Formula) and (self.written, self.tree) == (other.written, other.tree)

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
