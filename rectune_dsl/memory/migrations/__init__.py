"""How a store of an earlier version becomes one of this: Alembic scripts, applied when a store is opened."""
