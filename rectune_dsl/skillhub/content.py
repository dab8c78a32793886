"""A skill's readable files, and what they say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rectune_dsl.hooks.api import NovelSkill, Skill
from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.skillhub.document import SLOTS, read_slots, write_slot
from rectune_dsl.skillhub.files import read_text
from rectune_dsl.skillhub.front_matter import LONGEST, read_front_matter
from rectune_dsl.skillhub.knowledge import (
    Knowledge,
    knowledge_from_toml,
    knowledge_to_toml,
    values_from_toml,
)
from rectune_dsl.skillhub.learnt import with_learnt, without_learnt
from rectune_dsl.skillhub.places import DOCUMENT
from rectune_dsl.skillhub.render import plain, shortened

KNOWLEDGE = "assets/knowledge.toml"
INITIAL = "assets/initial.toml"
PARTS = (DOCUMENT, INITIAL, KNOWLEDGE)
LINES = 500
"""A page's body is shorter than this, as the Agent Skills specification wants it."""
RESERVED = 10
"""Lines of it that are kept for what is learnt."""
SLOT = 4_000
"""Characters of each slot of a skill that an agent makes."""

Files = Mapping[str, str]
"""The text of each of a skill's files, by its path in the skill's folder."""


@dataclass(frozen=True)
class Content:
    """The page as a person wrote it, the file of initial values, and what is known. `trusted` is False for
    what was imported and not activated."""

    page: str
    initial: str = ""
    knowledge: Knowledge = field(default_factory=Knowledge)
    trusted: bool = True


def files_in(folder: Path) -> dict[str, str]:
    """The files that a folder has of a skill. Raises UsageError when one cannot be read."""
    return {part: read_text(path) for part in PARTS if (path := folder / part).is_file()}


def content_of(files: Files, where: Mapping[str, str], trusted: bool = True) -> Content:
    """What the files say. `where` names each of them in messages.

    Raises UsageError when the page is malformed or too long, or another file is malformed.
    """
    at = where[DOCUMENT]
    head, body = _split(files[DOCUMENT], at)
    slot = read_slots(body, at)["domain_knowledge"]
    prose = without_learnt(slot, at)
    if prose != slot:
        body = write_slot(body, "domain_knowledge", prose)
    if len(body.splitlines()) >= LINES - RESERVED:
        raise UsageError(
            f"{at}: the page has {len(body.splitlines())} lines below its front matter",
            help=f"keep them below {LINES - RESERVED}: a skill's page has less than {LINES} lines, and "
            f"{RESERVED} are kept for what is learnt",
        )
    if INITIAL in files:
        values_from_toml(files[INITIAL], where[INITIAL])
    known = knowledge_from_toml(files[KNOWLEDGE], where[KNOWLEDGE]) if KNOWLEDGE in files else Knowledge()
    return Content(head + body, files.get(INITIAL, ""), known, trusted)


def files_of(content: Content) -> Files:
    """The files that say it: what `content_of` read, and the page tells what was learnt."""
    head, body = _split(content.page, DOCUMENT)
    records = content.knowledge.records
    if records:
        room = LINES - 1 - len(body.splitlines())
        slot = with_learnt(read_slots(body, DOCUMENT)["domain_knowledge"], records, room)
        body = write_slot(body, "domain_knowledge", slot)
    files = {DOCUMENT: head + body}
    if content.initial:
        files[INITIAL] = content.initial
    if records:
        files[KNOWLEDGE] = knowledge_to_toml(content.knowledge)
    return files


def skill_of(name: str, content: Content) -> Skill:
    """The skill as agents get it, without the generated part of its page: they get the records."""
    front, body = read_front_matter(content.page, DOCUMENT)
    return Skill(
        name=name,
        description=front.description,
        **read_slots(body, DOCUMENT),
        initial_values=values_from_toml(content.initial, INITIAL),
        knowledge=content.knowledge.records,
        revision=digest(files_of(content)),
        trusted=content.trusted,
    )


def digest(files: Files) -> str:
    """SHA-256 of the files' paths and texts."""
    return hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()


def novel_page(name: str, novel: NovelSkill, origin: str) -> str:
    """The page of a skill that an agent made. `origin` is the run in which, and the day."""
    slots = (f"## {heading}\n\n{_demoted(getattr(novel, slot))}\n" for slot, heading in SLOTS.items())
    front = [
        f"name: {name}",
        f"description: {_quoted(novel.description, LONGEST['description'])}",
        "metadata:",
        f"  origin: {_quoted(origin, SLOT)}",
    ]
    title = name.replace("-", " ").capitalize()
    return "\n".join(["---", *front, "---", "", f"# {title}", "", *slots])


def _split(page: str, where: str) -> tuple[str, str]:
    """The front matter with its fences, and the body."""
    _, body = read_front_matter(page, where)
    return page[: len(page) - len(body)], body


def _quoted(text: str, longest: int) -> str:
    """A double-quoted scalar, which means the same in JSON and in YAML. Some readers, the specification's own
    validator among them, end the front matter at any `---`."""
    return json.dumps(shortened(plain(text).replace("---", "--"), longest), ensure_ascii=False)


def _demoted(text: str) -> str:
    """An agent's prose: no heading in it is one of the page's, no line pretends to be generated."""
    lines = (plain(line).replace("<!--", "<! --") for line in shortened(text, SLOT).split("\n"))
    return "\n".join(f"#{line}" if line.startswith("## ") else line for line in lines)
