"""The provider `openai`: one attempt at one answer, over HTTP."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from rectune_dsl.hooks.api import LLMAnswer, ModelSettings, NoAnswerError, UsageError
from rectune_dsl.hooks.http import is_loopback, outcome_of, seconds_to_wait
from rectune_openai.wire import answer, body, check

DEFAULT_ENDPOINT = "https://api.openai.com/v1"
_LONGEST = 500
"""Characters of what a server says of an error."""


class OpenAI:
    """Asks the server at `endpoint`, or at `OPENAI_BASE_URL`. Raises UsageError for wrong settings."""

    def __init__(self, settings: ModelSettings) -> None:
        check(settings)
        self.model = settings.model
        self._settings = settings
        endpoint = settings.endpoint or os.environ.get("OPENAI_BASE_URL") or DEFAULT_ENDPOINT
        if not endpoint.startswith(("http://", "https://")):
            raise UsageError(
                f"endpoint = {endpoint!r} is no address", help='write it with "http://" before it'
            )
        self._url = f"{endpoint.rstrip('/')}/chat/completions"
        self._client: Any = None
        self._knows_schemas = True

    def complete(self, prompt: Sequence[str], schema: Mapping[str, object]) -> LLMAnswer:
        """The answer, as JSON that the server was asked to fit to `schema`. Raises NoAnswerError.

        A server that refuses schemas is asked once more, with the schema in the prompt, and from then on so.
        """
        reply = self._post(prompt, schema)
        if self._knows_schemas and _refuses_schemas(reply):
            self._knows_schemas = False
            reply = self._post(prompt, schema)
        if reply.status_code != 200:
            raise NoAnswerError(
                f"{self._url} answered {reply.status_code}: {reply.text[:_LONGEST]}",
                outcome_of(reply.status_code),
                help="set OPENAI_API_KEY" if reply.status_code in (401, 403) else "",
                retry_after=seconds_to_wait(reply.headers.get("retry-after")),
            )
        return answer(reply.content, self.model)

    def _post(self, prompt: Sequence[str], schema: Mapping[str, object]) -> Any:
        import httpx

        sent = body(self._settings, prompt, schema, knows_schemas=self._knows_schemas)
        key = os.environ.get("OPENAI_API_KEY", "").strip()
        try:
            return self._connected().post(
                self._url, json=sent, headers={"Authorization": f"Bearer {key}"} if key else {}
            )
        except (httpx.InvalidURL, ValueError) as error:  # a key that no header can hold is a UnicodeError
            raise NoAnswerError(
                f"{self._url} cannot be asked: {type(error).__name__}",
                "refused",
                help="check the endpoint and OPENAI_API_KEY",
            ) from None
        except httpx.HTTPError as error:
            raise NoAnswerError(
                f"{self._url} cannot be reached: {type(error).__name__}: {error}", "unavailable"
            ) from error

    def _connected(self) -> Any:
        import httpx

        if self._client is None:
            # a proxy of the environment would be asked for this machine's own addresses too
            self._client = httpx.Client(timeout=self._settings.timeout, trust_env=not is_loopback(self._url))
        return self._client


def _refuses_schemas(reply: Any) -> bool:
    return reply.status_code in (400, 422) and any(
        word in reply.text for word in ("response_format", "json_schema")
    )
