"""`rectune ui` as a process: its link, its end, and what it says where it cannot work."""

import http.client
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from browser import Browser
from click.testing import CliRunner
from served import begun

from rectune_dsl.cli import rectune
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.memory.journal import Journal
from rectune_dsl.memory.store import NoStoreError
from rectune_dsl.ui.serve import listening

LINK = re.compile(r"http://127\.0\.0\.1:(\d+)/enter\?token=(\S+)")
ROOT = Path(__file__).parents[2]


@contextmanager
def started(*options):
    """`rectune ui` with a terminal of its own: its process, and a function that reads lines from it."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "rectune_dsl", "ui", "--store", "journal.sqlite", *options]
    told = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=told)
    os.close(theirs)
    with os.fdopen(ours, "r+b", buffering=0) as terminal:
        try:
            yield process, terminal
        finally:
            process.kill()
            process.wait()


def link(terminal):
    """The next link that is printed: its port and its path."""
    read = b""
    while not (found := LINK.search(read.decode())) or not read.endswith(b"\n"):
        read += terminal.read(1)
    return int(found[1]), f"/enter?token={found[2]}"


def rest(terminal):
    read = b""
    while True:
        try:
            got = terminal.read(1024)
        except OSError:  # the other end was closed
            got = b""
        if not got:
            return read.decode()
        read += got


def test_its_link_lets_one_in_enter_prints_another_and_ctrl_c_ends_it_at_once(asking):
    with started("--by", "grace") as (process, terminal):
        port, path = link(terminal)
        first, second = Browser(port), Browser(port)
        assert first.get(path).status == 303
        assert "grace" in first.get("/").page.text
        assert second.get(path).status == 403
        terminal.write(b"\n")
        assert second.get(link(terminal)[1]).status == 303
        watched = http.client.HTTPConnection("127.0.0.1", port)
        cookie = "; ".join(f"{name}={value}" for name, value in first.cookies.items())
        watched.request("GET", f"{asking.path}/live", headers={"Cookie": cookie})
        assert watched.getresponse().read(5)
        said = first.send(f"{asking.path}/answer", step="round-1/approve", answer="approve")
        assert "is approved by grace" in said.page.text
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 2.5
        watched.close()
        said = rest(terminal)
        assert "Stopped. Runs go on without the console." in said
        assert "Traceback" not in said
        with pytest.raises(ConnectionRefusedError):
            first.get("/")


def test_it_listens_on_the_loopback_address_only():
    with listening(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_told_of():
    with listening(0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} of 127.0.0.1 cannot be had"), listening(port):
            pass
    with pytest.raises(UsageError, match="cannot be had"), listening(70_000):
        pass


def test_without_its_packages_it_says_what_to_install(asking, monkeypatch):
    for module in ("starlette", "uvicorn"):
        with monkeypatch.context() as hidden:
            hidden.setitem(sys.modules, module, None)
            ended = CliRunner().invoke(rectune, ["ui", "--store", "journal.sqlite"])
        assert isinstance(ended.exception, UsageError)
        assert f"the console needs the package {module}" in str(ended.exception)
        assert ended.exception.help == "pip install 'rectune[ui]'"


def test_without_a_store_it_says_how_one_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(rectune, ["ui", "--store", "none.sqlite"])
    assert isinstance(ended.exception, NoStoreError)
    assert "rectune run" in ended.exception.help


def test_nothing_else_imports_a_web_server(tmp_path):
    script = """
import sys
from rectune_dsl.cli import rectune
from click.testing import CliRunner
assert CliRunner().invoke(rectune, ["ui", "--help"]).exit_code == 0
assert CliRunner().invoke(rectune, ["ls"]).exit_code == 1
print(sorted({"starlette", "uvicorn", "jinja2", "altair"} & set(sys.modules)))
"""
    told = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=told, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_store_that_is_down_has_a_page_and_comes_back(postgresql, platform, serve):
    url = postgresql()
    run = begun(Journal(url))
    run.go()
    browser = serve(run.journal).browser()
    assert browser.get(run.path).status == 200
    csrf = browser.csrf()
    postgresql.stop()
    try:
        for path in ("/", run.path):
            answer = browser.get(path)
            assert answer.status == 503
            assert "refuses" in answer.page.text
            assert "check that it is up" in answer.page.text
            assert "Traceback" not in answer.text
        fields = {"csrf": csrf, "step": "round-1/approve", "answer": "approve"}
        assert browser.post(f"{run.path}/answer", fields).status == 503
    finally:
        postgresql.start()
    assert browser.get(run.path).status == 200
    assert "asks" in browser.get("/").page.text


def test_a_socket_is_there_before_its_link_is_printed():
    with listening(0) as listener, socket.create_connection(listener.getsockname(), timeout=1):
        pass
