"""No two campaigns on real users share any."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.dsl.check import Environment, check
from rectune_dsl.dsl.source import Source
from rectune_dsl.hooks.api import Slot
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.slots import release
from rectune_dsl.workflow.slots import slot_of

WORKFLOW = Path(__file__).parents[1] / "workflow"


@pytest.fixture
def journal(store_url):
    return Journal(store_url)


def create(journal, run, surface, *slot):
    journal.create(run, "task", surface, alone=True, slot=Slot(*slot) if slot else None)


def test_the_whole_surface_is_for_one_run(journal):
    create(journal, "a-1", "feed")
    for wanted in ((), ("l", 0.0, 0.1)):
        with pytest.raises(UsageError, match="run a-1") as caught:
            create(journal, "b-1", "feed", *wanted)
        assert "rectune abort a-1" in caught.value.help
    assert [row.run for row in journal.runs()] == ["a-1"]  # what is refused leaves nothing
    create(journal, "c-1", "shop")
    release(journal.store, "a-1")
    create(journal, "b-1", "feed")


def test_slots_of_two_layers_have_users_in_common(journal):
    create(journal, "a-1", "feed", "one", 0.0, 0.5)
    with pytest.raises(UsageError):
        create(journal, "b-1", "feed", "two", 0.5, 1.0)
    create(journal, "b-1", "feed", "one", 0.5, 1.0)


ENDS = st.tuples(st.integers(0, 10), st.integers(0, 10)).filter(lambda ends: ends[0] < ends[1])


@given(st.lists(ENDS, max_size=6))
def test_whatever_is_granted_is_disjoint(tmp_path_factory, intervals):
    journal = Journal(str(tmp_path_factory.mktemp("slots") / "journal.sqlite"))
    granted = []
    for number, (low, high) in enumerate(intervals):
        free = all(high <= other[0] or other[1] <= low for other in granted)
        try:
            create(journal, f"run-{number}", "feed", "one", low / 10, high / 10)
        except UsageError:
            assert not free
        else:
            assert free
            granted.append((low, high))


def test_the_longest_layer_fits_every_store(journal):
    unit, layer = "u" * 24, "l" * 64
    text = (WORKFLOW / "planted.toml").read_text().replace("[experiment]", f'[experiment]\nunit = "{unit}"')
    text += f'[exclusion]\nlayer = "{layer}"\nshare = [0.0, 0.5]\n'
    task = check(Source("task.toml", text), Environment(backends=frozenset({"planted"}))).task
    slot = slot_of(task)
    create(journal, "a-1", "feed", slot.layer, slot.low, slot.high)
    with pytest.raises(UsageError, match="run a-1"):
        create(journal, "b-1", "feed", slot.layer, slot.low, slot.high)
