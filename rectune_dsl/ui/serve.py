"""Serves the console on the loopback address of this machine, until somebody stops it."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.ui.app import console
from rectune_dsl.ui.assets import assets
from rectune_dsl.ui.desk import Desk
from rectune_dsl.ui.door import Door

ADDRESS = "127.0.0.1"
Say = Callable[[str], None]


def serve(desk: Desk, port: int, say: Say, *, is_opening: bool = False) -> None:
    """Serve until Ctrl-C; port 0 is any that is free. `say` prints links, each of which lets one browser in.

    Raises UsageError when the port is taken.
    """
    door = Door()
    with listening(port) as listener:
        own = listener.getsockname()[1]

        def link() -> str:
            return f"http://{ADDRESS}:{own}/enter?token={door.new_token()}"

        first = link()
        say(f"Open {first}")
        say("It lets one browser in, once. Press Enter for another link, Ctrl-C to stop.")
        _go_on_in_the_background()
        for work in (_warm_up, lambda: _print_links(link, say)):
            threading.Thread(target=work, daemon=True).start()
        if is_opening:
            webbrowser.open(first)
        stopping = asyncio.Event()
        Server(console(desk, door, own, stopping), stopping).run(sockets=[listener])


class Server(uvicorn.Server):
    """Serves an application, and tells it when it is `stopping`: nobody waits for those who watch."""

    def __init__(self, app: ASGIApp, stopping: asyncio.Event) -> None:
        super().__init__(_config(app))
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()
        await super().shutdown(sockets)


def _config(app: ASGIApp) -> uvicorn.Config:
    """Requests are not logged: the links would be in it."""
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_level=logging.ERROR if os.environ.get("RECTUNE_DEBUG") else logging.CRITICAL,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket on the loopback address. Raises UsageError when it cannot be had."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((ADDRESS, port))
            listener.listen()  # so that who follows the link at once only has to wait
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"port {port} of {ADDRESS} cannot be had: {error}", help="--port 0 takes any that is free"
            ) from None
        yield listener


def _warm_up() -> None:
    """Put together what draws charts, which takes seconds, before somebody asks for it. All modules are there
    by then, for good: to look through them for garbage would take longer than a page does."""
    assets()["vega.js"].read()
    gc.collect()
    gc.freeze()


def _go_on_in_the_background() -> None:
    """Where a shell has put this process into the background, reading a key would stop it, pages and all; now
    only the reading fails."""
    if hasattr(signal, "SIGTTIN"):
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)


def _print_links(link: Callable[[], str], say: Say) -> None:
    """A fresh link whenever somebody presses Enter in the terminal; nobody else can."""
    if sys.stdin is None or not sys.stdin.isatty():
        return
    with suppress(OSError):
        for _ in sys.stdin:
            say(f"Open {link()}")
