"""Plugins are found, what they bring is listed, and one that fails does not take the others along."""

import inspect

import pytest

from rectune_dsl.hooks import specs
from rectune_dsl.hooks.api import (
    ABBackend,
    Delivery,
    LLMAnswer,
    ModelSettings,
    NoAnswerError,
    OracleBackend,
    PanelBackend,
)
from rectune_dsl.hooks.errors import BackendError, PluginError
from rectune_dsl.plugins.guard import Guarded
from rectune_dsl.plugins.host import Host


def failures(host):
    return {p.name: p.failure for p in host.plugins if p.failure}


def test_built_ins_come_through_the_same_hooks():
    host = Host()
    assert host.names("backend") == {"simulator", "replay"}
    assert "bayes" in host.agents()["actor"]
    assert failures(host) == {}


def test_every_built_in_can_be_loaded():
    for registered in Host().registered():
        assert callable(registered.load())


def test_a_file_brings_an_agent(plugin):
    file = plugin(
        """
        @hookimpl
        def rectune_register_agents(register):
            register("actor", "mine", type("Mine", (), {"propose": len, "recommend": len, "words": "mine"}))
        """
    )
    host = Host([file])
    assert host.agent("actor", "mine").words == "mine"
    assert [p.hooks for p in host.plugins if p.name == "mine"] == [("rectune_register_agents",)]


def test_a_file_brings_an_executor_whose_failures_are_its_own(plugin):
    file = plugin(
        """
        class Broken:
            def map(self, work, shards):
                raise OSError("no room")

        @hookimpl
        def rectune_register_executors(register):
            register("broken", Broken)
        """
    )
    host = Host([file])
    assert host.names("executor") >= {"threads", "broken"}
    with pytest.raises(BackendError, match="executor 'broken': map failed: OSError: no room"):
        host.executor("broken").map(len, ["x"])
    with pytest.raises(PluginError) as caught:
        host.executor("thread")
    assert "threads" in caught.value.help


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise RuntimeError('no licence')", "no licence"),
        ("@hookimpl\ndef rectune_register_agent(register): ...", "rectune_register_agent"),
        ("@hookimpl\ndef rectune_register_agents(register):\n    register('pilot', 'x', 'y:z')", "pilot"),
        ("@hookimpl\ndef rectune_register_backends(register):\n    register('replay', 'y:z')", "already"),
        ("import no_such_module_at_all", "no_such_module_at_all"),
    ],
)
def test_a_broken_plugin_is_named_and_left_out(plugin, body, reason):
    warned = []
    host = Host([plugin(body)], warned.append)
    assert reason in failures(host)["mine"]
    assert len(warned) == 1
    assert host.names("backend") == {"simulator", "replay"}
    assert all(r.plugin == "rectune" for r in host.registered())


def test_what_nobody_registered_is_an_error_with_what_is_known():
    with pytest.raises(PluginError) as caught:
        Host().agent("actor", "bays")
    assert "bayes" in caught.value.help


def test_a_promise_that_cannot_be_imported_names_the_plugin(plugin):
    file = plugin("@hookimpl\ndef rectune_register_backends(register):\n    register('far', 'nowhere:Far')")
    with pytest.raises(PluginError, match="'mine' promised"):
        Host([file]).backend("far")


def test_a_file_brings_a_delivery_whose_failures_are_its_own(plugin):
    file = plugin(
        """
        @hookimpl
        def rectune_register_deliveries(register):
            others = dict.fromkeys(("check", "create", "set_exposure", "stop", "deliver", "rollback"), print)
            broken = type("Flags", (), {**others, "start": lambda self, id: 1 / 0})
            register("flags", lambda context: broken())
        """
    )
    delivery = Host([file]).delivery("flags")(None)
    with pytest.raises(BackendError, match="delivery 'flags': start failed: ZeroDivisionError"):
        delivery.start("e1")


@pytest.mark.parametrize(("kind", "protocol"), [("backend", ABBackend), ("delivery", Delivery)])
def test_what_lacks_a_method_of_its_protocol_is_refused_when_it_is_made(plugin, kind, protocol):
    """At once, and not when a campaign first calls it: `stop` is called last, when it is needed most."""
    methods = {name for name, found in vars(protocol).items() if name[0] != "_" and callable(found)}
    for missing in methods:
        has = dict.fromkeys(methods - {missing}, len)
        file = plugin(
            f"""
            @hookimpl
            def rectune_register_{"backends" if kind == "backend" else "deliveries"}(register):
                register("mine", lambda context: context)
            """
        )
        make = getattr(Host([file]), kind)("mine")
        with pytest.raises(PluginError, match=f"{kind} 'mine' has no method `{missing}`$") as failed:
            make(type("Mine", (), has)())
        assert "update or uninstall" in failed.value.help
        assert make(type("Mine", (), {**has, missing: len})())


def test_where_nobody_delivers_that_is_said():
    with pytest.raises(PluginError, match="there is no delivery 'flags'") as failed:
        Host().delivery("flags")
    assert "known: none" in failed.value.help


def test_events_reach_plugins_and_a_failing_listener_stops_nothing(plugin, tmp_path):
    good = plugin(
        f"""
        @hookimpl
        def rectune_run_started(run, task):
            open({str(tmp_path / "seen")!r}, "a").write(run + task)
        """,
        "good",
    )
    bad = plugin("@hookimpl\ndef rectune_run_started(run):\n    raise ValueError('deaf')", "bad")
    warned = []
    host = Host([bad, good], warned.append)
    host.emit("rectune_run_started", run="r", task="t")
    assert (tmp_path / "seen").read_text() == "rt"
    assert len(warned) == 1
    assert "deaf" in warned[0]


def test_every_hook_is_documented():
    hooks = dict(Host().hooks())
    assert set(hooks) == {name for name in vars(specs) if name.startswith("rectune_")}
    assert all(hooks.values())


def test_a_model_that_fails_gives_no_answer(plugin):
    file = plugin(
        """
        from rectune_dsl.hooks.api import LLMAnswer, NoAnswerError

        class Mine:
            model = "mine-1"
            def __init__(self, settings):
                self.settings = settings
            def complete(self, prompt, schema):
                if prompt[0] == "block":
                    raise NoAnswerError("no", "blocked")
                return LLMAnswer(str(1 / len(schema)), self.settings.model, 1, 1)

        @hookimpl
        def rectune_register_llms(register):
            register("mine", Mine)
        """
    )
    host = Host([file])
    assert host.names("llm") == {"gemini", "mine"}
    mine = host.llm("mine")(ModelSettings(model="m"))
    assert mine.complete(["hello"], {"a": 1}) == LLMAnswer("1.0", "m", 1, 1)
    assert mine.model == "mine-1"
    with pytest.raises(NoAnswerError, match="no") as blocked:
        mine.complete(["block"], {})
    assert blocked.value.outcome == "blocked"
    with pytest.raises(NoAnswerError, match="llm 'mine': complete failed: ZeroDivisionError") as failed:
        mine.complete(["hello"], {})
    assert failed.value.outcome == "refused"


def test_a_model_that_nobody_registered_is_an_error_with_what_is_known():
    with pytest.raises(PluginError, match="there is no llm 'gpt'") as missing:
        Host().llm("gpt")
    assert "gemini" in missing.value.help


def test_optional_protocols_are_seen_through_the_guard_where_attributes_are_looked_up_statically():
    """As `isinstance` does from Python 3.12 on."""

    class Backend:
        def __init__(self):
            self.level = 3

        @classmethod
        def made(cls):
            return cls()

        def panel(self, requests):
            raise ZeroDivisionError

    guard = Guarded(Backend(), "backend 'mine'", BackendError)
    assert isinstance(guard, PanelBackend)
    assert not isinstance(guard, OracleBackend)
    for name in ("panel", "made"):
        assert callable(inspect.getattr_static(guard, name))
    assert guard.level == 3
    with pytest.raises(BackendError, match="backend 'mine': panel failed: ZeroDivisionError"):
        guard.panel(3)
