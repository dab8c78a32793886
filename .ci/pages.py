"""What people look at, of an installed rectune: `python pages.py`, in a folder in which a campaign was run.

The report has to be one file that loads nothing, and the console has to answer with its pages and assets: so
that data which was left out of a package is missed here, and not by whoever installs it.
"""

from __future__ import annotations

import http.cookiejar
import re
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

LARGE = 100_000
"""Characters that the library which draws charts has at least."""
PATIENCE = 60
"""Seconds for the console to end once it was told to."""


class Page(HTMLParser):
    """What a page loads, and the lengths of the scripts that stand in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.scripts: list[int] = []
        self._is_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_script = tag == "script"
        if tag != "a":
            self.loads += [value or "" for name, value in attrs if name in ("src", "srcset", "href", "data")]

    def handle_endtag(self, tag: str) -> None:
        self._is_script = False

    def handle_data(self, data: str) -> None:
        if self._is_script:
            self.scripts.append(len(data))


def report() -> None:
    """One file, with all that it needs in it."""
    subprocess.run(["rectune", "report", "last", "-o", "report.html"], check=True)
    text = Path("report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert max(page.scripts) > LARGE, f"no library stands in the report: {page.scripts}"
    assert all(load.startswith(("data:", "#")) for load in page.loads), page.loads
    styles = "".join(re.findall(r"<style.*?</style>", text, re.DOTALL))
    assert len(styles) > 1_000, "the report has no style"
    assert not re.search(r"url\((?!['\"]?data:)|@import", styles), "its style loads something"


def console() -> None:
    """By the link that it prints; ended by Ctrl-C."""
    with subprocess.Popen(
        ["rectune", "ui"], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    ) as served:
        try:
            assert served.stdout is not None
            (link,) = re.findall(r"http://\S+", served.stdout.readline())
            look_around(link)
            served.send_signal(signal.SIGINT)
            said = served.communicate(timeout=PATIENCE)[0]
        finally:
            served.kill()
    assert served.returncode == 0, f"the console ended with {served.returncode}"
    assert "Stopped." in said, said


def look_around(link: str) -> None:
    """The list of runs, the page of the one that there is, the page of skills, and all that these load."""
    opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def get(address: str) -> tuple[str, str]:
        with opener.open(address, timeout=PATIENCE) as answer:
            return answer.headers.get_content_type(), answer.read().decode()

    runs, assets = get(link)[1], set()
    (run,) = set(re.findall(r'href="(/runs/[^"/]+)"', runs))
    for text in (runs, get(urljoin(link, run))[1], get(urljoin(link, "/skills"))[1]):
        assets |= {load for load in Page(text).loads if not load.startswith(("data:", "#"))}
    kinds = {get(urljoin(link, asset))[0] for asset in assets}
    assert kinds == {"text/css", "text/javascript"}, f"{sorted(assets)} are {kinds}"


if __name__ == "__main__":
    report()
    console()
    print(f"the report and the console work on Python {sys.version.split()[0]}")
