"""Distributions that are installed in a folder, made by hand."""

import os
import sys
import textwrap
import time

import pytest

HOOKIMPL = "from rectune_dsl.hooks.specs import hookimpl\n"


class Site:
    """A folder that Python imports from, as `pip install --target` leaves it."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()

    def install(self, name, version="1.0", plugins=(), commands=(), **modules):
        """A distribution with entry points, `name = module:attribute` each, and its modules' code."""
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        groups = {"rectune": plugins, "rectune.commands": commands}
        lines = [line for group, entries in groups.items() for line in (f"[{group}]", *entries)]
        (info / "entry_points.txt").write_text("\n".join(lines))
        for module, code in modules.items():
            (self.folder / f"{module}.py").write_text(textwrap.dedent(code))
        self.settle()

    def uninstall(self, name):
        (info,) = self.folder.glob(f"{name.replace('-', '_')}-*.dist-info")
        for file in info.iterdir():
            file.unlink()
        info.rmdir()

    def settle(self):
        """As if a minute had passed since everything that is here was installed."""
        for path in self.folder.glob("*.dist-info/*"):
            then = time.time() - 60
            if path.stat().st_mtime > then:
                os.utime(path, (then, then))


@pytest.fixture
def site(tmp_path, monkeypatch):
    """An empty folder on the path of this process and of those that it starts; and an empty cache."""
    made = Site(tmp_path / "site")
    monkeypatch.syspath_prepend(made.folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(made.folder), *filter(None, sys.path)]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = set(sys.modules)
    yield made
    for name in set(sys.modules) - before:
        if (self_made := getattr(sys.modules[name], "__file__", None)) and str(made.folder) in self_made:
            del sys.modules[name]


@pytest.fixture
def plugin(tmp_path):
    """Writes a single-file plugin."""

    def write(body, name="mine"):
        path = tmp_path / f"{name}.py"
        path.write_text(HOOKIMPL + textwrap.dedent(body))
        return path

    return write
