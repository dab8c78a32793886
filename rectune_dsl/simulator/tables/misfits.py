"""What in a world file has the right form and still does not fit the rest."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic_core import PydanticCustomError

from rectune_dsl.dsl.positions import KeyPath

MISFITS = "misfits"
"""Where what pydantic raises for a world holds its misfits."""


@dataclass(frozen=True)
class Misfit:
    """What does not fit the rest: its place from the table that was checked, and what would help."""

    path: KeyPath
    message: str
    help: str


def complain(*misfits: Misfit) -> None:
    """Raise for what does not fit, if there is anything."""
    if misfits:
        context = {"message": misfits[0].message, "help": misfits[0].help, MISFITS: misfits}
        raise PydanticCustomError("world", "{message}", context)
