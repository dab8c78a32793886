"""Write what is made from the code, pages and a figure: `python docs/generate.py`. A test compares them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

from made.commands import commands_page
from made.hooks import hooks_page, records_page
from made.rooms import rooms_figure
from made.worlds import world_page

from rectune_dsl.dsl.explain import index_page, page
from rectune_dsl.dsl.rules import RULES

DOCS = Path(__file__).parent


def generated() -> dict[Path, str]:
    """Every generated page's text by its path."""
    reference = DOCS / "reference"
    rules = reference / "rules"
    return {
        rules / "index.md": index_page(),
        **{rules / f"{code}.md": page(code) for code in RULES},
        reference / "command-line.md": commands_page(),
        reference / "hooks.md": hooks_page(),
        reference / "records.md": records_page(),
        reference / "world-file.md": world_page(),
        DOCS / "rooms.svg": rooms_figure(),
    }


def main() -> None:
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
