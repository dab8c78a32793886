"""Sources: quotas and pinned slots that a slate can keep, all at once."""

from __future__ import annotations

from collections.abc import Iterator

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.edits import number
from rectune_dsl.dsl.params import Param
from rectune_dsl.dsl.stages import CandidateSource


def check(draft: Draft) -> Iterator[Diagnostic]:
    if not draft.task.sources or draft.cuts.touch(("stages", draft.task.slate_stage, "keep")):
        return
    slate = draft.task.stages[draft.task.slate_stage].keep
    shortest = int(_low(slate))
    for name, source in draft.task.sources.items():
        yield from _quotas(draft, name, source, shortest)
    yield from _together(draft, shortest)
    yield from _slots(draft, shortest)


def _quotas(draft: Draft, name: str, source: CandidateSource, shortest: int) -> Iterator[Diagnostic]:
    path = ("sources", name)
    if draft.cuts.touch(path):
        return
    needed = max(_high(source.min), len(source.slots))
    if source.max is not None and needed > _low(source.max):
        what = "may be asked for" if isinstance(source.min, Param) else "are asked for"
        message = f"{needed:g} of source `{name}` {what}, and at most {_low(source.max):g} allowed"
        help = f"write max = {needed:g} or more, or ask for fewer"
        fix = draft.mend.value((*path, "max"), number(needed))
        yield draft.problem("RT605", (*path, "max"), message, help, fix=fix)
    elif source.max is not None and _low(source.max) >= shortest:
        message = f"at most {_low(source.max):g} of a slate of {shortest}: that is no maximum"
        is_all = not _high(source.min) and not source.slots
        help, fix = (
            f"remove it, or write less than {shortest}",
            draft.mend.remove(path if is_all else (*path, "max")),
        )
        yield draft.problem("RT607", (*path, "max"), message, help, fix=fix)
    if not _high(source.min) and source.max is None and not source.slots:
        message = f"source `{name}` has no min, max or slots: it changes nothing"
        help, fix = "remove it, or add one", draft.mend.remove(path)
        yield draft.problem("RT607", path, message, help, part="key", fix=fix)


def _together(draft: Draft, shortest: int) -> Iterator[Diagnostic]:
    needed = {n: max(_high(s.min), len(s.slots)) for n, s in draft.task.sources.items()}
    if sum(needed.values()) > shortest and not draft.cuts.touch(("sources",)):
        wanted = " + ".join(f"{count:g} of `{name}`" for name, count in needed.items() if count)
        message = f"{wanted} do not fit a slate of {shortest}"
        help = f"let the minimums add up to {shortest} at most"
        yield draft.problem("RT605", ("sources",), message, help, part="key")


def _slots(draft: Draft, shortest: int) -> Iterator[Diagnostic]:
    taken: dict[int, str] = {}
    for name, source in draft.task.sources.items():
        for i, slot in enumerate(source.slots):
            path = ("sources", name, "slots", i)
            if slot > shortest:
                message = f"the slate has {shortest} slots"
                yield draft.problem("RT606", path, message, f"write a slot from 1 to {shortest}")
            elif slot in taken:
                owner = "this source" if taken[slot] == name else f"`{taken[slot]}`"
                free = next((s for s in range(1, shortest + 1) if s not in taken), None)
                help = "remove it" if free is None else f"remove it; slot {free} is free"
                message, fix = f"slot {slot} is pinned to {owner} already", draft.mend.remove(path)
                yield draft.problem("RT606", path, message, help, fix=fix)
            taken.setdefault(slot, name)


def _low(count: int | Param) -> float:
    return count.low if isinstance(count, Param) else count


def _high(count: int | Param) -> float:
    return count.high if isinstance(count, Param) else count
