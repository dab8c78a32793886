"""Write the pages that are made from the code: `python docs/generate.py`. A test compares them."""

from __future__ import annotations

from pathlib import Path

from rectune_dsl.dsl.explain import index_page, page
from rectune_dsl.dsl.rules import RULES

DOCS = Path(__file__).parent


def generated() -> dict[Path, str]:
    """Every generated page's text by its path."""
    rules = DOCS / "reference" / "rules"
    return {rules / "index.md": index_page(), **{rules / f"{code}.md": page(code) for code in RULES}}


def main() -> None:
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
