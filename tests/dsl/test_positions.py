"""Every key and value of a TOML text is found where two independent readers see it."""

import tomllib
from typing import Any

import tree_sitter
import tree_sitter_toml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rectune_dsl.dsl.positions import Entry, Extent, index, string_offsets
from rectune_dsl.dsl.source import Source

# --- TOML texts ------------------------------------------------------------------------------------

BARE = st.text("abcXYZ019_-", min_size=1, max_size=4)
QUOTED = st.sampled_from(['"a b"', "'q\"'", '"\\u00e9"', '"é.x"', "''", '"]="', "'#'", '"\\""'])
NUMBERS = ["1", "-1_000", "0xFf", "1.5e-3", "inf", "-nan", "true", "false"]
TIMES = ["1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00.5"]
STRINGS = ['""', '"a # b"', '"\\"]\\\\"', "'\\'", "'é#}'", '"日本 \U0001f600"']
LONG = ['"""a"""', '"""\n x = "1"\n"""', '"""a\\\n   b"""', '""""quoted""""', '"""a \\"""b"""']
LONG_LITERALS = ["'''\nraw \\ 'x'\n'''", "'''''''", "''''a'''''"]
SCALARS = st.sampled_from([*NUMBERS, *TIMES, *STRINGS, *LONG, *LONG_LITERALS])
COMMENTS = st.sampled_from(["", "", "", " # note", "# é = [", "\t#"])
SPACE = st.sampled_from(["", " ", "  ", "\t"])
BREAK = st.sampled_from(["", " ", "\n", "\n\n  ", " # x ]\n", "\n# 'é\n"])


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines: list[str] = []
    pairs(draw, lines)
    for number in range(draw(st.integers(0, 4))):
        header = ".".join([f"t{draw(st.integers(0, 1))}", *draw(st.lists(keys(), max_size=2)), f"n{number}"])
        if draw(st.booleans()):
            lines.append(f"[{spaced(draw, header)}]{draw(COMMENTS)}")
            pairs(draw, lines)
        else:
            for _ in range(draw(st.integers(1, 2))):
                lines.append(f"[[{spaced(draw, header)}]]{draw(COMMENTS)}")
                pairs(draw, lines)
                if draw(st.booleans()):
                    lines.append(f"  [{header}.sub{draw(st.integers(0, 1))}]")
                    pairs(draw, lines)
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    return ending.join("\n".join(lines).split("\n")) + draw(st.sampled_from(["", ending]))


def pairs(draw: st.DrawFn, lines: list[str]) -> None:
    for number in range(draw(st.integers(0, 3))):
        lines.append(draw(BREAK).rstrip(" ") + f"{draw(SPACE)}{pair(draw, number, 2)}{draw(COMMENTS)}")


def pair(draw: st.DrawFn, number: int, depth: int) -> str:
    key = ".".join([f"k{number}", *draw(st.lists(keys(), max_size=2))])
    return f"{spaced(draw, key)}{draw(SPACE)}={draw(SPACE)}{value(draw, depth)}"


def value(draw: st.DrawFn, depth: int) -> str:
    kind = draw(st.integers(0, 3)) if depth else 0
    if kind == 1:
        items = "".join(
            f"{draw(BREAK)}{value(draw, depth - 1)}{draw(BREAK)}," for _ in range(draw(st.integers(0, 3)))
        )
        return f"[{items if draw(st.booleans()) else items.removesuffix(',')}{draw(BREAK)}]"
    if kind == 2:
        inside = ", ".join(pair(draw, n, depth - 1) for n in range(draw(st.integers(0, 3))))
        return f"{{{draw(SPACE)}{inside}{draw(SPACE)}}}"
    return draw(SCALARS)


def keys() -> st.SearchStrategy[str]:
    return st.one_of(BARE, QUOTED)


def spaced(draw: st.DrawFn, dotted: str) -> str:
    return f"{draw(SPACE)}{dotted}{draw(SPACE)}"


def accepted(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None  # a key twice, mostly


# --- properties ------------------------------------------------------------------------------------


def leaves(tree: Any, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], Any]:
    found = {path: tree} if path else {}
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        found |= leaves(child, (*path, key))
    return found


@given(documents())
@example("a.b = 1\n[c]\nd.e = [{f.g = 2}]\n[[x.y]]\n[x.y.z]\n[[x.y]]\nz = '''a'''\n")
@settings(max_examples=100)
def test_every_value_of_the_tree_is_where_its_text_reads_back_to_it(text: str) -> None:
    tree = accepted(text)
    if tree is None:
        return
    found, expected = index(text), leaves(tree)
    assert found.keys() == expected.keys()
    for path, entry in found.items():
        key, literal = (text[e.start : e.end] for e in (entry.key, entry.value))
        if isinstance(path[-1], str):
            assert tomllib.loads(f"{key} = 0") == {path[-1]: 0}
        by_header = entry.key == entry.value and isinstance(path[-1], str)
        if not by_header and not isinstance(expected[path], dict):
            assert repr(tomllib.loads(f"v = {literal}")["v"]) == repr(expected[path])


@given(documents())
@settings(max_examples=100)
def test_places_agree_with_tree_sitter(text: str) -> None:
    if accepted(text) is not None:
        oracle = TreeSitter(text)
        if not oracle.has_error:
            assert index(text) == oracle.entries


@given(st.sampled_from(['"', '"""', "'", "'''"]), st.data())
def test_each_character_of_a_string_is_found_in_its_text(quote: str, data: st.DataObject) -> None:
    pieces = ["a", "é", "\U0001f600", " "]
    if quote[0] == '"':
        pieces += ["\\n", "\\u00e9", "\\U0001F600", "\\\\", '\\"']
    if len(quote) == 3:
        pieces += ["\n", "\r\n", quote[0] + "b"]
        if quote[0] == '"':
            pieces += ["\\\n   ", "\\  \r\n\n "]
    body = "".join(data.draw(st.lists(st.sampled_from(pieces), max_size=8)))
    text = f"key = {quote}{body}{quote}"
    if accepted(text) is None:
        return
    decoded = tomllib.loads(text)["key"]
    offsets = string_offsets(text, index(text)[("key",)].value)
    assert offsets is not None
    assert len(offsets) == len(decoded) + 1
    assert offsets[-1] == len(text) - len(quote)
    for sign, offset in zip(decoded, offsets, strict=False):
        assert text[offset] in (sign, "\\", "\r")


def test_line_and_column_count_characters_whatever_ends_the_lines() -> None:
    for ending in ("\n", "\r\n"):
        source = Source("x", ending.join(["# é\u2028", 'a = "ü"', "[t]", "b.c = [1, 2]"]))
        assert source.locate(("a",)).line == 2
        assert source.locate(("t", "b", "c", 1)) == source.locate(("t", "b", "c", 1), "key")
        place = source.locate(("t", "b", "c", 1))
        assert (place.line, place.column, place.end_column) == (4, 11, 12)
        assert (source.locate(("t", "b", "c"), "key").column, source.locate(("t", "b"), "key").column) == (
            3,
            1,
        )


def test_what_is_not_there_is_shown_at_its_table() -> None:
    source = Source("x", "[a]\nb = 1\n")
    assert source.locate(("a", "c", "d")) == source.locate(("a",), "key")
    assert source.locate(("z",)).line == 1


def test_a_byte_order_mark_is_no_column(tmp_path: Any) -> None:
    path = tmp_path / "bom.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\n")
    source = Source.read(path)
    assert source.text == "a = 1\r\n"
    assert source.locate(("a",)).column == 5


# --- the oracle --------------------------------------------------------------------------------------


class TreeSitter:
    """Key paths with the places that tree-sitter's TOML grammar gives them."""

    def __init__(self, text: str) -> None:
        self.data = text.encode()
        parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language()))
        root = parser.parse(self.data).root_node
        self.has_error = root.has_error
        self.entries: dict[tuple[str | int, ...], Entry] = {}
        self.counts: dict[tuple[str | int, ...], int] = {}
        for node in root.named_children:
            if node.type == "pair":
                self.pair((), node)
            elif node.type in ("table", "table_array_element"):
                self.table(node)

    def extent(self, node: tree_sitter.Node) -> Extent:
        start, end = (len(self.data[:b].decode()) for b in (node.start_byte, node.end_byte))
        return Extent(start, end)

    def names(self, node: tree_sitter.Node) -> list[tuple[str, Extent]]:
        if node.type == "dotted_key":
            return [name for child in node.named_children for name in self.names(child)]
        literal = self.data[node.start_byte : node.end_byte].decode()
        return [(next(iter(tomllib.loads(f"{literal} = 0"))), self.extent(node))]

    def table(self, node: tree_sitter.Node) -> None:
        header, *rest = [c for c in node.named_children if c.type != "comment"]
        path: tuple[str | int, ...] = ()
        names = self.names(header)
        for i, (name, extent) in enumerate(names):
            path = (*path, name)
            self.entries.setdefault(path, Entry(extent, extent))
            is_element = i == len(names) - 1 and node.type == "table_array_element"
            if is_element:
                self.counts[path] = self.counts.get(path, 0) + 1
            if path in self.counts:
                path = (*path, self.counts[path] - 1)
                self.entries.setdefault(path, Entry(extent, extent))
        for child in rest:
            self.pair(path, child)

    def pair(self, path: tuple[str | int, ...], node: tree_sitter.Node) -> None:
        key, value = [c for c in node.named_children if c.type != "comment"]
        *tables, (last, last_extent) = self.names(key)
        for name, extent in tables:
            path = (*path, name)
            self.entries.setdefault(path, Entry(extent, extent))
        self.value((*path, last), last_extent, value)

    def value(self, path: tuple[str | int, ...], key: Extent | None, node: tree_sitter.Node) -> None:
        extent = self.extent(node)
        self.entries[path] = Entry(key or extent, extent)
        children = [c for c in node.named_children if c.type != "comment"]
        if node.type == "array":
            for i, child in enumerate(children):
                self.value((*path, i), None, child)
        elif node.type == "inline_table":
            for child in children:
                self.pair(path, child)
