"""The pages about runs, and the forms on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rectune_dsl.memory.journal import RunRow
from rectune_dsl.report.pages.run import SLATES
from rectune_dsl.ui.acts import answer
from rectune_dsl.ui.desk import Desk, desk_of
from rectune_dsl.ui.door import Outcome
from rectune_dsl.ui.forms import NO_WHY, NOTHING, Entered, back_to, why_of
from rectune_dsl.ui.lines import STATES, Asked
from rectune_dsl.ui.render import Part, page, part, run_path, together
from rectune_dsl.ui.reports import Report, section_part
from rectune_dsl.ui.stream import follow
from rectune_dsl.workflow.compile import StepKind
from rectune_dsl.workflow.journaled import Approval

_SHIP = {
    "title": "Ship it?",
    "words": "The confirmed config becomes production for everybody.",
    "button": "Yes, make it production",
}
_ABORT = {
    "title": "Abort this run?",
    "words": "Its traffic is stopped now, and a config that it shipped is taken back. It cannot be resumed.",
    "button": "Yes, abort the run",
}


def show_runs(request: Request) -> Response:
    """The list of runs."""
    desk, asked = desk_of(request), _asked(request)
    parts = (_list(desk, asked),)
    live = f"/live?{urlencode({**_query(asked, asked.page), 'seen': together(parts)})}"
    return page(request, "runs.html", asked=asked, states=STATES, parts=parts, live=live)


def watch_runs(request: Request) -> Response:
    desk, asked = desk_of(request), _asked(request)
    return follow(request, lambda: (_list(desk, asked),))


def show_run(request: Request) -> Response:
    """One run: where it stands, what it asks, and its report."""
    return _run_page(request, _row(request), NOTHING)


def watch_run(request: Request) -> Response:
    desk, row, csrf = desk_of(request), _row(request), request.state.session.csrf

    def parts() -> Sequence[Part]:
        return (*desk.standings.parts(row.run, csrf), *_told(row, desk.reports.lately(row), csrf))

    return follow(request, parts)


def answer_run(request: Request) -> Response:
    """Approve or reject what a run asks; whether shipping is meant is asked back."""
    desk, row, form = desk_of(request), _row(request), request.state.form
    step, given, why = form.get("step", ""), form.get("answer"), why_of(request)
    if given not in ("approve", "reject"):
        raise HTTPException(400)
    if not why:
        return _run_page(request, row, Entered(given, why, NO_WHY), 422)
    if given == "approve" and step == StepKind.VERDICT and "confirmed" not in form:
        return _ask_back(request, row, _SHIP, "answer", {"step": step, "answer": given, "why": why})
    approval = Approval(given == "approve", desk.by, why)
    return back_to(request, run_path(row.run), answer(desk.journal, row.run, step, approval, desk.flag))


def abort_run(request: Request) -> Response:
    """End a run, once it was asked back whether that is meant."""
    desk, row, form = desk_of(request), _row(request), request.state.form
    why = why_of(request)
    if not why:
        return _run_page(request, row, Entered("abort", why, NO_WHY), 422)
    if "confirmed" not in form:
        return _ask_back(request, row, _ABORT, "abort", {"why": why})
    return back_to(request, run_path(row.run), desk.aborts.order(row.run, desk.by, why))


def show_slates(request: Request) -> Response:
    """Ask the run's backend, once, what a config changes in slates, and show it in its place."""
    row = _row(request)
    if why := desk_of(request).reports.look(row):
        return back_to(request, run_path(row.run), Outcome("bad", f"No slates can be shown: {why}."))
    return RedirectResponse(f"{run_path(row.run)}#{SLATES}", 303)


def _run_page(request: Request, row: RunRow, entered: Entered, status: int = 200) -> Response:
    desk, csrf = desk_of(request), request.state.session.csrf
    report = desk.reports.now(row)
    parts, told = desk.standings.parts(row.run, csrf, entered), _told(row, report, csrf)
    # news would hide what is wrong with a form
    live = "" if entered.wrong else f"{run_path(row.run)}/live?seen={together((*parts, *told))}"
    return page(request, "run.html", status=status, run=row, report=report, parts=parts, told=told, live=live)


def _told(row: RunRow, report: Report, csrf: str) -> tuple[Part, ...]:
    """The parts of a report and, below what it says of slates, the form that asks for them."""
    form = part("look", "look.html", path=run_path(row.run), csrf=csrf, is_unseen=report.is_unseen)
    below = {section_part(SLATES): (form,)}
    return tuple(each for told in report.parts for each in (told, *below.get(told.name, ())))


def _ask_back(
    request: Request, row: RunRow, question: Mapping[str, str], act: str, fields: Mapping[str, str]
) -> Response:
    path = run_path(row.run)
    return page(
        request,
        "confirm.html",
        run=row,
        question=question,
        path=path,
        act=f"{path}/{act}",
        fields={**fields, "confirmed": "yes"},
    )


def _row(request: Request) -> RunRow:
    return desk_of(request).row(request.path_params["run"])


def _list(desk: Desk, asked: Asked) -> Part:
    shown = desk.lines.shown(asked)
    earlier, later = (urlencode(_query(asked, shown.page + step)) for step in (-1, 1))
    return part("runs", "runs_list.html", shown=shown, earlier=earlier, later=later, path=run_path)


def _asked(request: Request) -> Asked:
    told = request.query_params
    page = told.get("page", "")
    state = next((state for state in STATES if state == told.get("state")), None)
    return Asked(told.get("text", ""), state, int(page) if page.isdecimal() and len(page) < 10 else 1)


def _query(asked: Asked, page: int) -> dict[str, str]:
    """What a link to a page of the same list has behind its question mark."""
    told = {"text": asked.text, "state": asked.state or "", "page": str(page)}
    return {name: value for name, value in told.items() if value}
