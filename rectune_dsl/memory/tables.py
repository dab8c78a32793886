"""The tables of a store. What changes here needs a migration (`migrations/versions`)."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()

RUNS = sa.Table(
    "rectune_runs",
    METADATA,
    sa.Column("run", sa.String(128), primary_key=True),
    sa.Column("task", sa.String(64), nullable=False),
    sa.Column("surface", sa.String(256), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
)
ENTRIES = sa.Table(
    "rectune_entries",
    METADATA,
    sa.Column("run", sa.String(128), sa.ForeignKey("rectune_runs.run"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(128), nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.UniqueConstraint("run", "key"),
)
CONFIRMATIONS = sa.Table(
    "rectune_confirmations",
    METADATA,
    sa.Column("surface", sa.String(256), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("run", sa.String(128), nullable=False, unique=True),
)
LEASES = sa.Table(
    "rectune_leases",
    METADATA,
    sa.Column("run", sa.String(128), sa.ForeignKey("rectune_runs.run"), primary_key=True),
    sa.Column("token", sa.String(32), nullable=False),
    sa.Column("holder", sa.String(256), nullable=False),
    sa.Column("machine", sa.String(256), nullable=False),
    sa.Column("process", sa.Integer, nullable=False),
    sa.Column("born", sa.String(32), nullable=False),
    sa.Column("beat", sa.Double, nullable=False),
)
ANSWERS = sa.Table(
    "rectune_answers",
    METADATA,
    sa.Column("run", sa.String(128), sa.ForeignKey("rectune_runs.run"), primary_key=True),
    sa.Column("step", sa.String(128), primary_key=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)
SLOTS = sa.Table(
    "rectune_slots",
    METADATA,
    sa.Column("run", sa.String(128), sa.ForeignKey("rectune_runs.run"), primary_key=True),
    sa.Column("surface", sa.String(256), nullable=False, index=True),
    sa.Column("layer", sa.String(128), nullable=False),
    sa.Column("low", sa.Double, nullable=False),
    sa.Column("high", sa.Double, nullable=False),
)
CALLS = sa.Table(
    "rectune_calls",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("run", sa.String(128), sa.ForeignKey("rectune_runs.run"), nullable=False, index=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("key", sa.String(128), nullable=False, index=True),
    sa.Column("step", sa.String(128), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("input_tokens", sa.Integer, nullable=False),
    sa.Column("output_tokens", sa.Integer, nullable=False),
    sa.Column("usd", sa.Double, nullable=True),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
)
