"""What is wrong with a world file: every problem, each with its place, its code and what to write instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from rectune_dsl.dsl.diagnostics import Diagnostic, render
from rectune_dsl.dsl.faults import NO_HELP, Fault, place_of, words
from rectune_dsl.dsl.load import load
from rectune_dsl.dsl.shape import key_path
from rectune_dsl.dsl.source import Position, Source
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.simulator.standard import problems_in_standard
from rectune_dsl.simulator.tables.misfits import MISFITS
from rectune_dsl.simulator.worldfile import WorldFile

_SHOWN = 8


def read(source: Source) -> WorldFile:
    """The world that a file is. Raises UsageError with every problem in it."""
    tree = load(source)
    if isinstance(tree, Diagnostic):
        raise _refused(source, [tree])
    try:
        file = WorldFile.model_validate(tree)
    except ValidationError as error:
        raise _refused(source, [*_problems(error, source)]) from None
    if problems := [*problems_in_standard(file, source)]:
        raise _refused(source, problems)
    return file


def _problems(error: ValidationError, source: Source) -> Iterator[Diagnostic]:
    """What the model complains about, but for missing keys that stand there misspelt."""
    faults = [
        Fault(
            key_path(details["loc"], WorldFile),
            details["type"],
            details["msg"],
            details.get("ctx") or {},
            WorldFile,
        )
        for details in error.errors(include_url=False, include_input=False)
    ]
    meant = {(*fault.path[:-1], fault.guess) for fault in faults if fault.guess is not None}
    for fault in faults:
        if MISFITS in fault.context:
            for misfit in fault.context[MISFITS]:
                place = source.locate((*fault.path, *misfit.path))
                yield _diagnostic("RT111", misfit.message, misfit.help, place)
        elif fault.kind != "missing" or fault.path not in meant:
            code, message, help = words(fault)
            yield _diagnostic(code, message, help or NO_HELP.get(code, ""), place_of(source, fault))


def _diagnostic(code: str, message: str, help: str, place: Position) -> Diagnostic:
    return Diagnostic(code, message, help, place.path, place.line, place.column, place.end_column)


def _refused(source: Source, problems: Sequence[Diagnostic]) -> UsageError:
    ordered = sorted(problems, key=lambda problem: (problem.line, problem.column))
    said = [render(problem, source.line(problem.line)) for problem in ordered[:_SHOWN]]
    if len(ordered) > _SHOWN:
        said.append(f"and {len(ordered) - _SHOWN} more")
    message = f"{source.path} is no world:\n" + "\n".join(said)
    return UsageError(message, help="compare it with `rectune simulate show short-video`")
