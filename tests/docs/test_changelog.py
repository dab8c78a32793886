"""Fragments of the changelog can be joined: names say what they are, links hold where they end up."""

import re
import tomllib

import pytest
from page_blocks import ROOT, name_of

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
KINDS = [kind["directory"] for kind in PROJECT["tool"]["towncrier"]["type"]]
FRAGMENTS = sorted({*(ROOT / "changelog").iterdir()} - {*(ROOT / "changelog").glob("[!0-9]*")})


def test_the_folder_has_fragments_and_what_tells_of_them():
    others = {path.name for path in (ROOT / "changelog").iterdir()} - {path.name for path in FRAGMENTS}
    assert others == {"README.md", "template.md.jinja"}
    assert FRAGMENTS


def test_the_readme_tells_of_every_kind():
    text = (ROOT / "changelog/README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == KINDS


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=name_of)
def test_a_fragment_is_a_list_for_users(fragment):
    assert re.fullmatch(rf"\d+\.({'|'.join(KINDS)})\.md", fragment.name)
    text = fragment.read_text(encoding="utf-8")
    assert all(re.match(r"- \S|  \S", line) for line in text.splitlines())
    for target in re.findall(r"\]\((?!\w+:)([^)#]+)", text):
        assert (ROOT / target).exists(), f"{target}: from the repository's root, where CHANGELOG.md stands"
