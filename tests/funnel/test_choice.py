"""Who reads formulas, and what is imported for it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rectune_dsl.funnel import choice
from rectune_dsl.funnel.run import Funnel
from rectune_dsl.hooks.api import Config
from rectune_dsl.hooks.errors import UsageError

SCRIPT = """
import json, sys
from importlib.util import find_spec
import rectune_dsl.funnel.run as run
from rectune_dsl.funnel import choice
before = "numba" in sys.modules
make = choice.runner()
print(json.dumps([before, "numba" in sys.modules, make.__name__]))
"""


def _imported(kernel):
    environment = {**os.environ, choice.VARIABLE: kernel}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_numba_is_imported_only_when_a_funnel_runs_and_not_for_numpy():
    pytest.importorskip("numba")
    assert _imported("numpy")[:2] == [False, False]
    assert _imported("") == [False, True, "kernel_stage"]


def test_without_numba_it_is_numpy(task, make_panel, monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    monkeypatch.delenv(choice.VARIABLE, raising=False)
    funnel = Funnel(task)
    assert funnel.slates(make_panel(3), Config(task.production)).candidates.shape == (3, 3)
    assert all(type(stage).__name__ == "CompiledStage" for stage in funnel._runners)


def test_asking_for_what_is_not_there_says_what_to_do(monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    monkeypatch.setenv(choice.VARIABLE, "numba")
    with pytest.raises(UsageError, match="not installed") as caught:
        choice.runner()
    assert "rectune[fast]" in str(caught.value.help)
    monkeypatch.setenv(choice.VARIABLE, "cuda")
    with pytest.raises(UsageError, match="`cuda`"):
        choice.runner()


def test_compiled_code_is_loaded_from_disk_until_the_sources_change(tmp_path, monkeypatch):
    numba = pytest.importorskip("numba")
    from rectune_dsl.funnel.compiled import jit

    def hits():
        return sum(jit.kernel("float64(float64)")(_twice).stats.cache_hits.values())

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert [hits(), hits()] == [0, 1]
    monkeypatch.setattr(jit, "_sources", lambda package: "changed")
    assert [hits(), hits()] == [0, 1]


def test_a_numba_whose_cache_is_another_is_found_out(monkeypatch):
    """Without its stamp, old code would be loaded; without its cache, each process would compile."""
    numba = pytest.importorskip("numba")
    from rectune_dsl.funnel.compiled import jit

    dispatcher = type(numba.njit(_twice))
    monkeypatch.setattr(dispatcher, "enable_caching", lambda self: None)
    with pytest.raises(AttributeError, match="_cache_file"):
        jit.kernel("float64(float64)")(_twice)


def test_work_is_done_as_it_was_decided_elsewhere(monkeypatch):
    pytest.importorskip("numba")
    for decided, here in ((False, "numba"), (True, "numpy")):
        monkeypatch.setenv(choice.VARIABLE, here)
        with choice.as_decided(decided):
            assert choice.compiled() is decided
        assert choice.compiled() is not decided


def test_work_for_numba_is_not_done_without_it(monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="not installed") as caught, choice.as_decided(True):
        pass
    assert "RECTUNE_KERNEL=numpy" in caught.value.help


def test_compiled_code_on_disk_is_for_these_sources_only_and_need_not_be_possible(tmp_path, monkeypatch):
    pytest.importorskip("numba")
    from rectune_dsl.funnel.compiled import jit

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    twice = jit.kernel("float64(float64)")(_twice)
    assert twice(2.0) == 4.0
    assert twice._cache._cache_file._source_stamp == jit._sources(Path(__file__).parent)

    def nowhere(self):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(type(twice), "enable_caching", nowhere)
    assert jit.kernel("float64(float64)")(_twice)(3.0) == 6.0


def _twice(x):
    return x + x
