"""Server-sent events: what has changed of a page, for as long as somebody has it open."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from rectune_dsl.hooks.errors import RectuneError
from rectune_dsl.ui.door import Session
from rectune_dsl.ui.render import Part, together

POLL_SECONDS = 1.0
"""Between two looks at what is watched."""
_KIND = "text/event-stream"
Parts = Callable[[], Sequence[Part]]


def follow(request: Request, parts: Parts) -> Response:
    """A stream of a page's parts, each when it differs from what was sent before, or from what the page had
    where the request tells that. It ends with the session or the server, whichever is the first."""
    if request.method == "HEAD":
        return Response(media_type=_KIND)
    stopping: asyncio.Event = request.app.state.stopping
    seen = request.query_params.get("seen", "")
    return StreamingResponse(_events(stopping, parts, seen, request.state.still), media_type=_KIND)


async def _events(
    stopping: asyncio.Event, parts: Parts, seen: str, still: Callable[[], Session | None]
) -> AsyncIterator[str]:
    sent: dict[str, str] = {}
    while not stopping.is_set():
        if still() is None:
            yield _event("ended", "Your session has ended: open a fresh link.")
            return
        try:
            found = await run_in_threadpool(parts)
            yield _event("trouble", "")  # which also finds out whether anybody still listens
        except RectuneError as error:  # a store that is away comes back
            found = ()
            yield _event("trouble", f"{error}. What is shown may be old.")
        if not sent and together(found) == seen:
            sent = {part.name: part.version for part in found}
        for part in found:
            if sent.get(part.name) != part.version:
                sent[part.name] = part.version
                yield _event("part", {"name": part.name, "html": part.html, "version": part.version})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), POLL_SECONDS)


def _event(kind: str, data: object) -> str:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"
