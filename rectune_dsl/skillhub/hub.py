"""The Skillhub: seed skills that are only read, and a workspace that learns."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from rectune_dsl.dsl.suggest import did_you_mean
from rectune_dsl.hooks.api import KnowledgeRecord, Skill, SkillRevision
from rectune_dsl.hooks.errors import PluginError, RectuneError, UsageError
from rectune_dsl.skillhub.content import (
    PARTS,
    Content,
    content_of,
    files_of,
    novel_page,
    skill_of,
)
from rectune_dsl.skillhub.edits import edited
from rectune_dsl.skillhub.front_matter import NAMES, is_name
from rectune_dsl.skillhub.places import DOCUMENT, named
from rectune_dsl.skillhub.shelf import Changed, Shelf, Stamp

RELATED = 2
"""How many other skills an agent may borrow from."""


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
    trusted: bool = True


class Skillhub:
    """Skills by name. What the workspace holds of a skill is the whole of it, and takes the place of the seed
    of that name; records of which only the seed knows, because it is newer, come on top.

    Among seed folders the first that has a skill wins. Nothing but the workspace is ever written.
    """

    def __init__(self, seeds: Sequence[Path], workspace: Path) -> None:
        self._seeds = tuple(Path(seed) for seed in seeds)
        self._workspace = Path(workspace)

    def names(self) -> tuple[str, ...]:
        """Every skill's name, sorted."""
        return tuple(sorted(named(self._seeds, self._workspace)))

    def load(self, name: str) -> Skill:
        """The skill as it stands now.

        Raises UsageError when there is none of that name, or when one of its files is malformed.
        """
        return skill_of(name, self.shelf(name).content())

    def listing(self) -> tuple[SkillListing, ...]:
        """What there is. A skill that cannot be read is listed with its problem."""
        return tuple(self._listed(name) for name in self.names())

    def related(self, name: str | None, product: str, regime: str) -> tuple[Skill, ...]:
        """The few other skills that know most of a product and a regime of its models: the most active
        records that hold there. What cannot be read or is not trusted knows nothing."""
        known = []
        for other in set(self.names()) - {name}:
            try:
                skill = self.load(other)
            except RectuneError:
                continue
            active = (record for record in skill.knowledge if record.status == "active")
            held = sum(_holds(record, product, regime) for record in active)
            if skill.trusted and held:
                known.append((-held, other, skill))
        return tuple(skill for _, _, skill in sorted(known, key=lambda found: found[:2])[:RELATED])

    def apply(self, revision: SkillRevision, *, run: str, when: date, judged: bool = False) -> None:
        """Write the revision into the workspace, which gets the skill if it does not have it.

        `run` and `when` go into the log and into what is new. Only a `judged` revision, one that the evidence
        gate has made, makes records active or retires active ones. Edits that are refused are counted in the
        log. A run that applies a revision again changes nothing, whatever has happened since; what other
        runs write at the same time is kept.

        Raises UsageError when the skill is unknown, malformed or cannot be written, PluginError when a record
        cannot be kept or a novel skill's name is taken.
        """
        if not (revision.records or revision.merged or revision.retired or revision.novel):
            return
        shelf = self.new_shelf(revision.skill) if revision.novel else self.shelf(revision.skill)
        stamp = Stamp(run, when, revision.why, run, _edit(revision, run, judged))

        def change(known: Content | None) -> Changed:
            start = _novel(revision, known, stamp) if revision.novel else known
            if start is None:
                raise UsageError(f"there is no skill {revision.skill!r}", help="`rectune skills` lists them")
            try:
                told = edited(start.knowledge, revision, run=run, day=stamp.day, judged=judged)
                content = replace(start, knowledge=told.knowledge)
                _readable(content)
            except (UsageError, UnicodeEncodeError) as error:
                raise PluginError(
                    f"a revision of skill {revision.skill!r} cannot be kept: {error}",
                    help="the agent that wrote it has to give plain text and finite numbers",
                ) from None
            return Changed(content, told.refused)

        shelf.write(stamp, change)

    def shelf(self, name: str) -> Shelf:
        """Where the skill is kept, with its revisions. Raises UsageError when there is none of that name."""
        known = self.names()
        if name not in known:
            where = ", ".join(str(root) for root in self._seeds) or "no folder"
            raise UsageError(
                f"there is no skill {name!r}",
                help=did_you_mean(name, known)
                or f"put it into a folder `skills` beside the task (looked in: {where})",
            )
        return self._any_shelf(name)

    def new_shelf(self, name: str) -> Shelf:
        """Where a skill that may not be there yet would be kept. Raises UsageError when it cannot have
        that name."""
        if not is_name(name):
            raise UsageError(f"{name!r} is not a skill's name", help=NAMES)
        return self._any_shelf(name)

    def _any_shelf(self, name: str) -> Shelf:
        seed = next((root / name for root in self._seeds if (root / name / DOCUMENT).is_file()), None)
        return Shelf(name, seed, self._workspace)

    def _listed(self, name: str) -> SkillListing:
        shelf = self.shelf(name)
        try:
            skill = self.load(name)
            counts: Counter[str] = Counter(record.status for record in skill.knowledge)
            about, records = skill.description, dict(sorted(counts.items()))
            return SkillListing(name, about, shelf.folder, shelf.learnt, records, trusted=skill.trusted)
        except RectuneError as error:
            return SkillListing(name, "", shelf.folder, shelf.learnt, problem=str(error))


def _holds(record: KnowledgeRecord, product: str, regime: str) -> bool:
    return record.scope.product in ("", product) and record.scope.regime in ("", regime)


def _novel(revision: SkillRevision, known: Content | None, stamp: Stamp) -> Content:
    """A skill that an agent makes. Raises PluginError when its name is taken."""
    assert revision.novel is not None
    if known is not None:
        raise PluginError(
            f"a skill {revision.skill!r} is there already, and cannot be made anew",
            help="the agent has to revise that one, or to choose another name",
        )
    return Content(novel_page(revision.skill, revision.novel, f"run {stamp.run}, {stamp.day}"))


def _readable(content: Content) -> None:
    """What is written can always be loaded again. Raises UsageError or UnicodeEncodeError."""
    files = files_of(content)
    for text in files.values():
        text.encode()
    content_of(files, {part: part for part in PARTS})


def _edit(revision: SkillRevision, run: str, judged: bool) -> str:
    """The same for the same revision of the same run, and for nothing else."""
    asked = repr((revision, run, judged)).encode("utf-8", "backslashreplace")
    return hashlib.sha256(asked).hexdigest()[:16]
