"""`rectune schema`: the checked-in schema is up to date, and editors' tools read it as `check` would."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rectune_dsl.dsl.environment import Environment
from rectune_dsl.dsl.schema import schema, to_json
from rectune_dsl.plugins.host import Host
from rectune_dsl.simulator.worlds import WORLDS

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "docs" / "reference" / "task.schema.json"
CORPUS = ROOT / "tests" / "corpus"
STRUCTURAL = ("RT003", "RT101", "RT102", "RT103", "RT104", "RT105", "RT106", "RT111", "RT402")
NOT_FINITE = "RT103_not_finite"
"""JSON, and so JSON Schema, knows neither inf nor nan."""
TOOLS = {
    "taplo": ("lint", "--colors", "never"),
    "tombi": ("lint", "--offline", "--error-on-warnings"),
}

PLUGIN = """
from rectune_dsl.hooks.specs import hookimpl
from rectune_dsl.hooks.api import FormulaFunction

@hookimpl
def rectune_register_functions(register):
    register("twice", FormulaFunction("twice", 1, lambda x: x * 2, "two times x"))

@hookimpl
def rectune_register_agents(register):
    register("actor", "careful", "nowhere:Careful")
"""


@pytest.fixture
def lint(tmp_path):
    """`lint(tool, file)` is whether the tool accepts a copy of the file, which names the schema."""
    (tmp_path / "task.schema.json").write_bytes(SCHEMA.read_bytes())

    def run(tool: str, file: Path) -> tuple[bool, str]:
        lines = file.read_text(encoding="utf-8").splitlines()
        copy = tmp_path / file.name
        rest = [line for line in lines if not line.startswith("#:schema")]
        copy.write_text("\n".join(["#:schema ./task.schema.json", *rest, ""]), encoding="utf-8")
        program = Path(sys.executable).parent / tool
        done = subprocess.run(
            [program, *TOOLS[tool], copy.name], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        return done.returncode == 0, done.stdout + done.stderr

    return run


def built_in() -> Environment:
    """What there is without plugins, whichever are installed."""
    own = [r for r in Host().registered() if r.plugin == "rectune"]
    named = [r.name.split("/") for r in own if r.kind == "agent"]
    agents = {role: frozenset(name for of, name in named if of == role) for role, _ in named}
    llms = frozenset(r.name for r in own if r.kind == "llm")
    return Environment(
        agents={role: names | llms if "llm" in names else names for role, names in agents.items()},
        backends=frozenset(r.name for r in own if r.kind == "backend"),
        executors=frozenset(r.name for r in own if r.kind == "executor"),
        worlds=frozenset(WORLDS),
        llms=llms,
    )


def test_the_checked_in_schema_is_up_to_date():
    assert SCHEMA.read_text(encoding="utf-8") == to_json(built_in()), (
        "run: rectune schema --out docs/reference/task.schema.json"
    )


def test_it_is_printed_or_written(rectune, tmp_path):
    printed = rectune("schema")
    assert printed.code == 0
    written = rectune("schema", "--out", "task.schema.json")
    assert (written.code, written.out) == (0, "wrote task.schema.json\n")
    assert (tmp_path / "task.schema.json").read_text(encoding="utf-8") == printed.out


def test_names_that_plugins_bring_are_in_it(rectune, tmp_path):
    (tmp_path / "mine.py").write_text(PLUGIN)
    made = json.loads(rectune("--plugin", "mine.py", "schema").out)
    actor = made["definitions"]["Agents"]["properties"]["actor"]
    assert {"bayes", "careful"} <= set(actor["anyOf"][0]["enum"])
    assert "twice" in made["definitions"]["Formula"]["description"]


@pytest.mark.parametrize("verb", ["schema", "show-task", "init"])
def test_the_verbs_for_authors_have_help(rectune, verb):
    assert f"Usage: rectune {verb}" in rectune(verb, "--help").out


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    "file", [*(CORPUS / "valid").glob("*.toml"), *(ROOT / "tasks").glob("*.toml")], ids=lambda f: f.stem
)
def test_tools_accept_what_is_right(lint, tool, file):
    accepted, said = lint(tool, file)
    assert accepted, said


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    "file",
    [
        file
        for file in sorted((CORPUS / "invalid").glob("*.toml"))
        if file.stem.startswith(STRUCTURAL) and file.stem != NOT_FINITE
    ],
    ids=lambda f: f.stem,
)
def test_tools_refuse_what_is_structurally_wrong(lint, tool, file):
    accepted, said = lint(tool, file)
    assert not accepted, said


def test_a_tool_points_at_the_key_that_is_wrong(lint):
    file = CORPUS / "invalid" / "RT101_in_inline_table.toml"
    for tool in TOOLS:
        assert "hihg" in lint(tool, file)[1]


def test_the_schema_needs_no_plugin_host():
    assert schema(Environment())["definitions"]["Agents"]["properties"]["actor"]["type"] == "string"
