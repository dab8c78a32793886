"""The pages about skills: what they know, how that came about, and what a person does with them."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from rectune_dsl.hooks.api import KnowledgeRecord, Skill
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.report.skills import active_first, experiments, maker, reason
from rectune_dsl.report.tables import Cell, Table, first_rows, table
from rectune_dsl.report.words import number
from rectune_dsl.skillhub import curate
from rectune_dsl.skillhub.document import SLOTS
from rectune_dsl.skillhub.render import record_line
from rectune_dsl.skillhub.revisions import SHORT, Entry
from rectune_dsl.skillhub.shelf import Shelf, Stamp
from rectune_dsl.ui.desk import NotThereError, desk_of
from rectune_dsl.ui.door import Outcome
from rectune_dsl.ui.forms import NO_WHY, NOTHING, Entered, back_to, why_of
from rectune_dsl.ui.render import page
from rectune_dsl.workflow.clock import utc_now

_MOST_ROWS = 200


def show_skills(request: Request) -> Response:
    """Every skill with what it is for; one that cannot be read with the reason."""
    return page(request, "skills.html", skills=desk_of(request).skills.listing(), path=skill_path)


def show_skill(request: Request) -> Response:
    """One skill: what it says, what it knows and on what evidence, and its revisions."""
    return _skill_page(request, NOTHING)


def show_difference(request: Request) -> Response:
    """The lines in which two revisions differ; without names, the active one from the one before it."""
    shelf, told = _shelf(request), request.query_params
    lines = list(curate.difference(shelf, told.get("old", ""), told.get("new", "")))
    return page(request, "difference.html", name=shelf.name, path=skill_path(shelf.name), lines=lines)


def roll_back(request: Request) -> Response:
    """Make an earlier revision the active one."""
    revision = request.state.form.get("revision", "")

    def done(shelf: Shelf, stamp: Stamp) -> str:
        return f"{shelf.name} is at revision {curate.rollback(shelf, revision, stamp)[:SHORT]}."

    return _change(request, "rollback", done)


def activate(request: Request) -> Response:
    """Trust an imported skill."""

    def done(shelf: Shelf, stamp: Stamp) -> str:
        curate.activate(shelf, stamp)
        return f"{shelf.name} is active, by {stamp.author}."

    return _change(request, "activate", done)


def skill_path(name: str) -> str:
    return f"/skills/{quote(name, safe='')}"


def _skill_page(request: Request, entered: Entered, status: int = 200) -> Response:
    """With a form that was sent, its revision is chosen still."""
    shelf = _shelf(request)
    skill, log = desk_of(request).skills.load(shelf.name), shelf.revisions.log()
    before = log[-1].parent if log else ""
    return page(
        request,
        "skill.html",
        status=status,
        skill=skill,
        path=skill_path(shelf.name),
        slots=[(title, getattr(skill, slot)) for slot, title in SLOTS.items()],
        values=[f"{name} = {number(value)}" for name, value in skill.initial_values.items()],
        knowledge=_knowledge(skill) if skill.knowledge else None,
        log=_log(log) if log else None,
        revisions=_revisions(log),
        active=log[-1].revision if log else "",
        before=before,
        entered=entered,
        chosen=request.state.form.get("revision", before) if entered.wrong else before,
    )


def _change(request: Request, act: str, change: Callable[[Shelf, Stamp], str]) -> Response:
    """Do it, and go back to the skill, where the outcome is told. Without a reason, nothing is done."""
    shelf, why = _shelf(request), why_of(request)
    if not why:
        return _skill_page(request, Entered(act, why, NO_WHY), 422)
    stamp = Stamp(desk_of(request).by, utc_now(), why)
    try:
        outcome = Outcome("good", change(shelf, stamp))
    except UsageError as error:
        outcome = Outcome("bad", f"Not done: {error}.", (error.help,) if error.help else ())
    return back_to(request, skill_path(shelf.name), outcome)


def _shelf(request: Request) -> Shelf:
    name, skills = request.path_params["skill"], desk_of(request).skills
    if name not in skills.names():
        raise NotThereError(f"there is no skill {name!r} here", help="the list of skills has all there are")
    return skills.shelf(name)


def _knowledge(skill: Skill) -> Table:
    """Each record with its evidence, the active ones first."""
    headings = ("id", "what it says", "status", "why", "experiments for it", "against it", "by", "changed")
    shown = table("What it knows", headings, map(_record, active_first(skill)))
    return first_rows(shown, _MOST_ROWS, f"`rectune skills show {skill.name}` has them all")


def _record(record: KnowledgeRecord) -> list[str | Cell]:
    status = Cell(record.status, "good" if record.status == "active" else "dim")
    told, changed = record_line(record).removeprefix("- "), record.changed or record.created
    evidence = (experiments(keys) or "none" for keys in (record.supports, record.contradicts))
    return [record.id, told, status, record.why, *evidence, record.author, changed]


def _log(log: tuple[Entry, ...]) -> Table:
    """Who made which revision, when and why; the newest first."""
    rows = [
        [
            entry.revision[:SHORT],
            Cell("active", "good") if entry is log[-1] else "",
            entry.date,
            maker(entry),
            reason(entry),
        ]
        for entry in reversed(log)
    ]
    return table("Revisions", ("revision", "", "date", "who", "why"), rows)


def _revisions(log: tuple[Entry, ...]) -> list[tuple[str, str]]:
    """Each revision once, the newest first, and how a list calls it."""
    newest = {entry.revision: entry for entry in log}
    told = sorted(newest.values(), key=log.index, reverse=True)
    return [(entry.revision, f"{entry.revision[:SHORT]}, {entry.date}") for entry in told]
