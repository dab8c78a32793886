"""A page on the terminal: figures by their numbers."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from rectune_dsl.report.console import STYLES, print_table
from rectune_dsl.report.pages.blocks import Banner, Block, Code, Figure, Folded, Listing, Page, Prose, Titled
from rectune_dsl.report.tables import Table
from rectune_dsl.skillhub.render import printable


def print_page(out: Console, page: Page) -> None:
    """Every section under a rule, and all that is folded elsewhere."""
    out.print(_text(page.title, "bold"))
    for line in page.about:
        out.print(_text(line, "dim"))
    for section in page.sections:
        out.print()
        out.rule(_text(section.title), align="left", style="dim")
        print_blocks(out, section.blocks, unfolded=True)


def print_blocks(out: Console, blocks: Iterable[Block], *, unfolded: bool = False) -> None:
    """One below the other. What is folded and not open is told by its line alone, unless it is `unfolded`."""
    for block in blocks:
        match block:
            case Prose(text, tone):
                out.print(_text(text, STYLES[tone]))
            case Listing(items):
                for item in items:
                    out.print(_text(f"  {item}"))
            case Banner(word, sentence, tone):
                out.print(Text.assemble(_text(word, f"bold {STYLES[tone]}"), ": ", _text(sentence)))
            case Code(text):
                out.print(_text(text))
            case Table():
                print_table(out, block)
            case Figure():
                print_table(out, block.table)
            case Folded(summary, _, is_open=False) if not unfolded:
                out.print(_text(summary))
            case Folded(title, inner) | Titled(title, inner):
                out.print(_text(title, "bold"))
                print_blocks(out, inner, unfolded=unfolded)


def _text(text: str, style: str = "") -> Text:
    return Text(printable(text), style)
