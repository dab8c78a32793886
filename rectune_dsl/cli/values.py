"""What a value on the command line has to be, where several verbs take it."""

from __future__ import annotations

import click

SEED = click.IntRange(0, 2**63 - 1)
"""What any generator of random numbers can be keyed by."""


class _Words(click.ParamType[str]):
    """Words that say something; blanks around them are nobody's."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if words := value.strip():
            return words
        self.fail("nothing but blanks is on record as nothing: write it in words", param, ctx)


WORDS = _Words()
