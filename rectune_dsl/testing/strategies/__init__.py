"""Hypothesis strategies for tasks, configs, formulas and observations.

    from hypothesis import given
    from rectune_dsl.testing.strategies import configs, tasks

    @given(tasks())
    def test_my_tool_reads_every_task(written):
        assert my_tool(written.text)

Whatever fails is shrunk to a small task file that a person can read. Needs the extra `test`.
"""

from __future__ import annotations

try:
    import hypothesis as _hypothesis  # noqa: F401
except ImportError as error:
    raise ImportError(
        "rectune_dsl.testing.strategies needs Hypothesis: pip install 'rectune[test]'"
    ) from error

from rectune_dsl.testing.strategies.configs import configs
from rectune_dsl.testing.strategies.formulas import formulas, trees
from rectune_dsl.testing.strategies.observations import observations
from rectune_dsl.testing.strategies.tasks import WrittenTask, tasks

__all__ = ["WrittenTask", "configs", "formulas", "observations", "tasks", "trees"]
