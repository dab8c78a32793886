"""The backend keeps the contract on PostgreSQL; rectune-flagd's tests have it with a real flag and DuckDB."""

import pytest
from engines import PostgreSQL
from platforms import PostgresRig

from rectune_dsl.testing.backend_contract import BackendContract

SECRET = "tr0ub4dor&3"


class TestWarehouse(BackendContract):
    @pytest.fixture
    def rig(self, server, tmp_path, monkeypatch):
        monkeypatch.setenv("WAREHOUSE_PASSWORD", SECRET)
        return PostgresRig(PostgreSQL(server, tmp_path), SECRET)
