"""Text to tree: a Pratt parser with stated limits, so that no formula can exhaust the machine."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rectune_dsl.dsl.formula.functions import FUNCTIONS, Signature
from rectune_dsl.dsl.formula.tree import Binary, Call, Compare, Name, Node, Number, Span, Unary, Vector
from rectune_dsl.dsl.suggest import did_you_mean

MAX_LENGTH = 10_000
"""Characters of one formula."""
MAX_DEPTH = 200
"""Levels of nesting."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?:\[\d{1,4}\])?)"
    r"|(?P<op>\*\*|<=|>=|==|!=|[-+*/<>(),\[\]]))"
)
_NAME = re.compile(r"[A-Za-z_]\w*")
_COMPARISONS = {"<", "<=", ">", ">=", "==", "!="}
_LEFT_POWER = {"+": 20, "-": 20, "*": 30, "/": 30, "**": 50} | dict.fromkeys(_COMPARISONS, 10)
_UNARY_POWER = 40
BOTH = "multiply two comparisons to require both"
EITHER = "write max(a, b) of two comparisons to accept either"
NEGATE = "write 1 - condition"
_FOREIGN = {
    "^": "write ** for a power",
    "%": "there is no modulo; percentages belong into [guardrails]",
    "=": "write == to compare",
    "&": BOTH,
    "|": EITHER,
    "!": "write != to compare, or 1 - condition to negate",
    "?": "write where(condition, a, b)",
    "{": "there are no braces in formulas",
}
_FOREIGN_WORDS = {
    "and": BOTH,
    "or": EITHER,
    "not": NEGATE,
    "if": "write where(condition, a, b)",
    "else": "write where(condition, a, b)",
    "lambda": "formulas cannot define functions",
}


class FormulaError(ValueError):
    """What is wrong, at which characters of the text, and what to write instead."""

    def __init__(self, message: str, span: Span, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.help = help


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["number", "name", "op", "end"]
    text: str
    span: Span


def parse(text: str, functions: Mapping[str, Signature] | None = None) -> Node:
    """Parse a formula. `functions` are further functions that may be called.

    Raises FormulaError at the offending token.
    """
    if len(text) > MAX_LENGTH:
        raise FormulaError(
            f"the formula has {len(text):,} characters; {MAX_LENGTH:,} are allowed",
            Span(0, len(text)),
            "split it into named parts with `terms`",
        )
    return _Parser(text, {**FUNCTIONS, **(functions or {})}).formula()


def is_name(text: str) -> bool:
    """Whether a formula can read something of this name."""
    return _NAME.fullmatch(text) is not None and text not in _FOREIGN_WORDS


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            if at == len(text):
                break
            sign = text[at]
            raise FormulaError(
                f"{sign!r} means nothing in a formula", Span(at, at + 1), _FOREIGN.get(sign, "")
            )
        kind: Any = match.lastgroup
        span = Span(match.start(kind), match.end(kind))
        tokens.append(_Token(kind, match[kind], span))
        at = match.end()
    tokens.append(_Token("end", "", Span(len(text), len(text))))
    return tokens


class _Parser:
    def __init__(self, text: str, functions: Mapping[str, Signature]) -> None:
        self._tokens = _tokens(text)
        self._functions = functions
        self._at = 0
        self._depth = 0

    def formula(self) -> Node:
        if self._peek().kind == "end":
            raise FormulaError("the formula is empty", self._peek().span, "write an expression")
        node = self._expression(0)
        rest = self._peek()
        if rest.kind != "end":
            raise FormulaError(
                f"{rest.text!r} does not continue the formula",
                rest.span,
                _FOREIGN_WORDS.get(rest.text, "put an operator before it, or remove it"),
            )
        return node

    def _expression(self, binding: int) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FormulaError(
                f"the formula is nested more than {MAX_DEPTH} levels deep",
                self._peek().span,
                "split it into named parts with `terms`",
            )
        left = self._operand()
        chain = 0
        while (power := _LEFT_POWER.get(self._peek().text, -1)) > binding:
            chain += 1
            self._depth += 1  # a long chain makes a deep tree, which later readers walk
            left = self._infix(left, self._next(), power)
        self._depth -= 1 + chain
        return left

    def _infix(self, left: Node, op: _Token, power: int) -> Node:
        kind: Any = op.text
        if kind in _COMPARISONS:
            right = self._expression(power)
            if self._peek().text in _COMPARISONS:
                raise FormulaError(
                    "comparisons cannot be chained",
                    self._peek().span,
                    BOTH,
                )
            return Compare(kind, left, right, Span(left.span.start, right.span.end))
        # ** binds to the right: 2 ** 3 ** 2 is 2 ** (3 ** 2)
        right = self._expression(power - 1 if kind == "**" else power)
        return Binary(kind, left, right, Span(left.span.start, right.span.end))

    def _operand(self) -> Node:
        token = self._next()
        if token.kind == "number":
            return self._number(token)
        if token.kind == "name":
            if token.text in _FOREIGN_WORDS:
                raise FormulaError(
                    f"{token.text!r} means nothing in a formula", token.span, _FOREIGN_WORDS[token.text]
                )
            if self._peek().text == "(":
                return self._call(token)
            return Name(token.text, token.span)
        if token.text in ("-", "+"):
            op: Any = token.text
            operand = self._expression(_UNARY_POWER)
            return Unary(op, operand, Span(token.span.start, operand.span.end))
        if token.text == "(":
            node = self._expression(0)
            self._expect(")", token)
            return node
        if token.text == "[":
            raise FormulaError(
                "a list stands where a number is needed",
                token.span,
                "lists belong into curve(x, [knots], [values])",
            )
        if token.kind == "end":
            raise FormulaError("the formula ends too early", token.span, "write a number, a name or a call")
        raise FormulaError(f"{token.text!r} stands where a value is needed", token.span, "")

    def _number(self, token: _Token) -> Node:
        value = float(token.text.replace("_", ""))
        if not math.isfinite(value):
            raise FormulaError(f"{token.text} is too large for a number", token.span, "write a smaller one")
        return Number(value, token.span)

    def _call(self, name: _Token) -> Node:
        opening = self._next()
        arguments: list[Node] = []
        if self._peek().text != ")":
            arguments.append(self._argument(name.text, 0))
            while self._peek().text == ",":
                self._next()
                arguments.append(self._argument(name.text, len(arguments)))
        closing = self._expect(")", opening)
        signature = self._functions.get(name.text)
        if signature is None:
            raise FormulaError(
                f"there is no function {name.text!r}", name.span, did_you_mean(name.text, self._functions)
            )
        span = Span(name.span.start, closing.span.end)
        if not signature.accepts(len(arguments)):
            raise FormulaError(
                f"{name.text} takes {signature.arguments()}, not {len(arguments)}", span, signature.about
            )
        return Call(name.text, tuple(arguments), span)

    def _argument(self, function: str, place: int) -> Node:
        if self._peek().text != "[" or function != "curve" or place == 0:
            return self._expression(0)
        opening = self._next()
        items = [self._expression(0)]
        while self._peek().text == ",":
            self._next()
            items.append(self._expression(0))
        closing = self._expect("]", opening)
        return Vector(tuple(items), None, Span(opening.span.start, closing.span.end))

    def _expect(self, text: str, opening: _Token) -> _Token:
        token = self._next()
        if token.text in _FOREIGN_WORDS:
            raise FormulaError(
                f"{token.text!r} means nothing in a formula", token.span, _FOREIGN_WORDS[token.text]
            )
        if token.text != text:
            raise FormulaError(
                f"`{opening.text}` is not closed"
                if token.kind == "end"
                else f"{token.text!r} stands where `{text}` is needed",
                opening.span if token.kind == "end" else token.span,
                f"write `{text}`",
            )
        return token

    def _peek(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token
