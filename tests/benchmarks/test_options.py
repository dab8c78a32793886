"""Whoever runs one benchmark can run them all."""

from pathlib import Path

import pytest

BENCHMARKS = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("script", BENCHMARKS, ids=lambda path: path.stem)
def test_every_benchmark_takes_the_same_options(script):
    text = script.read_text()
    assert [option for option in ("--json", "--quick", "--seeds") if f'("{option}"' not in text] == []
