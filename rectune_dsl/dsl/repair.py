"""Formulas that cannot be read: the edits of the formula's text that its author would make.

An edit counts only if the formula then parses, or parses further than before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rectune_dsl.dsl.formula import Compare, FormulaError, parse

TextEdit = tuple[int, int, str]
"""Characters [start, end) of the formula, and what replaces them."""

_SIGNS = {
    "=<": "<=",
    "=>": ">=",
    "<>": "!=",
    "===": "==",
    "=": "==",
    "^": "**",
    "×": "*",
    "·": "*",
    "∙": "*",
    "÷": "/",
    "−": "-",
    "–": "-",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "²": "** 2",
    "³": "** 3",
}
_JOINING = {"and": "*", "&&": "*", "&": "*", "or": "max", "||": "max", "|": "max"}
_JOINING_WORD = re.compile(r"\b(?:and|or)\b|&&|\|\||&|\|")
_SUGGESTED = re.compile(r"did you mean `([^`]+)`\?")


def repair(text: str, start: int, end: int, help: str) -> tuple[TextEdit, ...] | None:
    """The edits for an error at characters [start, end) that was reported with `help`; None where several
    would do, or none."""
    for edits in _candidates(text, start, end, help):
        if _reads_further(_edited(text, edits), text, start):
            return edits
    return None


def parts(text: str, start: int, end: int) -> tuple[str, str] | None:
    """The two comparisons that `a < b < c`, or `a < b and b < c`, means, with the error at [start, end)."""
    if text[start:end] in ("and", "&"):
        left, right = text[:start].strip(), text[start:].removeprefix("and").lstrip("& ").strip()
    else:
        tree = _tree(text[:start])
        if not isinstance(tree, Compare):
            return None
        left = text[:start].strip()
        right = f"{text[tree.right.span.start : tree.right.span.end]} {text[start:].strip()}"
    return (left, right) if _compares(left) and _compares(right) else None


def _candidates(text: str, start: int, end: int, help: str) -> Iterator[tuple[TextEdit, ...]]:
    for sign, ours in _SIGNS.items():
        if text.startswith(sign, start):
            yield ((start, start + len(sign), ours),)
    for word, ours in _JOINING.items():
        if text.startswith(word, start) and len(_joining(text, start)) == 1:
            yield _joined(text, start, start + len(word), ours)
    if text[start:end] == "not":
        behind = end + len(text[end:]) - len(text[end:].lstrip())
        _, last = _level(text, start)
        yield ((start, behind, "1 - ("), (last, last, ")"))
    if (suggested := _SUGGESTED.search(help)) is not None:
        yield ((start, end, suggested[1]),)
    if help in ("write `)`", "write `]`"):
        behind = len(text.rstrip())
        yield ((behind, behind, help[-2]),)
    if text[start:end] == ")":
        yield ((start, end, ""),)


def _joined(text: str, start: int, end: int, ours: str) -> tuple[TextEdit, ...]:
    """`a and b` as `(a) * (b)`, `a or b` as `max(a, b)`: what stands left and right, up to a parenthesis or
    a comma, is taken whole."""
    first, last = _level(text, start)
    end += len(text[end:]) - len(text[end:].lstrip())
    if ours == "max":
        return ((first, first, "max("), (len(text[:start].rstrip()), end, ", "), (last, last, ")"))
    return ((first, first, "("), (len(text[:start].rstrip()), end, ") * ("), (last, last, ")"))


def _level(text: str, at: int) -> tuple[int, int]:
    """The ends of the argument, or of what stands in parentheses, around a place; of all when there are
    none."""
    first, last, depth = 0, len(text), 0
    for i in range(at - 1, -1, -1):
        depth += (text[i] == ")") - (text[i] == "(")
        if depth < 0 or (depth == 0 and text[i] == ","):
            first = i + 1
            break
    depth = 0
    for i in range(at, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth < 0 or (depth == 0 and text[i] == ","):
            last = i
            break
    inside = text[first:last]
    return first + len(inside) - len(inside.lstrip()), first + len(inside.rstrip())


def _joining(text: str, at: int) -> set[str]:
    """The ways in which conditions are joined around a place: which binds first is the author's to say."""
    first, last = _level(text, at)
    return {_JOINING[word] for word in _JOINING_WORD.findall(text[first:last])}


def _edited(text: str, edits: tuple[TextEdit, ...]) -> str:
    for start, end, new in reversed(edits):
        text = text[:start] + new + text[end:]
    return text


def _reads_further(edited: str, text: str, start: int) -> bool:
    try:
        parse(edited)
    except FormulaError as error:
        is_foreign_call = error.message.startswith("there is no function")  # which a plugin may have
        return is_foreign_call or error.span.start > start + len(edited) - len(text)
    return True


def _tree(text: str) -> object:
    try:
        return parse(text)
    except FormulaError:
        return None


def _compares(text: str) -> bool:
    return isinstance(_tree(text), Compare)
