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
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


@contextmanager
def started(*options):
    """`rectune ui` with a terminal of its own: its process, and a function that reads lines from it."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "rectune_dsl", "ui", "--store", "journal.sqlite", *options]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=ENVIRONMENT)
    os.close(theirs)
    with os.fdopen(ours, "r+b", buffering=0) as terminal:
        try:
            yield process, terminal
        finally:
            process.kill()
            process.wait()


def told(terminal, pattern):
    """Wait for a line that the pattern is in, and return what it matches there."""
    line = b""
    while not (found := pattern.search(line.decode())):
        line = b""
        while not line.endswith(b"\n"):
            line += terminal.read(1)
        assert b"Traceback" not in line
    return found


def link(terminal):
    """The next link that is printed: its port and its path."""
    found = told(terminal, LINK)
    return int(found[1]), f"/enter?token={found[2]}"


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
        said = first.send(f"{asking.path}/answer", step="round-1/approve", answer="approve", why="fine")
        assert "is approved by grace" in said.page.text
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        told(terminal, re.compile("Stopped. Runs go on without the console."))
        assert time.monotonic() - began < 2  # though a page is watched
        assert process.wait(20) == 0
        watched.close()
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
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True)
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
        fields = {"csrf": csrf, "step": "round-1/approve", "answer": "approve", "why": "fine"}
        assert browser.post(f"{run.path}/answer", fields).status == 503
    finally:
        postgresql.start()
    assert browser.get(run.path).status == 200
    assert "asks" in browser.get("/").page.text


def test_a_socket_is_there_before_its_link_is_printed():
    with listening(0) as listener, socket.create_connection(listener.getsockname(), timeout=1):
        pass


def test_a_shell_may_put_it_into_the_background(asking):
    """`rectune ui &` in a terminal: the terminal, from which it would read keys, is not its own."""
    script = """
import fcntl, subprocess, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
command = [sys.executable, "-m", "rectune_dsl", "ui", "--store", "journal.sqlite"]
child = subprocess.Popen(command, process_group=0)
try:
    child.wait()
except KeyboardInterrupt:
    child.kill()
"""
    ours, theirs = pty.openpty()
    shell = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=ENVIRONMENT,
        start_new_session=True,
    )
    os.close(theirs)
    with os.fdopen(ours, "r+b", buffering=0) as terminal:
        try:
            port, path = link(terminal)
            time.sleep(1)  # in which it would have been stopped for reading
            assert Browser(port).get(path).status == 303
        finally:
            terminal.write(b"\x03")  # Ctrl-C to whom the terminal belongs
            shell.wait(10)
