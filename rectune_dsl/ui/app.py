"""The console as an application: which path is which page, and what is said when something is wrong."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp

from rectune_dsl.hooks.errors import RectuneError
from rectune_dsl.memory.store import StoreError
from rectune_dsl.ui import runpages, skillpages
from rectune_dsl.ui.assets import assets
from rectune_dsl.ui.desk import Desk, NotThereError
from rectune_dsl.ui.door import IDLE_SECONDS, Door
from rectune_dsl.ui.guard import Guard, Headers, cookie_name
from rectune_dsl.ui.render import page

_FOREVER = "public, max-age=31536000, immutable"
_AGAIN = "Press Enter in the terminal where `rectune ui` runs: it prints a fresh link."
_USE = "Go back, and use the buttons of the page."
_NOTHING = "Nothing was done. Open the page, and ask there."
_HOURS = f"{IDLE_SECONDS / 3600:.0f} hours"
_PROBLEMS = {
    400: ("This is not a request that the console knows", _USE),
    401: ("You have no session here", f"A session ends after {_HOURS} without use. {_AGAIN}"),
    403: ("This request did not come from a page of this console", _NOTHING),
    404: ("There is no such page", "The list of runs has all there are."),
    405: ("This page cannot be asked for like that", _USE),
    413: ("This is too long", "Nothing was done. Say it in fewer words."),
    415: ("This is not a form of the console", _NOTHING),
    421: ("This server is not called that", "Use the address that `rectune ui` has printed."),
}
_STATUS = {StoreError: 503, NotThereError: 404}


def console(desk: Desk, door: Door, port: int, stopping: asyncio.Event) -> ASGIApp:
    """The application, for a server that browsers reach at this port of this machine. Pages are watched until
    it is `stopping`."""
    router = Router(_routes(), redirect_slashes=False)
    handlers = {HTTPException: _http_problem, RectuneError: _problem, Exception: _internal}
    made = Starlette(routes=[Mount("/", Guard(router, door, port))], exception_handlers=handlers)
    made.state.desk, made.state.door, made.state.port = desk, door, port
    made.state.stopping = stopping
    return Headers(made)


def _routes() -> list[Route]:
    return [
        Route("/", runpages.show_runs),
        Route("/live", runpages.watch_runs),
        Route("/runs/{run}", runpages.show_run),
        Route("/runs/{run}/live", runpages.watch_run),
        Route("/runs/{run}/answer", runpages.answer_run, methods=["POST"]),
        Route("/runs/{run}/abort", runpages.abort_run, methods=["POST"]),
        Route("/runs/{run}/slates", runpages.show_slates, methods=["POST"]),
        Route("/skills", skillpages.show_skills),
        Route("/skills/{skill}", skillpages.show_skill),
        Route("/skills/{skill}/difference", skillpages.show_difference),
        Route("/skills/{skill}/rollback", skillpages.roll_back, methods=["POST"]),
        Route("/skills/{skill}/activate", skillpages.activate, methods=["POST"]),
        Route("/assets/{digest}/{name}", _asset),
        Route("/enter", _enter),
        Route("/leave", _leave, methods=["POST"]),
    ]


def _asset(request: Request) -> Response:
    found = assets().get(request.path_params["name"])
    if found is None or found.path != request.url.path:
        raise HTTPException(404)
    return Response(found.read(), media_type=found.kind, headers={"Cache-Control": _FOREVER})


def _enter(request: Request) -> Response:
    """Trade the token of a printed link for a session, and forget the link."""
    if request.method == "HEAD":  # whoever looks whether the link works does not use it up
        return Response()
    state = request.app.state
    cookie = state.door.enter(request.query_params.get("token", ""))
    if cookie is None:
        title = "This link was used already, or is not one of this console"
        return page(request, "problem.html", status=403, title=title, help=_AGAIN)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(cookie_name(state.port), cookie, httponly=True, samesite="strict")
    return answer


def _leave(request: Request) -> Response:
    state = request.app.state
    name = cookie_name(state.port)
    state.door.leave(request.cookies[name])
    answer = page(request, "problem.html", title="Your session has ended", help=_AGAIN)
    answer.delete_cookie(name)
    return answer


def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title, help = _PROBLEMS.get(error.status_code, (error.detail, ""))
    return page(request, "problem.html", status=error.status_code, title=title, help=help)


def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, RectuneError)
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 409)
    return page(request, "problem.html", status=status, title=f"{error}", help=error.help)


def _internal(request: Request, error: Exception) -> Response:
    help = "This is a bug. `RECTUNE_DEBUG=1 rectune ui` prints the traceback; please report it."
    title = f"Internal error: {type(error).__name__}: {error}"
    return page(request, "problem.html", status=500, title=title, help=help)
