"""A real Chromium, real campaigns in processes of their own, and `rectune ui` over their store.

`make test-browser` installs what this needs; elsewhere these tests are skipped with the reason.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / "ui"), str(TESTS / "report")]
PLANTED = TESTS / "workflow" / "planted.py"
TASK = PLANTED.with_suffix(".toml").read_text()
LINK = re.compile(r"http://127\.0\.0\.1:\d+/enter\?token=\S+")


@pytest.fixture(scope="session")
def chromium():
    """The browser."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: make test-browser"
    )
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class Project:
    """A folder, in which commands are run as from a terminal."""

    def __init__(self, folder):
        self.folder, self.log = folder, folder / "calls.jsonl"
        self.processes = []

    def start(self, *words, **options):
        """A process, on a platform that is like `options`."""
        told = {
            **os.environ,
            "PYTHONPATH": str(TESTS.parent),
            "PLANTED": json.dumps({"log": str(self.log), **options}),
            "NO_PROXY": "127.0.0.1,localhost",
            "COLUMNS": "300",
        }
        command = [sys.executable, "-m", "rectune_dsl", "--plugin", str(PLANTED), *map(str, words)]
        made = subprocess.Popen(
            command,
            cwd=self.folder,
            env=told,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(made)
        return made

    def campaign(self, text=TASK, **options):
        """A campaign on real traffic that stays, and its name."""
        (self.folder / "task.toml").write_text(text)
        process = self.start("run", "task.toml", **{"real_traffic": True, **options})
        for line in process.stdout:
            if found := re.match(r"run (planted-\S+)", line):
                return process, found[1]
        raise AssertionError(process.wait())

    def console(self, *words, **options):
        """The link of a console."""
        process = self.start("ui", *words, **{"real_traffic": True, **options})
        for line in process.stdout:
            if found := LINK.search(line):
                return found[0]
        raise AssertionError(process.wait())

    def calls(self):
        """The names of what the platform was asked."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [json.loads(line)[0] for line in lines]

    def end(self):
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    yield made
    made.end()


class Tab:
    """A page, and what it complained of, and asked of anybody else."""

    def __init__(self, context):
        self.page, self.said, self.elsewhere = context.new_page(), [], []
        self.page.set_default_timeout(20_000)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        self.page.on("dialog", self._asked)
        self.page.on("request", self._requested)

    def _asked(self, dialog):
        self.said.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _heard(self, message):
        if message.type == "error" or "Content Security Policy" in message.text:
            self.said.append(message.text)

    def _requested(self, request):
        if not request.url.startswith(("http://127.0.0.1:", "data:")):
            self.elsewhere.append(request.url)

    def opened(self, link):
        self.page.goto(link)
        return self

    @property
    def base(self):
        return re.match(r"http://[^/]+", self.page.url)[0]

    def go(self, path):
        return self.page.goto(self.base + path)

    def see(self, text):
        """Wait until this text is to be seen."""
        self.page.get_by_text(text).first.wait_for(state="visible")

    def drawn(self):
        """Wait until every chart is drawn."""
        self.page.wait_for_function(
            "[...document.querySelectorAll('.chart')].every(chart => chart.querySelector('svg'))"
        )


@pytest.fixture
def tabs(chromium):
    """`tabs(...)` is a tab of a new browser; at the end none has complained of anything."""
    opened = []

    def new(**options):
        context = chromium.new_context(**options)
        opened.append((context, Tab(context)))
        return opened[-1][1]

    yield new
    for context, tab in opened:
        context.close()
        assert tab.said == []
        assert tab.elsewhere == []


@pytest.fixture
def until():
    """Waits until something holds."""

    def wait(condition, seconds=20):
        ends = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < ends
            time.sleep(0.05)

    return wait
