"""The language model: a provider that is there, caps that let calls pass, a cassette to replay."""

from __future__ import annotations

from collections.abc import Iterator

from rectune_dsl.dsl.checks.draft import Draft
from rectune_dsl.dsl.diagnostics import Diagnostic
from rectune_dsl.dsl.suggest import did_you_mean, misspelt


def check(draft: Draft) -> Iterator[Diagnostic]:
    yield from _provider(draft)
    yield from _tokens(draft)
    yield from _cassette(draft)


def _provider(draft: Draft) -> Iterator[Diagnostic]:
    """The default comes with rectune: only what is written can be a slip."""
    table, known, path = draft.task.llm, draft.environment.llms, ("llm", "provider")
    if known is None or table.provider in known or "provider" not in table.model_fields_set:
        return
    if not draft.cuts.touch(path):
        guess, message = misspelt(table.provider, known), f"there is no provider `{table.provider}`"
        fix = draft.mend.value(path, guess) if guess is not None else None
        yield draft.problem("RT515", path, message, did_you_mean(table.provider, known), fix=fix)


def _tokens(draft: Draft) -> Iterator[Diagnostic]:
    """The cap on tokens is the run's; before each call the longest answer has to fit into what is left."""
    most, answer = draft.task.llm.max_tokens, draft.task.llm.max_output_tokens
    if most is not None and most <= answer and not draft.cuts.touch(("llm", "max_output_tokens")):
        message = f"a run may take {most:,} tokens, and the answer to one question up to {answer:,}"
        help = "raise max_tokens, or lower max_output_tokens"
        yield draft.problem("RT516", ("llm", "max_tokens"), message, help)


def _cassette(draft: Draft) -> Iterator[Diagnostic]:
    table, path = draft.task.llm, ("llm", "cassette_mode")
    if draft.cuts.touch(("llm", "cassette")):
        return
    if table.cassette_mode == "replay" and table.cassette is None:
        help = 'write where the answers are: cassette = "answers.jsonl"'
        yield draft.problem("RT517", path, "there is no cassette to replay", help)
