"""A suite for authors of backends: subclass `BackendContract`, and give it a fixture `rig`.

    class TestMine(BackendContract):
        @pytest.fixture
        def rig(self, tmp_path):
            return MyRig(tmp_path)

A `Rig` is a platform that the suite may do with as it likes. Each test says in its docstring what a user
loses where it fails. Which of them apply is told by the backend's capabilities and by the rig: the others are
skipped with the reason, which `pytest -rs` shows.

No patch release adds a test to the suite, or makes one harder to pass.
"""

from rectune_dsl.testing.backend_contract.assignment import Assignment, Exclusion
from rectune_dsl.testing.backend_contract.delivery import Delivery
from rectune_dsl.testing.backend_contract.lifecycle import Lifecycle, Restart, Serving
from rectune_dsl.testing.backend_contract.manners import Manners
from rectune_dsl.testing.backend_contract.rig import Rig, Row
from rectune_dsl.testing.backend_contract.statistics import Freshness, Statistics

__all__ = ["BackendContract", "Rig", "Row"]


class BackendContract(
    Lifecycle, Serving, Restart, Assignment, Exclusion, Statistics, Freshness, Delivery, Manners
):
    """What every A/B backend has to do."""
