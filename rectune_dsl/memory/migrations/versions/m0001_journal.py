"""Runs, their entries, and the confirmations of a surface."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    if sa.inspect(op.get_bind()).has_table("rectune_meta"):  # written before versions had names
        op.drop_table("rectune_meta")
        return
    op.create_table(
        "rectune_runs",
        sa.Column("run", sa.String(128), primary_key=True),
        sa.Column("task", sa.String(64), nullable=False),
        sa.Column("surface", sa.String(256), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "rectune_entries",
        sa.Column("run", sa.String(128), sa.ForeignKey("rectune_runs.run"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.UniqueConstraint("run", "key"),
    )
    op.create_table(
        "rectune_confirmations",
        sa.Column("surface", sa.String(256), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("run", sa.String(128), nullable=False, unique=True),
    )
