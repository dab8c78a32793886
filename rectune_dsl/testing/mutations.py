"""Task files with something wrong: what fuzzing feeds to `check`.

A mutant is named by a number: the same number and the same seeds give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from rectune_dsl.dsl.formula.functions import FUNCTIONS

_MOST_STEPS = 4
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_NUMBER = re.compile(r"\b\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?")
_KEY = re.compile(r"(?m)^[ \t]*\[*([A-Za-z_]\w*)|([A-Za-z_]\w*)[ \t]*=")
_FORMULA = re.compile(r'"([^"\n]*[-+*/(<>][^"\n]*)"')
_EXTREMES = (
    "0", "-0.0", "1", "-1", "2", "1e308", "-1e308", "1e-308", "5e-324", "nan", "inf", "-inf", "0x10", "1e999",
    "9" * 30, "9" * 400, "9_223_372_036_854_775_808", "0.1", "1_000_000", "true", '"3"', "[1, 2]", "{}",
    "1979-05-27T07:32:00Z",
)  # fmt: skip
_STRANGE = (
    "\x00", "\ufeff", "\u202e", "\U0001f600", "é", "\u0301", "\t", "\r", "\r\n", "\u2028", "\ud7ff", "\\",
    '"', "'", '"""', "#", "[", "]", "[[", "{", "}", "=", ".", ",",
)  # fmt: skip
_OPERATORS = ("+", "-", "*", "/", "**", "<", "<=", ">", ">=", "==", "!=")
_HOSTILE = (
    "9**9**9", "9**9**9**9", "__import__('os')", "p_click.__class__", "lambda: 0", "().__class__", "1e400",
    "0 / 0", "log(0)", "exp(1000)", "(0-8) ** 0.5", "curve(p_click, [0, 1], [0, 1])", "rank(1)", "a[0]",
    "u[9999]", "eval(1)", "1e308 * 10", "[0, 1]", "f'{1}'",
)  # fmt: skip


def mutant(seeds: Sequence[bytes], number: int) -> bytes:
    """The mutant of this number: one of the seeds, changed in one to _MOST_STEPS places."""
    generator = np.random.Generator(np.random.Philox(key=number))
    text = _pick(generator, seeds).decode("utf-8", errors="replace")
    for _ in range(min(int(generator.geometric(0.5)), _MOST_STEPS)):  # most have one thing wrong
        step = _pick(generator, _STEPS)
        text = step(text, generator, seeds)
    data = text.encode("utf-8", errors="replace")
    return _flipped(data, generator) if generator.random() < 0.1 else data


Step = Callable[[str, np.random.Generator, Sequence[bytes]], str]
_T = TypeVar("_T")


def _tokens(text: str, generator: np.random.Generator, seeds: Sequence[bytes]) -> str:
    """A token is deleted, doubled, or changes places with another."""
    tokens = _TOKEN.findall(text)
    if len(tokens) < 2:
        return text
    one, other = (int(generator.integers(len(tokens))) for _ in range(2))
    match int(generator.integers(3)):
        case 0:
            del tokens[one]
        case 1:
            tokens.insert(one, tokens[one])
        case _:
            tokens[one], tokens[other] = tokens[other], tokens[one]
    return "".join(tokens)


def _lines(text: str, generator: np.random.Generator, seeds: Sequence[bytes]) -> str:
    """Some lines are deleted, doubled, or moved."""
    lines = text.split("\n")
    start = int(generator.integers(len(lines)))
    end = start + 1 + int(generator.integers(4))
    part, rest = lines[start:end], lines[:start] + lines[end:]
    place = int(generator.integers(len(rest) + 1))
    match int(generator.integers(3)):
        case 0:
            return "\n".join(rest)
        case 1:
            return "\n".join(lines[:place] + part + lines[place:])
        case _:
            return "\n".join(rest[:place] + part + rest[place:])


def _splice(text: str, generator: np.random.Generator, seeds: Sequence[bytes]) -> str:
    """The beginning of one file and the end of another, cut at lines or in the middle of them."""
    other = _pick(generator, seeds).decode("utf-8", errors="replace")
    separator = _pick(generator, ("\n", ""))
    if separator:
        ours, theirs = text.split("\n"), other.split("\n")
        left = ours[: int(generator.integers(len(ours) + 1))]
        return "\n".join(left + theirs[int(generator.integers(len(theirs) + 1)) :])
    return text[: int(generator.integers(len(text) + 1))] + other[int(generator.integers(len(other) + 1)) :]


def _rename(text: str, generator: np.random.Generator, seeds: Sequence[bytes]) -> str:
    """A key becomes another key of some file, or misspelt."""
    keys = list(_KEY.finditer(text))
    if not keys:
        return text
    place = _pick(generator, keys)
    others = [m[1] or m[2] for m in _KEY.finditer(_pick(generator, seeds).decode("utf-8", errors="replace"))]
    name = _pick(generator, others) if others and generator.random() < 0.7 else (place[1] or place[2])[:-1]
    start, end = place.span(1 if place[1] else 2)
    return text[:start] + name + text[end:]


def _number(text: str, generator: np.random.Generator, seeds: Sequence[bytes]) -> str:
    """A number becomes an extreme one, or no number."""
    return _replaced(text, generator, _NUMBER, lambda old: _pick(generator, _EXTREMES))


def _formula(text: str, generator: np.random.Generator, seeds: Sequence[bytes]) -> str:
    """A formula changes by its grammar: a part is wrapped, joined with another, replaced, or made hostile."""

    def change(old: str) -> str:
        words = re.findall(r"[A-Za-z_]\w*", old) or ["p_click"]
        name, function = _pick(generator, words), _pick(generator, tuple(FUNCTIONS))
        match int(generator.integers(6)):
            case 0:
                return f'"{function}({old[1:-1]})"'
            case 1:
                return f'"({old[1:-1]}) {_pick(generator, _OPERATORS)} {name}"'
            case 2:
                return old.replace(name, f"{function}({name})", 1)
            case 3:
                return old.replace(name, _pick(generator, (*_EXTREMES, *_HOSTILE)).replace('"', ""), 1)
            case 4:
                return f'"{_pick(generator, _HOSTILE)} {_pick(generator, _OPERATORS)} {old[1:-1]}"'
            case _:
                operators = re.findall(r"\*\*|[-+*/<>]", old)
                wanted = _pick(generator, _OPERATORS)
                return old.replace(_pick(generator, operators), wanted, 1) if operators else old

    return _replaced(text, generator, _FORMULA, change)


def _strange(text: str, generator: np.random.Generator, seeds: Sequence[bytes]) -> str:
    """A sign that is hard on readers of text."""
    place = int(generator.integers(len(text) + 1))
    return text[:place] + _pick(generator, _STRANGE) + text[place:]


def _much(text: str, generator: np.random.Generator, seeds: Sequence[bytes]) -> str:
    """Too much of something: nesting, arguments, digits, params, lines."""
    times = int(_pick(generator, (10, 150, 1_000, 5_000)))
    match int(generator.integers(8)):
        case 0:
            return _replaced(
                text, generator, _FORMULA, lambda old: '"' + "(" * times + old[1:-1] + ")" * times + '"'
            )
        case 1:
            return _replaced(
                text, generator, _FORMULA, lambda old: f'"max({", ".join(["p_click"] * times)})"'
            )
        case 2:
            return _replaced(text, generator, _NUMBER, lambda old: "[" * times + old + "]" * times)
        case 3:
            return _replaced(text, generator, _NUMBER, lambda old: old + "0" * times)
        case 4:
            bounds = "{ production = 1, low = 0, high = 2 }"
            return text + "\n" + "\n".join(f"p{i} = {bounds}" for i in range(times))
        case 5:
            return text + "\n[" + ".".join(["a"] * times) + "]\n"
        case 6:
            return _replaced(text, generator, _FORMULA, lambda old: '"' + "-" * times + old[1:-1] + '"')
        case _:
            return text + "\n" + "\n".join(f"[signals.s{i}]" for i in range(times)) + "\n"


_STEPS: tuple[Step, ...] = (
    _tokens, _tokens, _lines, _splice, _rename, _rename, _number, _number, _number, _formula, _formula,
    _formula, _strange, _much,
)  # fmt: skip


def _replaced(
    text: str, generator: np.random.Generator, what: re.Pattern[str], change: Callable[[str], str]
) -> str:
    """One occurrence of `what`, changed."""
    found = list(what.finditer(text))
    if not found:
        return text
    place = _pick(generator, found)
    return text[: place.start()] + change(place[0]) + text[place.end() :]


def _flipped(data: bytes, generator: np.random.Generator) -> bytes:
    """One to eight bits the other way round."""
    changed = bytearray(data)
    for _ in range(int(generator.integers(1, 9)) if data else 0):
        changed[int(generator.integers(len(changed)))] ^= 1 << int(generator.integers(8))
    return bytes(changed)


def _pick(generator: np.random.Generator, items: Sequence[_T]) -> _T:
    return items[int(generator.integers(len(items)))]
