"""A bound on the whole of a call. HTTP clients bound each read, so a server that drips keeps them long."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import Thread

from rectune_dsl.hooks.models import LLMAnswer, NoAnswerError

_PATIENCE, _GRACE = 1.25, 5.0
"""A provider has so many times its timeout, and seconds more, to import its library and to tell of a timeout
in its own words."""


def within(timeout: float, call: Callable[[], LLMAnswer]) -> LLMAnswer:
    """What the call returns or raises. Raises NoAnswerError (unavailable) when `timeout`, in seconds, is well
    over; the call is then left alone in its thread, which ends with the process."""
    ended: SimpleQueue[LLMAnswer | BaseException] = SimpleQueue()

    def run() -> None:
        try:
            ended.put(call())
        except BaseException as error:
            ended.put(error)

    Thread(target=copy_context().run, args=(run,), daemon=True).start()
    try:
        result = ended.get(timeout=_PATIENCE * timeout + _GRACE)
    except Empty:
        raise NoAnswerError(f"no whole answer within {timeout:g} seconds", "unavailable") from None
    if isinstance(result, BaseException):
        raise result
    return result
