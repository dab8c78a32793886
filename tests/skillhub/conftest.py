"""Skills to test with."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

import pytest

from rectune_dsl.hooks.api import KnowledgeRecord, Mechanic, Scope, Scored, SkillRevision
from rectune_dsl.skillhub.document import SLOTS
from rectune_dsl.skillhub.hub import Skillhub

BODY = "\n".join(f"## {heading}\n\nWords about {field}.\n" for field, heading in SLOTS.items())


@pytest.fixture
def write_skill():
    def write(root: Path, name: str, *, front: str | None = None, body: str = BODY, **assets: str) -> Path:
        folder = root / name
        (folder / "assets").mkdir(parents=True, exist_ok=True)
        front = f"name: {name}\ndescription: About {name}." if front is None else front
        (folder / "SKILL.md").write_text(f"---\n{front}\n---\n\n# Title\n\n{body}", encoding="utf-8")
        for asset, text in assets.items():
            (folder / "assets" / f"{asset}.toml").write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def record():
    def make(id: str = "w_like", **changes: object) -> KnowledgeRecord:
        fields = {
            "statement": "More weight on likes, more likes.",
            "scope": Scope(stage="ranking"),
            "status": "candidate",
            "mechanic": None,
            "supports": (),
            "contradicts": (),
            "author": "numeric",
        }
        return KnowledgeRecord(id, **{**fields, **changes})

    return make


@pytest.fixture
def mechanic():
    return Mechanic(
        metric="watch_minutes",
        cause="w_like",
        unit="+10 % of its range",
        effect=0.008,
        low=0.002,
        high=0.014,
        evidence=("run/round-1",),
        statement="",
    )


@pytest.fixture
def score():
    def make(experiment: str, gained: float = 0.0, lost: float = 0.0, metric: str = "likes") -> Scored:
        return Scored(experiment, "arm-1", metric, 0.01, 0.0, 0.012, 0.004, gained, lost)

    return make


@pytest.fixture
def apply():
    """`apply(hub, *records)` hands a revision in, as a run does on a certain day."""

    def hand_in(hub, *records, skill="fusion", run="a", day=date(2026, 3, 2), judged=False, **edits):
        revision = SkillRevision(skill, tuple(records), "because", **edits)
        hub.apply(revision, run=run, when=day, judged=judged)

    return hand_in


@pytest.fixture
def written():
    """A record as it stands in the hub after a run has brought it."""

    def make(record: KnowledgeRecord, run: str = "a", **changes: object) -> KnowledgeRecord:
        stamped = {"author": f"numeric, run {run}", "created": "2026-03-02", "changed": "2026-03-02"}
        return dataclasses.replace(record, **{**stamped, **changes})

    return make


@pytest.fixture
def files():
    """The bytes of every file in a folder, but for the lock."""

    def read(root: Path) -> dict[str, bytes]:
        found = (path for path in sorted(root.rglob("*")) if path.is_file() and path.name != "lock")
        return {str(path.relative_to(root)): path.read_bytes() for path in found}

    return read


@pytest.fixture
def hub(tmp_path, write_skill):
    write_skill(tmp_path / "seeds", "fusion")
    return Skillhub([tmp_path / "seeds"], tmp_path / "workspace")
