"""Commands of plugins: their names are known from an index, and it is never wrong."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from rectune_dsl.plugins import commands as index
from rectune_dsl.plugins.commands import Command, commands

HELLO = """
import click

@click.command()
def hello():
    click.echo("hello")
"""


def names():
    return [command.name for command in commands()]


@pytest.fixture
def indexed(site, monkeypatch):
    """How often the metadata of all that is installed was read."""
    calls = []
    inner = index._indexed
    monkeypatch.setattr(index, "_indexed", lambda: calls.append(None) or inner())
    return calls


def rectune(*arguments, **options):
    command = [sys.executable, "-m", "rectune_dsl", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


def test_a_command_is_found_with_its_distribution(site):
    site.install("rectune-hello", "2.1", commands=["hello = hello_module:hello"])
    found = [command for command in commands() if command.name == "hello"]
    assert found == [Command("hello", "hello_module:hello", "rectune-hello")]
    assert found[0].version == "2.1"


def test_an_editable_install_s_version_is_that_of_now(site, indexed):
    """Its folder keeps its name, and its entry points their time."""
    site.install("rectune-hello", "2.1", commands=["hello = hello_module:hello"])
    assert [c.version for c in commands() if c.name == "hello"] == ["2.1"]
    (told,) = site.folder.glob("*.dist-info/METADATA")
    told.write_text(told.read_text().replace("\nVersion: 2.1", "\nVersion: 2.2"))
    assert [c.version for c in commands() if c.name == "hello"] == ["2.2"]
    assert len(indexed) == 1
    assert "command hello: rectune-hello 2.2" in rectune("plugins", "--why", "hello").stdout


def test_metadata_is_read_once(site, indexed):
    site.install("rectune-hello", commands=["hello = m:hello"])
    assert names() == names() == names()
    assert len(indexed) == 1


def test_what_is_installed_upgraded_and_uninstalled_is_seen_at_once(site, indexed):
    assert "hello" not in names()
    site.install("rectune-hello", commands=["hello = m:hello"])
    assert "hello" in names()
    site.install("rectune-other", commands=["other = m:hello"])
    assert {"hello", "other"} <= set(names())
    site.uninstall("rectune-hello")
    assert "hello" not in names()
    site.install("rectune-hello", "2.0", commands=["bonjour = m:hello"])
    assert {"bonjour", "other"} <= set(names())
    assert len(indexed) == 5


def test_the_same_version_with_other_commands_is_seen(site):
    site.install("rectune-hello", commands=["hello = m:hello"])
    assert "hello" in names()
    site.uninstall("rectune-hello")
    site.install("rectune-hello", commands=["hi = m:hello"])
    assert "hi" in names()
    assert "hello" not in names()


def test_what_changed_a_moment_ago_is_not_kept(site, indexed):
    """The next change might leave the same time and size."""
    site.install("rectune-hello", commands=["hello = m:hello"])
    (path,) = site.folder.glob("*.dist-info/entry_points.txt")
    os.utime(path)
    assert "hello" in names()
    path.write_text(path.read_text().replace("hello =", "howdy ="))
    assert "howdy" in names()
    assert len(indexed) == 2


@pytest.mark.parametrize(
    "broken",
    [
        lambda text: b"",
        lambda text: text[: len(text) // 2],
        lambda text: text[:-3],
        lambda text: text.replace(b"\t", b" "),
        lambda text: b"\xff\xfe" + text,
        lambda text: b"[]\n\nend",
    ],
)
def test_a_cache_that_cannot_be_believed_is_made_anew(site, indexed, broken):
    site.install("rectune-hello", commands=["hello = m:hello"])
    assert "hello" in names()
    cache = Path(index._path())
    whole = cache.read_bytes()
    cache.write_bytes(broken(whole))
    assert "hello" in names()
    assert len(indexed) == 2
    assert cache.read_bytes() == whole


@pytest.mark.skipif(os.name != "posix", reason="files have owners on POSIX only")
def test_a_cache_that_others_can_write_is_not_believed(site, indexed):
    site.install("rectune-hello", commands=["hello = m:hello"])
    assert names() == names()
    assert len(indexed) == 1
    path = Path(index._path())
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o666)
    names()
    assert len(indexed) == 2
    assert path.stat().st_mode & 0o777 == 0o600  # made anew


def test_without_a_place_for_a_cache_it_works(site, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    site.install("rectune-hello", commands=["hello = m:hello"])
    assert "hello" in names()


def test_an_index_is_written_whole_or_not_at_all(site, tmp_path):
    site.install("rectune-hello", commands=["hello = m:hello"])
    names()
    assert [path.suffix for path in (tmp_path / "cache/rectune").iterdir()] == [".txt"]


def test_help_lists_commands_and_a_slow_plugin_does_not_slow_it(site):
    """Whoever imports it waits for 5 seconds, and is found out: how long a command takes depends on what else
    this machine does."""
    slow = "import pathlib, time\npathlib.Path(__file__).with_name('awake').touch()\ntime.sleep(5)\n" + HELLO
    site.install(
        "rectune-slow",
        plugins=["slow = slow_plugin"],
        commands=["hello = slow_plugin:hello"],
        slow_plugin=slow,
    )
    for arguments in (["--help"], ["--version"], ["explain", "RT104"], ["ls", "--help"], ["ls"]):
        done = rectune(*arguments)
        assert not (site.folder / "awake").exists(), arguments
        assert "Traceback" not in done.stderr
        if arguments == ["--help"]:
            assert "hello" in done.stdout
            assert "from rectune-slow" in done.stdout
    assert rectune("hello").stdout == "hello\n"
    assert (site.folder / "awake").exists()


def test_help_with_an_index_reads_no_metadata_and_imports_nothing_that_is_slow(site):
    site.install("rectune-hello", commands=["hello = hello_module:hello"], hello_module=HELLO)
    assert "from rectune-hello" in rectune("--help").stdout  # which writes the index
    script = """
import sys
before = set(sys.modules)  # what the environment's own start-up files import is not ours
from rectune_dsl.cli import main
try:
    sys.argv = ["rectune", "--help"]
    main()
finally:
    slow = {"importlib.metadata", "json", "pluggy", "numpy", "pydantic", "hello_module"}
    print(sorted(slow & (set(sys.modules) - before)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert "from rectune-hello" in done.stdout
    assert done.stderr == "[]\n"


def test_a_command_runs_and_has_its_help(site):
    site.install("rectune-hello", commands=["hello = hello_module:hello"], hello_module=HELLO)
    assert rectune("hello").stdout == "hello\n"
    assert "Usage: rectune hello" in rectune("hello", "--help").stdout


def test_a_command_that_fails_is_named_with_its_plugin(site):
    code = "import click\n@click.command()\ndef fail():\n    raise ZeroDivisionError('no')\n"
    site.install(
        "rectune-bad",
        commands=["gone = nowhere:at_all", "text = json:__name__", "fail = bad_module:fail"],
        bad_module=code,
    )
    for name, words in {
        "gone": "rectune-bad 1.0 promised the command 'gone', but nowhere:at_all could not be loaded",
        "text": "TypeError: str is no click.Command",
        "fail": "command 'fail' failed: ZeroDivisionError: no",
    }.items():
        done = rectune(name)
        assert done.returncode == 3
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_two_that_bring_the_same_command_are_both_named(site):
    site.install("rectune-one", commands=["hello = one:hello"], one=HELLO)
    site.install("rectune-two", commands=["hello = two:hello"], two=HELLO)
    done = rectune("hello")
    assert done.returncode == 3
    assert "rectune-one 1.0 and rectune-two 1.0 both bring a command 'hello'" in done.stderr
    told = rectune("plugins", "--why", "hello").stdout
    assert "cannot be called: rectune-two brings one too" in told


def test_no_command_takes_the_place_of_a_verb(site):
    site.install("rectune-evil", commands=["run = evil:run"], evil="raise SystemExit(7)")
    assert "Run a task's campaign" in rectune("run", "--help").stdout
    assert "rectune-evil" not in rectune("--help").stdout
    assert "hidden by the verb of that name" in rectune("plugins", "--why", "rectune-evil").stdout


def wheel(folder, version, command):
    path = folder / f"rectune_tiny-{version}-py3-none-any.whl"
    info = f"rectune_tiny-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_plugin.py", HELLO.replace('"hello"', f'"{version}"'))
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: rectune-tiny\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{info}/entry_points.txt", f"[rectune.commands]\n{command} = tiny_plugin:hello\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.mark.slow
def test_pip_installs_upgrades_and_uninstalls(site, tmp_path):
    """With the real one, in a virtual environment."""
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    python = str(home / "bin/python")

    def pip(*arguments):
        command = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def ask(*arguments):
        command = [python, "-m", "rectune_dsl", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert "tiny" not in ask("--help").stdout
    pip("install", "--no-index", "--no-deps", wheel(tmp_path, "1.0", "hello"))
    assert "from rectune-tiny" in ask("--help").stdout
    assert ask("hello").stdout == "1.0\n"
    pip("install", "--no-index", "--no-deps", wheel(tmp_path, "2.0", "bonjour"))
    assert ask("bonjour").stdout == "2.0\n"
    assert ask("hello").returncode == 2
    pip("uninstall", "--yes", "rectune-tiny")
    assert "tiny" not in ask("--help").stdout
