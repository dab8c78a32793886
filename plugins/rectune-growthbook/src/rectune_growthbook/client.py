"""GrowthBook's REST API over HTTP: with a key, few requests a minute, and a network that fails."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import quote

from rectune_dsl.hooks.api import BackendError, secret_of
from rectune_dsl.hooks.http import is_loopback, is_passing, seconds_to_wait
from rectune_growthbook.limiter import Limiter
from rectune_growthbook.settings import NAME, GrowthBookSettings
from rectune_growthbook.wire import DRIFT, Record

TRIES = 5
"""How often a request is made before GrowthBook counts as failing."""
BACKOFF_SECONDS = 1.0
"""The wait after the first failure; each further one is twice as long. Half of it is left to chance."""
LONGEST_WAIT = 120.0
"""Seconds that a `Retry-After` may ask for. Whoever asks for more is not waited for."""
PAGE = 100
"""The most that GrowthBook lists at once."""
_LONGEST = 300
"""Characters of what GrowthBook says of an error."""


class UnansweredError(BackendError):
    """A request that may have been carried out: no answer came, or one that does not tell."""


class RefusedError(BackendError):
    """GrowthBook understood a request, and refuses it: `status` 400, or 404 for what it does not know."""

    def __init__(self, message: str, status: int, *, help: str) -> None:
        super().__init__(message, help=help)
        self.status = status


@dataclass(frozen=True)
class _Failure:
    """An attempt that failed and may be repeated. `carried_out`: perhaps it was."""

    why: str
    carried_out: bool
    wait: float | None = None


class Client:
    """Asks the API that the settings name. Every method raises BackendError, with a help, when it is not
    answered after some attempts, or is refused; the key is in no error."""

    def __init__(self, settings: GrowthBookSettings) -> None:
        self._settings = settings
        self._url = settings.url.rstrip("/")
        self._limiter = Limiter(settings.requests_per_minute)
        self._http: Any = None

    def get(self, *path: str, **query: str) -> Record:
        return self._ask("GET", path, query=query)

    def post(self, *path: str, body: Mapping[str, Any]) -> Record:
        """For what may be repeated: it sets something, whatever it was before."""
        return self._ask("POST", path, body=body)

    def post_once(self, *path: str, body: Mapping[str, Any]) -> Record:
        """For what makes something new. Raises UnansweredError where it is not known whether it did."""
        return self._ask("POST", path, body=body, once=True)

    def listed(self, *path: str, **query: str) -> Iterator[Record]:
        """Everything of a list, page by page."""
        name, offset = path[-1], 0
        while True:
            page = self.get(*path, limit=str(PAGE), offset=str(offset), **query)
            yield from page.records(name)
            following = page.fields.get("nextOffset")
            if not page.maybe("hasMore", False):
                return
            if isinstance(following, bool) or not isinstance(following, int) or following <= offset:
                raise BackendError(f"GrowthBook's list of {name} does not say where it goes on", help=DRIFT)
            offset = following

    def _ask(
        self,
        method: str,
        path: tuple[str, ...],
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        once: bool = False,
    ) -> Record:
        url = "/".join((self._url, *(quote(part, safe="") for part in path)))
        for number in count(1):
            found = self._attempt(method, url, query, body)
            if isinstance(found, Record):
                return found
            if once and found.carried_out:
                raise UnansweredError(f"{found.why}; whether it did what was asked is not known", help=_AGAIN)
            wait = _wait(number) if found.wait is None else found.wait
            if number == TRIES or wait > LONGEST_WAIT:
                asked = f" and asks to wait {found.wait:.0f} s" if found.wait else ""
                raise BackendError(f"{found.why}{asked}", help=_AGAIN)
            time.sleep(wait)
        raise AssertionError("numbers do not end")

    def _attempt(
        self, method: str, url: str, query: Mapping[str, str] | None, body: Mapping[str, Any] | None
    ) -> Record | _Failure:
        import httpx

        what = f"{method} {url}"
        key = secret_of(self._settings.key_variable, "a secret key or personal access token of GrowthBook")
        self._limiter.wait()
        try:
            reply = self._connected().request(
                method, url, params=query, json=body, headers={"Authorization": f"Bearer {key}"}
            )
        except (httpx.InvalidURL, ValueError) as error:  # a key that no header can hold is a UnicodeError
            raise BackendError(
                f"{what} cannot be asked: {type(error).__name__}",
                help=f"check `url` in [plugins.{NAME}] and what {self._settings.key_variable} holds",
            ) from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return _Failure(f"{what} cannot be reached: {type(error).__name__}", carried_out=False)
        except httpx.HTTPError as error:
            return _Failure(f"{what} was not answered: {type(error).__name__}", carried_out=True)
        return self._read(what, reply, key)

    def _read(self, what: str, reply: Any, key: str) -> Record | _Failure:
        """What a reply means. Raises BackendError for one that asking again would not change."""
        status = reply.status_code
        said = f"{what} answered {status}: {_message(reply, key)}"
        if is_passing(status):
            wait = seconds_to_wait(reply.headers.get("retry-after"))
            return _Failure(said, carried_out=status != 429, wait=wait)
        if status in (401, 403):
            variable = self._settings.key_variable
            raise BackendError(
                said, help=f"put a key into {variable} that may read and change features and experiments"
            )
        if status >= 400:
            raise RefusedError(
                said, status, help=f"check the ids in [plugins.{NAME}], and what the key may do"
            )
        try:
            fields = reply.json()
        except ValueError:
            return _Failure(f"{what} answered with what is no JSON", carried_out=True)
        if status != 200 or not isinstance(fields, dict):
            raise BackendError(f"{what} answered {status} with no object", help=DRIFT)
        return Record(fields, f"the answer to {what}")

    def _connected(self) -> Any:
        import httpx

        if self._http is None:
            # a proxy of the environment would be asked for this machine's own addresses too
            trusts = not is_loopback(self._url)
            self._http = httpx.Client(timeout=self._settings.timeout, trust_env=trusts)
        return self._http


_AGAIN = "try again when GrowthBook answers: nothing is done twice"


def _wait(number: int) -> float:
    longest: float = BACKOFF_SECONDS * 2 ** (number - 1)
    return longest * (1 + random.random()) / 2


def _message(reply: Any, key: str) -> str:
    """What GrowthBook says of an error, without the key."""
    try:
        fields = reply.json()
    except ValueError:
        fields = None
    said = fields.get("message") if isinstance(fields, dict) else None
    # cut afterwards: a cut might leave a part of the key
    return (said if isinstance(said, str) else str(reply.text)).replace(key, "***")[:_LONGEST]
