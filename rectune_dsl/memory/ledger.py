"""What a run asked of language models, and what that cost: written as soon as it is paid for.

Calls are no entries of the journal. A process that has lost its lease may still get an answer, which was paid
for; and an answer is one to the same question of any run of the store.
"""

from __future__ import annotations

from dataclasses import asdict, fields

import sqlalchemy as sa

from rectune_dsl.hooks.models import LLMAnswer, ModelCall, Outcome, Spending
from rectune_dsl.memory.journal import now
from rectune_dsl.memory.store import Store
from rectune_dsl.memory.tables import CALLS

NO_CALLS: tuple[Outcome, ...] = ("recalled", "unusable", "capped")
"""Lines that tell what became of a question, and cost nothing."""
_OF_A_CALL = tuple(CALLS.c[field.name] for field in fields(ModelCall))
_IS_UNPRICED = CALLS.c.usd.is_(None) & (CALLS.c.input_tokens + CALLS.c.output_tokens > 0)


class RunLedger:
    """The `Ledger` of one run. Recalls answers to any run, counts its own run's calls."""

    def __init__(self, store: Store, run: str) -> None:
        self._store = store
        self._run = run

    def recall(self, key: str) -> LLMAnswer | None:
        """The first whole answer that was paid for, by whichever run; None where there is none."""
        told = (CALLS.c.text, CALLS.c.model, CALLS.c.input_tokens, CALLS.c.output_tokens)
        answered = sa.select(*told).where(CALLS.c.key == key, CALLS.c.outcome == "answered")
        with self._store.reading() as db:
            row = db.execute(answered.order_by(CALLS.c.number).limit(1)).one_or_none()
        return None if row is None else LLMAnswer(*row)

    def record(self, call: ModelCall) -> None:
        """Write a call, in a transaction of its own."""
        row = {**asdict(call), "run": self._run, "at": now(), "text": _storable(call.text)}
        with self._store.writing() as db:
            db.execute(CALLS.insert().values(row))

    def spent(self) -> Spending:
        """What the run has spent on calls that were made."""
        query = sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(CALLS.c.input_tokens + CALLS.c.output_tokens), 0),
            sa.func.coalesce(sa.func.sum(CALLS.c.usd), 0.0),
            sa.func.coalesce(sa.func.sum(sa.case((_IS_UNPRICED, 1), else_=0)), 0),
        ).where(CALLS.c.run == self._run, CALLS.c.outcome.not_in(NO_CALLS))
        with self._store.reading() as db:
            calls, tokens, usd, unpriced = db.execute(query).one()
        return Spending(calls, int(tokens), usd, int(unpriced))

    def calls(self) -> tuple[ModelCall, ...]:
        """Every line of the run, in order."""
        query = sa.select(*_OF_A_CALL).where(CALLS.c.run == self._run).order_by(CALLS.c.number)
        with self._store.reading() as db:
            return tuple(ModelCall(*row) for row in db.execute(query))


def _storable(text: str) -> str:
    """The text without what no database takes: a model may answer anything."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
