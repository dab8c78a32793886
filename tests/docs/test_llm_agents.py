"""What the page on agents that ask a model says is so."""

import re
from importlib.resources import files
from pathlib import Path
from typing import get_args

from rectune_dsl.agents.llm.asking import asked
from rectune_dsl.agents.llm.edits import OUTSIDE
from rectune_dsl.agents.llm.ideas import LARGEST_LIFT
from rectune_dsl.agents.llm.prompt import LONGEST_PROMPT
from rectune_dsl.hooks.specs import Role
from rectune_dsl.plugins.host import Host

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/explanation/llm-agents.md").read_text(encoding="utf-8")


def test_every_role_has_an_agent_that_asks_and_a_line():
    agents = Host().agents()
    for role in get_args(Role):
        assert "llm" in agents[role]
        assert f"| {role.capitalize()} | " in PAGE
        assert re.search(rf'^{role} += "gemini"', PAGE, re.MULTILINE)
    assert "hybrid" in agents["actor"]


def test_every_reason_to_fall_back_is_told(tmp_path):
    silence = Path(asked.__code__.co_filename).read_text(encoding="utf-8")
    reasons = re.findall(r'Silence\("([^"]+)"\)|^    "\w+": "([^"]+)",$', silence, re.MULTILINE)
    told = {one or other for one, other in reasons}
    assert len(told) == 7
    assert all(f"| `{why}` |" in PAGE for why in told)


def test_numbers_are_those_of_the_code():
    assert f"{LONGEST_PROMPT:,} characters" in PAGE
    assert f"±{LARGEST_LIFT:g} %" in PAGE
    assert f"({OUTSIDE[0]:.0%} to {OUTSIDE[1]:.0%})".replace("%", " %") in PAGE


def test_prompts_are_where_the_page_says():
    assert "rectune_dsl/agents/llm/prompts/*.md" in PAGE
    assert files("rectune_dsl.agents.llm").joinpath("prompts/actor.md").is_file()
