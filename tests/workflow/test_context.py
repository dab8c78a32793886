"""What agents are given to think with leads nowhere that tells the truth."""

import gc
import types
from dataclasses import replace

import numpy as np
import pytest

from rectune_dsl.backends.simulator import SimulatorBackend
from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.rehearsal import Faults
from rectune_dsl.dsl.source import Source
from rectune_dsl.funnel.source import head
from rectune_dsl.hooks.api import BackendContext, OracleBackend, UsageError
from rectune_dsl.simulator.world import Sizes, World, build_world
from rectune_dsl.simulator.worldfile import WorldFile
from rectune_dsl.workflow.context import Contexts
from rectune_dsl.workflow.parts import Parts

RUN_SEED, WORLD_SEED = 918_273_645, 7_654_321
FEW = 100
"""Numbers of an array in which a seed may stand."""
SIMULATOR = {"world": "news-feed", "seed": WORLD_SEED, "faults": {"interference": 0.123}}
CHANGES = {
    "simulator": SIMULATOR,
    "metrics": {"watch_minutes": None, "clicks": {"goal": "maximize"}},
    "signals": {"p_long_view": None, "p_share": {}},
    "stages": {"ranking": {"score": "p_click + w_long * p_share"}},
}


@pytest.fixture
def given(monkeypatch):
    """All contexts that agents are given from now on."""
    found, of = [], Contexts.of

    def recorded(*arguments, **named):
        found.append(of(*arguments, **named))
        return found[-1]

    monkeypatch.setattr(Contexts, "of", recorded)
    return found


@pytest.fixture
def contexts(rectune_project, given):
    """All that the agents of a campaign were given, and the task of its file."""
    path = rectune_project.task(**CHANGES)
    done = rectune_project.run("run", path, "--seed", RUN_SEED)
    assert done.exit_code == 0, done.stderr
    return given, check(Source.read(path), Environment()).task


def reachable(root):
    """Everything that a chain of attributes, items and closures leads to; not what can be imported."""
    seen, waiting = {}, [root]
    while waiting:
        one = waiting.pop()
        if id(one) not in seen:
            seen[id(one)] = one
            waiting += _parts(one)
    return seen.values()


def _parts(one):
    match one:
        case type() | types.ModuleType() | types.CodeType():
            return []
        case types.FunctionType():
            cells = [cell.cell_contents for cell in one.__closure__ or ()]
            return [*cells, one.__defaults__, one.__kwdefaults__, one.__dict__]
        case np.random.Generator():
            return [one.bit_generator.state, one.bit_generator.seed_seq]
        case np.ndarray() if one.size < FEW:
            return [one.tolist()]
    return gc.get_referents(one)


def _is_number(one, numbers):
    return isinstance(one, int | np.integer) and not isinstance(one, bool) and int(one) in numbers


def test_the_walk_finds_what_is_hidden_well():
    hidden = object()

    def closure():
        return hidden

    for place in (closure, {"key": [(closure,)]}, types.SimpleNamespace(deep=closure)):
        assert any(one is hidden for one in reachable(place))
    drawn = np.random.Generator(np.random.Philox(key=RUN_SEED))
    assert any(_is_number(one, {RUN_SEED}) for one in reachable([drawn]))


def test_no_context_leads_to_the_world_its_faults_or_a_seed(contexts):
    given, _ = contexts
    assert {context.round for context in given} >= {1, 2}
    assert given[-1].history
    for one in reachable(given):
        assert not isinstance(one, World | WorldFile | Sizes | Faults | OracleBackend | Parts), type(one)
        assert not _is_number(one, {RUN_SEED, WORLD_SEED})
        if isinstance(one, str):
            assert not any(word in one for word in ("news-feed", str(RUN_SEED), str(WORLD_SEED))), one


def test_a_contexts_task_makes_no_world_and_no_backend(contexts):
    given, _ = contexts
    for make in (
        lambda task: build_world(task.simulator),
        lambda task: SimulatorBackend(BackendContext(task, RUN_SEED)),
    ):
        with pytest.raises(UsageError, match="no simulated world 'untold'"):
            make(given[0].task)


def test_all_else_of_the_task_is_there(contexts):
    given, task = contexts
    for context in given:
        assert context.task.model_copy(update={"simulator": task.simulator}) == task


# --- the panel ---


def test_what_a_campaign_has_of_the_panel(contexts):
    """The replay is of the panel's first requests; nothing has changed since the run began."""
    given, _ = contexts
    for context in given:
        assert context.whatif is not None
        assert not any("since the run began" in doubt for doubt in context.doubts)


def test_whoever_recommends_is_told_what_changed_since_the_run_began(rectune_project, monkeypatch, given):
    """The backend's later panels have a head whose scores are halved: its model was replaced meanwhile."""
    panel, asked = SimulatorBackend.panel, []

    def drifting(self, requests):
        asked.append(requests)
        found = panel(self, requests)
        if len(asked) == 1:
            return found
        signals = {
            stage: {name: values * (0.5 if name == "p_click" else 1.0) for name, values in heads.items()}
            for stage, heads in found.signals.items()
        }
        return replace(found, signals=signals)

    monkeypatch.setattr(SimulatorBackend, "panel", drifting)
    done = rectune_project.run("run", rectune_project.task(), "--seed", 1)
    assert done.exit_code == 0, done.stderr
    assert len(asked) == 2
    told = [context for context in given if context.doubts]
    assert any("p_click went from" in doubt for doubt in told[-1].doubts)
    assert not any("since the run began" in doubt for doubt in given[0].doubts)


@pytest.mark.parametrize("broken", ["no signal", "no requests", "slates are drawn"])
def test_a_panel_that_cannot_be_replayed_leaves_the_params(rectune_project, monkeypatch, given, broken):
    panel = SimulatorBackend.panel

    def partial(self, requests):
        found = panel(self, requests)
        if broken == "no requests":
            return head(found, 0)
        if broken == "slates are drawn":
            return replace(found, is_drawn=True)
        signals = {
            stage: {n: v for n, v in h.items() if n != "p_click"} for stage, h in found.signals.items()
        }
        return replace(found, signals=signals)

    monkeypatch.setattr(SimulatorBackend, "panel", partial)
    done = rectune_project.run("run", rectune_project.task(), "--seed", 1)
    assert done.exit_code == 0, done.stderr
    assert all(context.whatif is None for context in given)
    assert "unchanged" not in done.stdout
    if broken == "slates are drawn":
        assert not any(context.doubts for context in given)  # none was promised
    if broken == "no signal":
        assert "the panel cannot be replayed" in given[-1].doubts[0]
        assert "p_click" in given[-1].doubts[0]


def test_a_run_says_what_proposals_show_before_they_are_tested(rectune_project):
    done = rectune_project.run("run", rectune_project.task(), "--seed", 1)
    first = done.stdout.index("items unchanged")
    assert done.stdout.index("The Critic takes") < first < done.stdout.index("lifts over control")
