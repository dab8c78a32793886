"""Numbered facts, and whether a sentence has nothing but them behind its numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rectune_dsl.agents.llm.prompt import Row, Section, capped

LONGEST_FACT = 800
_WITH_DIGITS = re.compile(r"[\w.,]*\d[\w.,]*")
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")


@dataclass(frozen=True)
class Fact:
    """One sentence of code, called `id` in a prompt."""

    id: str
    text: str


@dataclass(frozen=True)
class Facts:
    """All facts of a question, by titles."""

    sections: tuple[tuple[str, tuple[Fact, ...]], ...]

    @classmethod
    def numbered(cls, told: Iterable[tuple[str, Iterable[str]]]) -> Facts:
        """Facts F1, F2, ... in the order in which they are told, under their titles."""
        sections, count = [], 0
        for title, texts in told:
            own = [Fact(f"F{count + i}", capped(text, LONGEST_FACT)) for i, text in enumerate(texts, 1)]
            sections.append((title, tuple(own)))
            count += len(own)
        return cls(tuple(sections))

    @property
    def shown(self) -> list[Section]:
        return [Section(title, tuple(_row(fact) for fact in facts)) for title, facts in self.sections]

    def cited(self, ids: Sequence[str]) -> list[Fact]:
        """Those facts that exist."""
        return [fact for _, facts in self.sections for fact in facts if fact.id in ids]

    def back(self, text: str, ids: Sequence[str]) -> bool:
        """Whether a text cites facts, all of which exist, and has no number that does not stand in them."""
        found = self.cited(ids)
        known = bool(found) and len(found) == len(set(ids))
        return known and backed(text, [f"{fact.id}: {fact.text}" for fact in found])


def backed(text: str, sources: Iterable[str]) -> bool:
    """Whether every number of a text stands in a source, whatever its sign: "falls by 0.8 %" is -0.8 %. Names
    with digits in them count as numbers."""
    return numbers(text) <= {number for source in sources for number in numbers(source)}


def numbers(text: str) -> frozenset[str]:
    """What has a digit in it: numbers without sign, grouping and trailing zeros, and names."""
    plain = unicodedata.normalize("NFKC", text)
    found = (match.strip(".,") for match in _WITH_DIGITS.findall(plain))
    return frozenset(_canonical(token) for token in found)


def _canonical(token: str) -> str:
    token = token.replace(",", "") if _GROUPED.fullmatch(token) else token
    try:
        return f"{float(token):.12g}"
    except ValueError:
        return token.lower()


def _row(fact: Fact) -> Row:
    return {"fact": fact.id, "says": fact.text}
