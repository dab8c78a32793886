"""What language models were asked, what they answered, and what that cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "rectune_calls",
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
