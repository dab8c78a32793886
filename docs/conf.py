"""How the site is built (`make docs`): its pages are the repository's Markdown, each where it stands.

Sphinx is given the repository as its source, so that a link between two pages is the same here and in a
browser of the repository. What a page links to and what is no page, such as a script, can be downloaded.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "rectune"
extensions = ["myst_parser", "contents"]
root_doc = "docs/index"
include_patterns = ["*.md", "changelog/README.md", "docs/**.md", "plugins/*/README.md"]
exclude_patterns = ["docs/_build", "build", "dist", ".*", "**/.*"]

myst_heading_anchors = 4  # the anchors that a browser of the repository gives to headings
highlight_language = "text"
nitpicky = True
html_theme = "furo"
html_title = "rectune"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
