"""Gemini, through Google's own library: the Developer API, or Vertex AI by its usual environment variables.

The library neither tries again unless it is told to, nor heeds `Retry-After` when it does; so it is told
nothing, and the session tries again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.hooks.http import is_loopback, outcome_of, seconds_to_wait
from rectune_dsl.hooks.models import LLMAnswer, ModelSettings, NoAnswerError, Outcome
from rectune_dsl.llm.gemini_schema import heeded

if TYPE_CHECKING:
    from google.genai import Client
    from google.genai.errors import APIError
    from google.genai.types import GenerateContentConfig, GenerateContentResponse, HttpOptions

DEFAULT_MODEL = "gemini-3.8-flash"
LEVELS = ("minimal", "low", "medium", "high", "xhigh")
"""Of thinking; which of them a model has is for the model to say."""
NUMBERS: Mapping[str, type] = {"temperature": float, "top_p": float, "seed": int}
PLACES = ("project", "location")
"""Options of Vertex AI, where its environment variables are not to be used."""
_KEY_HELP = (
    "set GEMINI_API_KEY, or for Vertex AI GOOGLE_GENAI_USE_VERTEXAI=true, GOOGLE_CLOUD_PROJECT and "
    "GOOGLE_CLOUD_LOCATION"
)
_CUT_SHORT = frozenset({"MAX_TOKENS", "CONTINUATION", ""})
_MAY_CHANGE = frozenset({"OTHER", "MALFORMED_RESPONSE", "FINISH_REASON_UNSPECIFIED"})
"""Reasons to stop that say nothing about the question. All but these are blocks."""
_TRANSPORT = {
    "httpx": "HTTPError",
    "httpx2": "HTTPError",
    "requests.exceptions": "RequestException",
    "google.auth.exceptions": "TransportError",
}
"""What HTTP clients raise, which the library passes on as it is; its version decides which it uses."""


class Gemini:
    """One attempt per call. `thinking` is a level (gemini-3 and later) or a number of tokens (gemini-2.5);
    options are temperature, top_p, seed and, on Vertex AI, project and location.

    Raises UsageError for settings that it does not know.
    """

    def __init__(self, settings: ModelSettings) -> None:
        _check(settings)
        self.model = settings.model or DEFAULT_MODEL
        self._settings = settings
        self._client: Client | None = None

    def complete(self, prompt: Sequence[str], schema: Mapping[str, object]) -> LLMAnswer:
        """The answer, as JSON that Gemini was asked to fit to `schema`. Raises NoAnswerError."""
        client = self._connected()
        from google.genai.errors import APIError, UnknownApiResponseError
        from google.genai.types import Content, Part

        config = _config(self._settings, prompt[0], schema)
        question = [Part(text=part) for part in prompt[1:] or prompt]
        try:
            response = client.models.generate_content(
                model=self.model, contents=Content(role="user", parts=question), config=config
            )
        except APIError as error:
            raise _refused_by_api(error) from error
        except (UnknownApiResponseError, json.JSONDecodeError) as error:
            raise NoAnswerError(f"Gemini's reply is not JSON: {error}", "unavailable") from error
        except Exception as error:
            raise _failed(error) from error
        return _answer(response, self.model)

    def check(self) -> Sequence[str]:
        """Whether the library and a key, or a project, are there; nobody is asked."""
        try:
            self._connected()
        except NoAnswerError as error:
            return [f"{error}; {error.help}" if error.help else str(error)]
        return []

    def _connected(self) -> Client:
        """The client, which is kept: a client that is let go of closes its connections."""
        if self._client is None:
            from google import genai

            project, location = (self._settings.options.get(name) for name in PLACES)
            try:
                self._client = genai.Client(
                    project=project, location=location, http_options=_http(self._settings)
                )
            except Exception as error:
                raise NoAnswerError(f"no client for it: {error}", "refused", help=_KEY_HELP) from error
        return self._client


def _check(settings: ModelSettings) -> None:
    known = (*NUMBERS, *PLACES)
    if unknown := sorted(set(settings.options) - set(known)):
        raise UsageError(f"Gemini has no option {unknown[0]!r}", help=f"options: {', '.join(known)}")
    for name, number in NUMBERS.items():
        try:
            number(settings.options.get(name, "0"))
        except ValueError:
            raise UsageError(
                f"{name} = {settings.options[name]!r} is no number", help=f'write {name} = "1"'
            ) from None
    if settings.thinking and not (settings.thinking in LEVELS or _is_budget(settings.thinking)):
        raise UsageError(
            f"Gemini does not know thinking = {settings.thinking!r}",
            help=f"write one of {', '.join(LEVELS)}, or a number of tokens for gemini-2.5",
        )
    if settings.endpoint and not settings.endpoint.startswith(("http://", "https://")):
        raise UsageError(
            f"endpoint = {settings.endpoint!r} is no address", help='write it with "https://" before it'
        )


def _is_budget(thinking: str) -> bool:
    return thinking.removeprefix("-").isdecimal()


def _http(settings: ModelSettings) -> HttpOptions:
    from google.genai.types import HttpOptions

    return HttpOptions(
        base_url=settings.endpoint or None,
        api_version=settings.api_version or None,
        timeout=max(1, round(1000 * settings.timeout)),
        # a proxy of the environment would be asked for this machine's own addresses too
        client_args={"trust_env": False} if is_loopback(settings.endpoint) else None,
    )


def _config(settings: ModelSettings, instruction: str, schema: Mapping[str, object]) -> GenerateContentConfig:
    from google.genai.types import GenerateContentConfig, ThinkingConfig

    fields: dict[str, Any] = {
        name: number(settings.options[name]) for name, number in NUMBERS.items() if name in settings.options
    }
    if settings.thinking:
        level = "thinking_budget" if _is_budget(settings.thinking) else "thinking_level"
        fields["thinking_config"] = ThinkingConfig.model_validate({level: settings.thinking})
    return GenerateContentConfig(
        system_instruction=instruction,
        response_mime_type="application/json",
        response_json_schema=heeded(schema),
        max_output_tokens=settings.max_output_tokens,
        **fields,
    )


def _answer(response: GenerateContentResponse, asked: str) -> LLMAnswer:
    """The text, if there is a whole one: the library itself hands over what was cut short or blocked as if
    nothing were amiss."""
    usage = response.usage_metadata
    answer = LLMAnswer(
        text="",
        model=response.model_version or asked,
        input_tokens=(usage.prompt_token_count or 0) if usage else 0,
        output_tokens=(usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0) if usage else 0,
    )
    feedback = response.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        reason = feedback.block_reason.value
        raise _incomplete(answer, "blocked", f"Gemini blocked the prompt: {reason}")
    if not response.candidates:
        raise _incomplete(answer, "unavailable", "Gemini's reply has no candidate")
    candidate = response.candidates[0]
    reason = candidate.finish_reason.value if candidate.finish_reason else ""
    parts = (candidate.content.parts if candidate.content else None) or []
    text = "".join(part.text or "" for part in parts if not part.thought)
    if reason != "STOP":
        raise _stopped(answer, reason)
    if not text:
        raise _incomplete(answer, "unavailable", "Gemini's reply is empty")
    return LLMAnswer(text, answer.model, answer.input_tokens, answer.output_tokens)


def _stopped(answer: LLMAnswer, reason: str) -> NoAnswerError:
    if reason in _CUT_SHORT:
        message = f"Gemini's answer is cut short after {answer.output_tokens} tokens"
        return _incomplete(answer, "truncated", message, help="raise `max_output_tokens`")
    outcome: Outcome = "unavailable" if reason in _MAY_CHANGE else "blocked"
    return _incomplete(answer, outcome, f"Gemini stopped: {reason}")


def _incomplete(answer: LLMAnswer, outcome: Outcome, message: str, help: str = "") -> NoAnswerError:
    return NoAnswerError(
        message,
        outcome,
        help=help,
        model=answer.model,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
    )


def _refused_by_api(error: APIError) -> NoAnswerError:
    """What the API's status means."""
    headers = getattr(error.response, "headers", None) or {}
    wait = seconds_to_wait(headers.get("retry-after"))
    message = str(error.message or error.details)
    is_of_key = error.code in (401, 403) or (error.code == 400 and "API key" in message)
    return NoAnswerError(
        f"Gemini answered {error.code} {error.status or ''}: {message}",
        outcome_of(error.code),
        help=_KEY_HELP if is_of_key else "",
        retry_after=wait if wait is not None else _retry_delay(error.details),
    )


def _retry_delay(details: object) -> float | None:
    """What `google.rpc.RetryInfo` in the body of an error asks for, in seconds: {"retryDelay": "34s"}."""
    body = details.get("error", details) if isinstance(details, dict) else {}
    infos = body.get("details", []) if isinstance(body, dict) else []
    for info in infos if isinstance(infos, list) else []:
        delay = info.get("retryDelay") if isinstance(info, dict) else None
        if isinstance(delay, str):
            return seconds_to_wait(delay.removesuffix("s"))
    return None


def _failed(error: Exception) -> NoAnswerError:
    """Something else that went wrong on the way: what the transport raises may pass, all else stays."""
    told = f"{type(error).__name__}: {error}"
    loaded = (getattr(sys.modules.get(module), name, None) for module, name in _TRANSPORT.items())
    if isinstance(error, tuple(kind for kind in loaded if kind is not None)):
        return NoAnswerError(f"Gemini cannot be reached: {told}", "unavailable")
    is_of_key = type(error).__module__.startswith("google.auth")
    return NoAnswerError(f"Gemini's library failed: {told}", "refused", help=_KEY_HELP if is_of_key else "")
