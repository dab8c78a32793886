"""The site has every page, and every link leads somewhere. `make docs` builds it: warnings are errors."""

import re
import runpy
from pathlib import Path

import pytest
from page_blocks import GENERATED, PAGES, ROOT, name_of

CONTENTS = runpy.run_path(str(ROOT / "docs/contents.py"))
INDEX = ROOT / "docs/index.md"


@pytest.mark.parametrize("page", [*PAGES, GENERATED / "index.md"], ids=name_of)
def test_links_between_files_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\((?!\w+:)([^)#]+)", text):
        assert (page.parent / target).exists(), target


def test_the_index_names_every_page():
    named = re.findall(r"\]\(([^)#]+\.md)\)", INDEX.read_text(encoding="utf-8"))
    listed = {(INDEX.parent / link).resolve() for link in named}
    assert set(PAGES) - listed == {INDEX}


def test_the_contents_are_the_index_s_links_and_what_lies_beside_them(tmp_path):
    for name in ("docs/how-to/a.md", "docs/how-to/b.md", "docs/how-to/c.md", "LICENSE.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    text = "## How\n\n- [B](how-to/b.md#part)\n- [A](how-to/a.md)\n\n## Law\n\n- [L](../LICENSE.md), [x](https://x.org/x.md)\n"
    trees = [tree.split("\n\n")[1].split() for tree in CONTENTS["contents"](text, tmp_path / "docs/index.md")]
    assert [tree[:-1] for tree in trees] == [["how-to/b", "how-to/a", "how-to/c"], ["../LICENSE"]]


def test_links_to_folders_lead_to_their_readmes(tmp_path):
    (tmp_path / "plugin").mkdir()
    (tmp_path / "plugin/README.md").touch()
    (tmp_path / "bare").mkdir()
    text = "[a](plugin) [b](bare) [c](plugin/README.md#x) [d](https://plugin)"
    told = CONTENTS["to_readmes"](text, tmp_path)
    assert told == text.replace("(plugin)", f"({Path('plugin/README.md')})")
