"""Archives of skills: what is made is always the same, and what is read is suspected."""

import io
import os
import stat
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.hooks.errors import UsageError
from rectune_dsl.skillhub.archive import ARCHIVE, LARGEST, MEMBERS, misleading, pack, unpack

FILES = {"SKILL.md": "page\n", "assets/knowledge.toml": "", "assets/initial.toml": "x"}


def member(name, mode=stat.S_IFREG | 0o644, text=b"words", compression=zipfile.ZIP_STORED):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = compression
    return info, text


def archive(path, *members):
    with zipfile.ZipFile(path, "w") as written:
        for info, text in members:
            written.writestr(info, text)
    return path


def test_the_same_files_give_the_same_bytes_and_come_back(tmp_path):
    packed = pack("fusion", FILES)
    assert packed == pack("fusion", dict(reversed(FILES.items())))
    (tmp_path / "a.zip").write_bytes(packed)
    found = unpack(tmp_path / "a.zip")
    assert (found.name, found.files, found.dropped) == ("fusion", FILES, ())


def test_other_members_are_left_out_and_told(tmp_path):
    path = archive(
        tmp_path / "a.zip",
        member("fusion/SKILL.md"),
        member("fusion/scripts/", stat.S_IFDIR | 0o755, b""),
        member("fusion/scripts/run.sh", stat.S_IFREG | 0o755),
        member("fusion/LICENSE"),
    )
    found = unpack(path)
    assert (set(found.files), found.dropped) == ({"SKILL.md"}, ("LICENSE", "scripts/run.sh"))


PAGE = member("fusion/SKILL.md")
BAD = {
    "climbs": (member("fusion/../../evil"), "leads out"),
    "absolute": (member("/etc/passwd"), "leads out"),
    "backslash": (member("fusion\\..\\evil"), "leads out"),
    "drive": (member("C:/evil"), "leads out"),
    "dot": (member("fusion/./SKILL.md"), "leads out"),
    "link": (member("fusion/assets/knowledge.toml", stat.S_IFLNK | 0o777, b"/etc/passwd"), "symbolic link"),
    "device": (member("fusion/assets/knowledge.toml", stat.S_IFIFO), "neither a file nor a folder"),
    "reversed": (member("fusion/\u202etxt.exe"), "not what it looks like"),
    "twice": (member("fusion/skill.MD"), "is there twice"),
    "lzma": (member("fusion/assets/initial.toml", compression=zipfile.ZIP_LZMA), "little by little"),
    "bzip2": (member("fusion/assets/initial.toml", compression=zipfile.ZIP_BZIP2), "little by little"),
    "two": (member("other/SKILL.md"), "is not one folder"),
    "loose": (member("README"), "is not one folder"),
}


@pytest.mark.parametrize(("bad", "message"), BAD.values(), ids=BAD)
def test_members_that_could_do_harm_are_refused(tmp_path, bad, message):
    before = set(tmp_path.iterdir())
    path = archive(tmp_path / "a.zip", PAGE, bad)
    with pytest.raises(UsageError, match=message) as caught:
        unpack(path)
    assert caught.value.help
    assert set(tmp_path.iterdir()) - before == {path}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xff", "not UTF-8"),
        ("fine\nrev\u202eersed".encode(), r"U\+202E in line 2"),
        (b"\x1b[2J", r"U\+001B in line 1"),
        ("zero\u200bwidth".encode(), r"U\+200B in line 1"),
        (b"a" * (LARGEST["SKILL.md"] + 1), "SKILL.md has more than 262,144 bytes"),
    ],
)
def test_a_text_has_to_be_what_it_looks_like(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        unpack(archive(tmp_path / "a.zip", member("fusion/SKILL.md", text=text)))


def test_a_bomb_is_not_unpacked(tmp_path):
    bomb = member("fusion/SKILL.md", text=b"\0" * 2**26, compression=zipfile.ZIP_DEFLATED)
    path = archive(tmp_path / "a.zip", bomb)
    assert path.stat().st_size < 2**17
    with pytest.raises(UsageError, match="more than 262,144 bytes"):
        unpack(path)
    # and one that lies about its size
    data = path.read_bytes().replace((2**26).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(data)
    with pytest.raises(UsageError):
        unpack(path)


def test_large_and_crowded_archives_are_refused(tmp_path):
    (tmp_path / "large.zip").write_bytes(b"PK" + b"\0" * ARCHIVE)
    with pytest.raises(UsageError, match="more than 8,388,608 bytes"):
        unpack(tmp_path / "large.zip")
    many = [member(f"fusion/{n}") for n in range(MEMBERS + 1)]
    with pytest.raises(UsageError, match="more than 200 members"):
        unpack(archive(tmp_path / "many.zip", *many))


def test_what_is_no_archive_is_said(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(UsageError, match="no sound zip archive"):
        unpack(tmp_path / "a.zip")
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        unpack(tmp_path / "absent.zip")
    with pytest.raises(UsageError, match="has no fusion/SKILL"):
        unpack(archive(tmp_path / "b.zip", member("fusion/LICENSE")))
    with pytest.raises(UsageError, match="'Fusion' is not a skill's name"):
        unpack(archive(tmp_path / "c.zip", member("Fusion/SKILL.md")))


def test_an_encrypted_member_is_refused(tmp_path):
    data = bytearray(pack("fusion", FILES))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(UsageError, match="is encrypted"):
        unpack(tmp_path / "a.zip")


@given(st.data())
def test_whatever_bytes_come_they_are_a_skill_or_a_clear_error(tmp_path_factory, data):
    """Sound archives with a few bytes changed."""
    broken = bytearray(pack("fusion", FILES))
    for _ in range(data.draw(st.integers(0, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"broken-{os.getpid()}.zip"
    path.write_bytes(broken)
    try:
        found = unpack(path)
    except UsageError:
        return
    assert all(misleading(text) == "" for text in found.files.values())
    assert zipfile.ZipFile(io.BytesIO(broken)).namelist()
