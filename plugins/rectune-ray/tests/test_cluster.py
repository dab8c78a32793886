"""The local cluster: for this machine only, silent, and gone with the process that started it."""

import ipaddress
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's /proc")

DRIVER = """
import sys
from rectune_dsl.plugins.host import Host

executor = Host().executor("ray")
assert "ray" not in sys.modules, "imported before it was needed"
assert list(executor.map(abs, [-1, -2])) == [1, 2]
from ray._common.usage import usage_lib
from rectune_ray import cluster
print(usage_lib.usage_stats_enabled(), *cluster._folders, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def driver(tmp_path):
    """A process with a cluster of its own; `told` is what it printed."""
    outside = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    started = subprocess.Popen(
        [sys.executable, "-c", DRIVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**outside, "HOME": str(tmp_path)},
    )
    yield started
    started.kill()
    started.communicate()


def told(driver):
    """Whether usage is reported, and where the cluster's files are."""
    reported, folder = driver.stdout.readline().split()
    return reported, Path(folder)


def descendants(root):
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(status.parent.name)] = int(fields[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {root}


def listening(processes):
    """The addresses on which any of the processes accepts connections."""
    inodes = set()
    for pid in processes:
        for handle in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                link = os.readlink(handle)
            except OSError:
                continue
            if link.startswith("socket:["):
                inodes.add(link[8:-1])
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {address(row[1].partition(":")[0]) for row in rows if row[3] == "0A" and row[9] in inodes}


def address(written):
    """An address of /proc/net: words of 32 bits in the machine's byte order."""
    words = [int(written[at : at + 8], 16) for at in range(0, len(written), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    found = ipaddress.ip_address(packed)
    return getattr(found, "ipv4_mapped", None) or found


def alive(processes):
    return {pid for pid in processes if Path(f"/proc/{pid}/cmdline").exists() and state(pid) != "Z"}


def state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def gone(processes, seconds=30):
    end = time.monotonic() + seconds
    while alive(processes) and time.monotonic() < end:
        time.sleep(0.1)
    return not alive(processes)


def test_it_listens_on_loopback_reports_nothing_and_stops_with_its_files(driver, tmp_path):
    reported, folder = told(driver)
    assert reported == "False"
    started = descendants(driver.pid)
    addresses = listening({driver.pid, *started})
    assert addresses
    assert all(found.is_loopback for found in addresses), addresses
    assert folder.is_dir()
    driver.communicate(timeout=60)
    assert driver.returncode == 0
    assert gone(started)
    assert not folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_workers_do_not_outlive_a_process_that_is_killed(driver):
    _, folder = told(driver)
    started = descendants(driver.pid)
    # two helpers of Ray's wait about a minute for the cluster to come back before they end themselves
    helpers = {pid for pid in started if command(pid).startswith("ray::") and "Agent" in command(pid)}
    assert len(helpers) < len(started)
    os.kill(driver.pid, signal.SIGKILL)
    assert gone(started - helpers)
    for pid in alive(helpers):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder)


def command(pid):
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
