"""Who writes a run, what people answered, and which users a campaign has to itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "rectune_leases",
        sa.Column("run", sa.String(128), sa.ForeignKey("rectune_runs.run"), primary_key=True),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("holder", sa.String(256), nullable=False),
        sa.Column("machine", sa.String(256), nullable=False),
        sa.Column("process", sa.Integer, nullable=False),
        sa.Column("born", sa.String(32), nullable=False),
        sa.Column("beat", sa.Double, nullable=False),
    )
    op.create_table(
        "rectune_answers",
        sa.Column("run", sa.String(128), sa.ForeignKey("rectune_runs.run"), primary_key=True),
        sa.Column("step", sa.String(128), primary_key=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "rectune_slots",
        sa.Column("run", sa.String(128), sa.ForeignKey("rectune_runs.run"), primary_key=True),
        sa.Column("surface", sa.String(256), nullable=False, index=True),
        sa.Column("layer", sa.String(128), nullable=False),
        sa.Column("low", sa.Double, nullable=False),
        sa.Column("high", sa.Double, nullable=False),
    )
