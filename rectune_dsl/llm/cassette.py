"""Answers in a file: recorded once from a real model, replayed without network, key or cost.

A cassette is JSON lines, one per answer, in the order of asking: it can be read, reviewed and kept beside
a task. Keys are taken out of it as it is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.hooks.models import LLM, LLMAnswer, ModelSettings, NoAnswerError, Outcome
from rectune_dsl.llm.question import model_of, question_key
from rectune_dsl.llm.secrets import redacted

_KEPT: frozenset[Outcome] = frozenset({"truncated", "blocked"})
"""Failures that belong to the question, and are replayed as they were."""


class Take(BaseModel):
    """One line: what was asked, and how that ended. `message` is a failure's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    provider: str
    asked_model: str
    outcome: Literal["answered", "truncated", "blocked"]
    model: str
    input_tokens: int
    output_tokens: int
    prompt: tuple[str, ...]
    text: str = ""
    message: str = ""

    def replay(self) -> LLMAnswer:
        """The answer again, or the NoAnswerError."""
        if self.outcome == "answered":
            return LLMAnswer(self.text, self.model, self.input_tokens, self.output_tokens)
        raise NoAnswerError(
            self.message,
            self.outcome,
            model=self.model,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
        )


@dataclass(frozen=True)
class Asker:
    """Who is asked: what a provider is registered as, the model, and the settings."""

    provider: str
    model: str
    settings: ModelSettings

    def key(self, prompt: Sequence[str], schema: Mapping[str, object]) -> str:
        return question_key(self.provider, self.model, self.settings, prompt, schema)


class Replayed:
    """A provider that knows the answers of a cassette and no others. Raises UsageError for a broken one."""

    def __init__(self, path: Path, name: str, settings: ModelSettings) -> None:
        """`name` and `settings` are those of the provider that was recorded. Where the settings name no
        model, it is the one that the cassette has answers of."""
        self._takes = read_takes(path)
        asked = {take.asked_model for take in self._takes.values() if take.provider == name}
        self.model = settings.model or (asked.pop() if len(asked) == 1 else "")
        self._path = path
        self._asker = Asker(name, self.model, settings)

    def complete(self, prompt: Sequence[str], schema: Mapping[str, object]) -> LLMAnswer:
        """The recorded answer. Raises NoAnswerError (refused) for a question that was never asked."""
        key = self._asker.key(prompt, schema)
        if (take := self._takes.get(key)) is not None:
            return take.replay()
        raise NoAnswerError(
            f"{self._path} has no answer of {self._asker.provider} {self.model} to the question {key[:12]}",
            "refused",
            help="record it: what is asked has changed since, or the model and its settings have",
        )


class Recorded:
    """A provider whose answers are added to a cassette; what the cassette has is not asked again."""

    def __init__(self, provider: LLM, path: Path, name: str, settings: ModelSettings) -> None:
        self.model = model_of(provider, settings)
        self._provider = provider
        self._path = path
        self._asker = Asker(name, self.model, settings)
        self._takes = read_takes(path) if path.exists() else {}

    def complete(self, prompt: Sequence[str], schema: Mapping[str, object]) -> LLMAnswer:
        key = self._asker.key(prompt, schema)
        if (take := self._takes.get(key)) is not None:
            return take.replay()
        try:
            answer = self._provider.complete(prompt, schema)
        except NoAnswerError as error:
            if error.outcome in _KEPT:
                nothing = LLMAnswer("", error.model, error.input_tokens, error.output_tokens)
                self._add(key, prompt, nothing, error.outcome, str(error))
            raise
        self._add(key, prompt, answer, "answered", "")
        return answer

    def keep(self, prompt: Sequence[str], schema: Mapping[str, object], answer: LLMAnswer) -> None:
        """Add an answer that was had otherwise, such as one that a ledger recalled."""
        if (key := self._asker.key(prompt, schema)) not in self._takes:
            self._add(key, prompt, answer, "answered", "")

    def _add(
        self, key: str, prompt: Sequence[str], answer: LLMAnswer, outcome: Outcome, message: str
    ) -> None:
        take = Take.model_validate(
            {
                "key": key,
                "provider": self._asker.provider,
                "asked_model": self.model,
                "outcome": outcome,
                "model": answer.model,
                "input_tokens": answer.input_tokens,
                "output_tokens": answer.output_tokens,
                "prompt": [redacted(part) for part in prompt],
                "text": redacted(answer.text),
                "message": redacted(message),
            }
        )
        self._takes[key] = take
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(take.model_dump(), ensure_ascii=False) + "\n")


def read_takes(path: Path) -> dict[str, Take]:
    """What a cassette holds, by the questions' keys. Raises UsageError where that is no cassette."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cassette {path} cannot be read: {error}", help="record one first") from error
    takes = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            take = _take(line, f"{path}:{number}")
            takes[take.key] = take
    return takes


def _take(line: str, place: str) -> Take:
    try:
        return Take.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"{place}: this line is no recorded answer: {where + ': ' if where else ''}{first['msg']}",
            help="remove the line, or record the cassette anew",
        ) from error
