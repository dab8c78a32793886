"""A bounded sample of what `benchmarks/fuzz.py` does at length."""

import warnings
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from rectune_dsl.dsl.check import Environment
from rectune_dsl.testing.fuzzing import examine
from rectune_dsl.testing.mutations import mutant

ROOT = Path(__file__).parents[2]
FOLDERS = ("tests/corpus/valid", "tests/corpus/invalid", "tasks")
SEEDS = [path.read_bytes() for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.toml"))]
FILES = 600


def test_no_mutant_breaks_a_promise(tmp_path):
    path = tmp_path / "mutant.toml"
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numbers at the end of what doubles hold are meant
        for number in range(FILES):
            path.write_bytes(mutant(SEEDS, number))
            failure = examine(path, Environment()).failure
            if failure is not None:
                found[number] = failure
    assert found == {}


@given(st.integers(0, 2**40))
@settings(max_examples=50)
def test_a_mutant_is_the_same_whenever_it_is_made(number):
    assert mutant(SEEDS, number) == mutant(SEEDS, number)


def test_a_promise_that_is_broken_is_seen(tmp_path, monkeypatch):
    from rectune_dsl.testing import fuzzing

    path = tmp_path / "task.toml"
    path.write_bytes(SEEDS[0])

    def broken(*arguments):
        raise ZeroDivisionError

    def endless(*arguments):
        while True:
            pass

    for stand_in, kind in ((broken, "raised"), (endless, "hung")):
        monkeypatch.setattr(fuzzing, "check", stand_in)
        failure = examine(path, Environment()).failure
        assert failure is not None
        assert failure.kind == kind
