"""A skill as one file: a zip archive with the same bytes for the same skill, read with suspicion."""

from __future__ import annotations

import io
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.skillhub.content import INITIAL, KNOWLEDGE, PARTS, Files
from rectune_dsl.skillhub.front_matter import NAMES, is_name
from rectune_dsl.skillhub.places import DOCUMENT
from rectune_dsl.skillhub.render import plain

ARCHIVE = 8 * 2**20
"""Bytes of an archive."""
LARGEST = {DOCUMENT: 256 * 2**10, INITIAL: 256 * 2**10, KNOWLEDGE: 4 * 2**20}
"""Bytes of each file, unpacked."""
MEMBERS = 200

_BEGINNING = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a zip archive can tell."""
_OURS = "`rectune skills export NAME --out FILE` makes archives that can be imported"


@dataclass(frozen=True)
class Unpacked:
    """A skill out of an archive; `dropped` are its other members, which nothing here reads or runs."""

    name: str
    files: Files
    dropped: tuple[str, ...]


def pack(name: str, files: Files) -> bytes:
    """The skill's files in a folder of its name, not compressed, so that no version of zlib shows."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for part in sorted(files):
            member = zipfile.ZipInfo(f"{name}/{part}", _BEGINNING)
            member.create_system = 3  # Unix, on every system
            member.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(member, files[part].encode())
    return packed.getvalue()


def unpack(path: Path) -> Unpacked:
    """The skill in an archive. Nothing is written to disk, and no more is unpacked than a skill may have.

    Raises UsageError for what is no archive of one skill, has members whose paths lead elsewhere or that are
    no plain files, is too large, or holds text that is not UTF-8 or not what it looks like.
    """
    where = plain(str(path))
    try:
        with zipfile.ZipFile(io.BytesIO(_bytes(path, where))) as archive:
            members = _members(archive, where)
            name = _name(members, where)
            inside = {member.filename.removeprefix(f"{name}/"): member for member in members}
            if DOCUMENT not in inside:
                raise UsageError(f"{where} has no {name}/{DOCUMENT}", help=_OURS)
            files = {part: _text(archive, inside[part], part, where) for part in PARTS if part in inside}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise UsageError(f"{where} is no sound zip archive: {plain(str(error))}", help=_OURS) from None
    return Unpacked(name, files, tuple(sorted(set(inside) - set(files))))


def misleading(text: str) -> str:
    """The first character that a reader cannot see, or that reverses what he sees, with its line; empty where
    there is none."""
    for number, line in enumerate(text.split("\n"), 1):
        for character in line:
            if character != "\t" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
                return f"U+{ord(character):04X} in line {number}"
    return ""


def _bytes(path: Path, where: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(ARCHIVE + 1)
    except OSError as error:
        raise UsageError(f"{where} cannot be read: {error.strerror}", help="name an archive") from None
    if len(data) > ARCHIVE:
        raise UsageError(f"{where} has more than {ARCHIVE:,} bytes", help="a skill is text: remove the rest")
    return data


def _members(archive: zipfile.ZipFile, where: str) -> list[zipfile.ZipInfo]:
    """The files of the archive, all of them harmless by name and kind."""
    every = archive.infolist()
    if len(every) > MEMBERS:
        raise UsageError(f"{where} has more than {MEMBERS} members", help="a skill has three files")
    names = [member.filename.casefold() for member in every]
    for member in every:
        if reason := next(_suspicions(member, names), ""):
            told = plain(member.orig_filename)[:100]
            raise UsageError(f"{where}: the member {told!r} {reason}", help=_OURS)
    return [member for member in every if not member.is_dir()]


def _suspicions(member: zipfile.ZipInfo, names: Sequence[str]) -> Iterator[str]:
    name = member.orig_filename
    parts = name.removesuffix("/").split("/")
    if plain(name) != name:
        yield "has a name that is not what it looks like"
    if "\\" in name or ":" in name or any(part in ("", ".", "..") for part in parts):
        yield "has a path that leads out of its folder"
    if names.count(member.filename.casefold()) > 1:
        yield "is there twice"
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind == stat.S_IFLNK:
        yield "is a symbolic link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        yield "is neither a file nor a folder"
    if member.flag_bits & 0x1:
        yield "is encrypted"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        yield "is compressed in a way that cannot be unpacked little by little"


def _name(members: Sequence[zipfile.ZipInfo], where: str) -> str:
    """The one folder that everything lies in."""
    folders = {member.filename.split("/")[0] for member in members if "/" in member.filename}
    loose = [member.filename for member in members if "/" not in member.filename]
    if len(folders) != 1 or loose:
        raise UsageError(f"{where} is not one folder with a skill in it", help=_OURS)
    (name,) = folders
    if not is_name(name):
        raise UsageError(f"{where}: {name!r} is not a skill's name", help=NAMES)
    return name


def _text(archive: zipfile.ZipFile, member: zipfile.ZipInfo, part: str, where: str) -> str:
    with archive.open(member) as file:
        data = file.read(LARGEST[part] + 1)  # whatever size the member says it has
    if len(data) > LARGEST[part]:
        raise UsageError(f"{where}: {part} has more than {LARGEST[part]:,} bytes", help="shorten it")
    try:
        text = data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise UsageError(f"{where}: {part} is not UTF-8", help="skills are UTF-8 text files") from None
    if character := misleading(text):
        raise UsageError(
            f"{where}: {part} holds the character {character}, which a reader cannot see",
            help="remove it: an imported text has to be what it looks like",
        )
    return text
