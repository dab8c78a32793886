"""Between the browser and the pages: who is let through to them, and what every answer says to the browser.

A cookie does not tell ports of a machine apart, and neither does `SameSite`: another server on it is the same
site. So a request that changes something has to come from a page of this very origin, and has to know what
only such a page can know: the session's CSRF token.
"""

from __future__ import annotations

import hmac
from functools import partial
from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rectune_dsl.ui.door import Door, Session

LARGEST_BODY = 64 * 1024
"""Bytes of a form."""
_MOST_FIELDS = 50
_FORM = "application/x-www-form-urlencoded"
OPEN = ("/enter", "/assets/")
"""Paths that need no session: the way in, and what is the same for everybody."""
WATCHING = "/live"
"""How paths end that a page asks for by itself, for as long as it is open."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Refuses by raising HTTPException, for which the application around it has a page. What it lets through
    finds its `session` in the request's state, `still` to ask for it later, and the `form` of a POST."""

    def __init__(self, app: ASGIApp, door: Door, port: int) -> None:
        self._app, self._door = app, door
        self._hosts = hosts(port)
        self._cookie = cookie_name(port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope, receive)
            self._check_host(request)
            path: str = scope["path"]
            cookie = request.cookies.get(self._cookie, "")
            session = self._door.session(cookie, is_watching=path.endswith(WATCHING))
            request.state.session = session
            request.state.still = partial(self._door.session, cookie, is_watching=True)
            if session is None and not path.startswith(OPEN):
                raise HTTPException(401)
            if request.method not in ("GET", "HEAD"):
                request.state.form = await _checked_form(request, session)
        await self._app(scope, receive, send)

    def _check_host(self, request: Request) -> None:
        """Another name that leads to this address may belong to anybody (DNS rebinding)."""
        if request.headers.getlist("host") not in ([host] for host in self._hosts):
            raise HTTPException(421)


class Headers:
    """Puts the headers on every answer, whoever gives it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


def hosts(port: int) -> tuple[str, ...]:
    """What a browser calls this server."""
    names = ("127.0.0.1", "localhost")
    return tuple(f"{name}:{port}" for name in names) + (names if port == 80 else ())


def cookie_name(port: int) -> str:
    """So that consoles on two ports do not overwrite each other's cookies."""
    return f"rectune-{port}"


async def _checked_form(request: Request, session: Session | None) -> dict[str, str]:
    """The fields of a form of ours. Of a field that comes twice, the last counts."""
    if session is None or not _comes_from_here(request):
        raise HTTPException(403)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise HTTPException(415)
    text = (await _body(request)).decode("utf-8", "replace")
    try:
        form = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise HTTPException(400) from None
    if not hmac.compare_digest(form.pop("csrf", "").encode(), session.csrf.encode()):
        raise HTTPException(403)
    return form


def _comes_from_here(request: Request) -> bool:
    """Whether a page of this origin sent it. Browsers say so in `Sec-Fetch-Site`; in `Origin` they put `null`
    for pages that ask for no referrer, as ours do."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin" and origin in (None, "null", _own_origin(request))
    return origin == _own_origin(request)


def _own_origin(request: Request) -> str:
    return f"http://{request.headers['host']}"


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise HTTPException(413)
    return bytes(body)
