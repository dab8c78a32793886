"""What the site has beyond its pages: a table of contents, and what changed since the last release.

The contents are what `index.md` links to, section by section, then what else lies there. Directives for it
would be noise to whoever reads the index in a browser of the repository. The same holds for links to folders,
which a browser of the repository understands: here they lead to the folder's README.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from os.path import normpath, relpath
from pathlib import Path
from typing import Any

SECTION = re.compile(r"^## (.+)\n((?:(?!## ).*\n?)*)", re.MULTILINE)
PAGE = re.compile(r"\]\((?!\w+:)([^)#]+)\.md[)#]")
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)\)")
TREE = "\n```{{toctree}}\n:hidden:\n:caption: {0}\n\n{1}\n```\n"
FIRST = """<!doctype html>
<meta charset="utf-8">
<title>{0}</title>
<meta http-equiv="refresh" content="0; url={1}">
"""


def setup(app: Any) -> dict[str, Any]:
    """Make this file an extension of Sphinx."""
    app.connect("source-read", _prepare)
    app.connect("build-finished", _write_first_page)
    return {"parallel_read_safe": True}


def contents(text: str, page: Path) -> Iterator[str]:
    """A hidden table of contents for each section of an index, the text of `page`: the pages that it names,
    then those that lie beside them in a folder below the index's own, unless that has an index itself."""
    for caption, section in SECTION.findall(text):
        named = [Path(normpath(page.parent / link)) for link in PAGE.findall(section)]
        folders = {path.parent for path in named if page.parent in path.parent.parents}
        below = [folder for folder in sorted(folders) if not (folder / "index.md").exists()]
        beside = [path for folder in below for path in sorted(folder.glob("*.md"))]
        yield tree(caption, page.parent, [*named, *beside])


def tree(caption: str, folder: Path, pages: Iterable[Path]) -> str:
    """A hidden table of contents of these pages, for an index in `folder`."""
    links = dict.fromkeys(relpath(page.with_suffix(""), folder) for page in pages)
    return TREE.format(caption, "\n".join(links))


def to_readmes(text: str, folder: Path) -> str:
    """A page of `folder` whose links to folders lead to the READMEs in them."""

    def found(link: re.Match[str]) -> str:
        readme = Path(link[1], "README.md")
        return f"]({readme.as_posix()})" if (folder / readme).is_file() else link[0]

    return LINK.sub(found, text)


def _prepare(app: Any, name: str, source: list[str]) -> None:
    page = Path(app.env.doc2path(name))
    text = to_readmes(source[0], page.parent)
    if name == app.config.root_doc:
        text += "".join(contents(text, page))
    elif page.stem == "index":
        text += tree("Each of them", page.parent, sorted({*page.parent.glob("*.md")} - {page}))
    elif name == "CHANGELOG":
        text += unreleased(page.parent)
    source[0] = text


def unreleased(root: Path) -> str:
    """The changelog's fragments, joined as they will be at the next release."""
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "Not released yet"]
    draft = subprocess.run(command, cwd=root, capture_output=True, check=True, text=True).stdout
    return draft.replace(draft.splitlines()[0], "## Not released yet", 1)


def _write_first_page(app: Any, failure: Exception | None) -> None:
    """Whoever opens the site's folder is sent to its first page."""
    if failure is None and app.builder.format == "html":
        first = FIRST.format(app.config.html_title, f"{app.config.root_doc}.html")
        Path(app.outdir, "index.html").write_text(first, encoding="utf-8")
