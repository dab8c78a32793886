"""Run by Alembic: applies the scripts on the connection that `store` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from rectune_dsl.memory.migrations.names import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
