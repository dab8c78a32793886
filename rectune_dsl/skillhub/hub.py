"""The Skillhub: seed skills that are only read, and a workspace that learns."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.hooks.api import KnowledgeRecord, Skill, SkillRevision
from rectune_dsl.hooks.errors import PluginError, RectuneError, UsageError
from rectune_dsl.memory.codec import encode
from rectune_dsl.skillhub.document import read_slots
from rectune_dsl.skillhub.files import read_text, replace_text
from rectune_dsl.skillhub.front_matter import read_front_matter
from rectune_dsl.skillhub.knowledge import merge, records_from_toml, records_to_toml, values_from_toml

DOCUMENT = "SKILL.md"
KNOWLEDGE = "assets/knowledge.toml"
INITIAL = "assets/initial.toml"

SEEDS_VARIABLE = "RECTUNE_SKILLS"
"""Folders of seed skills, separated as in PATH, that come before all others."""
LEVELS = 3
"""How many parents of the task's folder are looked at."""


def seed_folders(task_path: Path | None) -> tuple[Path, ...]:
    """The folders of seed skills that exist, the one that counts most first: those of
    `$RECTUNE_SKILLS`, then `skills` in the task's folder or in one of its parents, then `./skills`.

    Raises UsageError when the variable names a folder that is not there.
    """
    found = [*_named(), *_near(task_path), Path.cwd() / "skills"]
    return tuple(dict.fromkeys(folder.resolve() for folder in found if folder.is_dir()))


@dataclass(frozen=True)
class SkillListing:
    """One line of a list of skills. `records` counts knowledge by status; `learnt` tells whether the
    workspace holds a copy; `problem` says why the skill cannot be read, empty when it can."""

    name: str
    description: str
    folder: Path
    learnt: bool
    records: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""


class Skillhub:
    """Skills by name. A workspace copy lies over the seed of the same name: its page and its initial
    values replace the seed's, its knowledge records replace those with the same id.

    Among seed folders the first that has a skill wins. Nothing but the workspace is ever written.
    """

    def __init__(self, seeds: Sequence[Path], workspace: Path) -> None:
        self._seeds = tuple(Path(seed) for seed in seeds)
        self._workspace = Path(workspace)

    def names(self) -> tuple[str, ...]:
        """Every skill's name, sorted."""
        folders = (root for root in (*self._seeds, self._workspace) if root.is_dir())
        return tuple(sorted({f.name for root in folders for f in root.iterdir() if (f / DOCUMENT).is_file()}))

    def load(self, name: str) -> Skill:
        """The skill as it stands now.

        Raises UsageError when there is none of that name, or when one of its files is malformed.
        """
        layers = self._layers(name)
        page = layers[0] / DOCUMENT
        front, body = read_front_matter(read_text(page), str(page))
        if front.name != name:
            raise UsageError(
                f"{page}: the skill is called {front.name!r}, its folder {name!r}",
                help="give both the same name",
            )
        slots: dict[str, Any] = dict(read_slots(body, str(page)))
        initial = next((path for layer in layers if (path := layer / INITIAL).is_file()), None)
        return Skill(
            name=name,
            description=front.description,
            **slots,
            initial_values=values_from_toml(read_text(initial), str(initial)) if initial else {},
            knowledge=self._knowledge(layers),
        )

    def listing(self) -> tuple[SkillListing, ...]:
        """What there is. A skill that cannot be read is listed with its problem."""
        return tuple(self._listed(name) for name in self.names())

    def apply(self, revision: SkillRevision) -> None:
        """Write the revision's records into the workspace copy, which is made if it is not there.

        Applying a revision again changes nothing. Raises UsageError when the skill is unknown,
        malformed or cannot be written, PluginError when a record cannot be kept.
        """
        layers = self._layers(revision.skill)
        if not revision.records:
            return
        copy = self._workspace / revision.skill
        # what the seed alone knows stays there, so that a newer seed is not hidden by an old copy
        learnt = {record.id for record in (*self._knowledge([copy]), *revision.records)}
        merged = merge(self._knowledge(layers), revision.records)
        text = _kept([record for record in merged if record.id in learnt], revision.skill)
        if not (copy / DOCUMENT).is_file():
            replace_text(copy / DOCUMENT, read_text(layers[0] / DOCUMENT))
        replace_text(copy / KNOWLEDGE, text)

    def content_hash(self, name: str) -> str:
        """SHA-256 of what `load` returns, whatever folders it came from."""
        return hashlib.sha256(encode(Skill, self.load(name)).encode()).hexdigest()

    def _layers(self, name: str) -> tuple[Path, ...]:
        """The folders that make the skill, the one that counts most first."""
        known = self.names()
        if name not in known:
            where = ", ".join(str(root) for root in self._seeds) or "no folder"
            raise UsageError(
                f"there is no skill {name!r}",
                help=did_you_mean(name, known)
                or f"put it into a folder `skills` beside the task (looked in: {where})",
            )
        seed = next((root / name for root in self._seeds if (root / name / DOCUMENT).is_file()), None)
        copy = self._workspace / name
        return tuple(layer for layer in (copy, seed) if layer is not None and (layer / DOCUMENT).is_file())

    def _knowledge(self, layers: Sequence[Path]) -> tuple[KnowledgeRecord, ...]:
        records: dict[str, KnowledgeRecord] = {}
        for layer in reversed(layers):
            path = layer / KNOWLEDGE
            if path.is_file():
                records |= {record.id: record for record in records_from_toml(read_text(path), str(path))}
        return tuple(records.values())

    def _listed(self, name: str) -> SkillListing:
        layers = self._layers(name)
        learnt = layers[0] == self._workspace / name
        try:
            skill = self.load(name)
        except RectuneError as error:
            return SkillListing(name, "", layers[0], learnt, problem=str(error))
        counts = Counter(record.status for record in skill.knowledge)
        return SkillListing(name, skill.description, layers[0], learnt, dict(sorted(counts.items())))


def _kept(records: Sequence[KnowledgeRecord], skill: str) -> str:
    """The records as TOML, read back once: what is written can always be loaded again."""
    try:
        text = records_to_toml(records)
        text.encode()
        records_from_toml(text, "its knowledge")
    except (UsageError, UnicodeEncodeError) as error:
        raise PluginError(
            f"a revision of skill {skill!r} cannot be kept: {error}",
            help="the agent that wrote it has to give plain text and finite numbers",
        ) from None
    return text


def _named() -> list[Path]:
    folders = [Path(part) for part in os.environ.get(SEEDS_VARIABLE, "").split(os.pathsep) if part]
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(
                f"${SEEDS_VARIABLE} names {folder}, which is not a folder",
                help="correct or unset the variable",
            )
    return folders


def _near(task_path: Path | None) -> list[Path]:
    if task_path is None:
        return []
    home = Path(task_path).resolve().parent
    return [folder / "skills" for folder in (home, *home.parents[:LEVELS])]
