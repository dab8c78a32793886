"""Edits by key path, edits of formulas, former keys: what is written is what a person would write."""

import tomllib
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rectune_dsl.dsl import former
from rectune_dsl.dsl.check import check
from rectune_dsl.dsl.diagnostics import Edit, Fix
from rectune_dsl.dsl.edits import apply, literal, name, slug
from rectune_dsl.dsl.formula import is_name, parse
from rectune_dsl.dsl.mend import Mender
from rectune_dsl.dsl.mended import mended
from rectune_dsl.dsl.repair import repair
from rectune_dsl.dsl.shape import fields as keys_of
from rectune_dsl.dsl.source import Source

TOML = """\
# first
top = 1
[a]            # the first table
x = "one"      # kept
y = { low = 1, high = 2 }
list = [1, 2, 3]
sub.z = 3
[a.b]
w = '''
long
'''

[c.d]
v = 1
"""


def applied(text: str, fix: Fix | None) -> str:
    assert fix is not None
    return apply(text, "t", [fix])[0]


def mender(text: str = TOML) -> Mender:
    return Mender(Source("t", text))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("make", "change"),
    [
        (lambda m: m.value(("a", "x"), 'tw"o'), lambda t: t["a"].update(x='tw"o')),
        (lambda m: m.value(("a", "y", "low"), 0.5), lambda t: t["a"]["y"].update(low=0.5)),
        (lambda m: m.value(("a", "list", 1), 9), lambda t: t["a"].update(list=[1, 9, 3])),
        (
            lambda m: m.rename(("a", "x"), "two words"),
            lambda t: t["a"].update({"two words": t["a"].pop("x")}),
        ),
        (lambda m: m.rename(("a",), "q"), lambda t: t.update(q=t.pop("a"))),
        (lambda m: m.rename(("a", "sub"), "q"), lambda t: t["a"].update(q=t["a"].pop("sub"))),
        (lambda m: m.remove(("a", "x")), lambda t: t["a"].pop("x")),
        (lambda m: m.remove(("a", "y", "low")), lambda t: t["a"]["y"].pop("low")),
        (lambda m: m.remove(("a", "y", "high")), lambda t: t["a"]["y"].pop("high")),
        (lambda m: m.remove(("a", "list", 0)), lambda t: t["a"]["list"].pop(0)),
        (lambda m: m.remove(("a", "list", 2)), lambda t: t["a"]["list"].pop(2)),
        (lambda m: m.remove(("a", "sub", "z")), lambda t: t["a"].pop("sub")),
        (lambda m: m.remove(("a", "b", "w")), lambda t: t["a"]["b"].pop("w")),
        (lambda m: m.remove(("a", "b")), lambda t: t["a"].pop("b")),
        (lambda m: m.remove(("c", "d")), lambda t: t.pop("c")),
        (lambda m: m.insert((), "dsl", 1), lambda t: t.update(dsl=1)),
        (lambda m: m.insert(("a",), "n", 0.5), lambda t: t["a"].update(n=0.5)),
        (lambda m: m.insert(("a", "y"), "n", "s"), lambda t: t["a"]["y"].update(n="s")),
        (lambda m: m.insert(("a", "sub"), "n", True), lambda t: t["a"]["sub"].update(n=True)),
        (lambda m: m.insert(("c",), "n", [1, 2]), lambda t: t["c"].update(n=[1, 2])),
        (lambda m: m.append(("e", "f g"), {"n": 1}), lambda t: t.update(e={"f g": {"n": 1}})),
    ],
)
def test_an_edit_changes_what_it_names_and_nothing_else(make, change, newline: str) -> None:
    text = TOML.replace("\n", newline)
    after = applied(text, make(mender(text)))
    wanted = tomllib.loads(text)
    change(wanted)
    assert tomllib.loads(after) == wanted
    assert after.count("\n") == after.count(newline)
    assert "# first" in after


def test_what_has_no_certain_edit_has_none() -> None:
    assert mender().value(("nowhere",), 1) is None
    assert mender().value(("a",), 1) is None  # a header
    assert mender().rename(("a", "x"), "y") is None  # there already
    assert mender().remove(("a",)) is None  # written in several places
    assert mender().within(("a", "x"), 0, 1, '"') is None


@given(st.text(max_size=30))
def test_literals_and_names_read_back(text: str) -> None:
    safe = text.encode("utf-8", "replace").decode()
    assert tomllib.loads(f"x = {literal(safe)}")["x"] == safe
    assert (
        name(text) == "" or is_name(name(text)) or name(text) in ("and", "or", "not", "if", "else", "lambda")
    )
    assert slug(slug(text)) == slug(text)


@pytest.mark.parametrize(
    ("text", "plain"), [("h-öne", "h-one"), ("Größe 2", "grosse-2"), ("h-øne", ""), ("主页", "")]
)
def test_names_lose_accents_and_no_letters(text: str, plain: str) -> None:
    assert slug(text) == plain
    assert name("p_été") == "p_ete"
    assert name("p_ø") == ""


@given(st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.integers(-(2**60), 2**60))
def test_numbers_read_back(value: float) -> None:
    assert tomllib.loads(f"x = {literal(value)}")["x"] == value


def test_colliding_fixes_are_left_for_later() -> None:
    one, other = (Edit("t", 0, 3, "x"),), (Edit("t", 2, 4, "y"),)
    elsewhere = (Edit("base", 0, 1, "z"),)
    assert apply("abcdef", "t", [one, other, elsewhere, one]) == ("xdef", (one, one))
    first, second = (Edit("t", 1, 1, "1"),), (Edit("t", 1, 1, "2"),)
    assert apply("ab", "t", [first, second])[0] == "a12b"


# --- formulas ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("a ^ 2", "a ** 2"),
        ("a × b − c", "a * b − c"),
        ("(a + b", "(a + b)"),
        ("a + b)", "a + b"),
        ("max(a, b", "max(a, b)"),
        ("a > 0 and b < 1", "(a > 0) * (b < 1)"),
        ("a > 0 or b < 1", "max(a > 0, b < 1)"),
        ("a > 0 && b < 1", "(a > 0) * (b < 1)"),
        ("not a > 0", "1 - (a > 0)"),
        ("a = 1", "a == 1"),
        ("a => 1", "a >= 1"),
        ("a ≤ 1", "a <= 1"),
        ("lgo(a)", "log(a)"),
    ],
)
def test_formulas_are_mended_as_their_author_would(wrong: str, right: str) -> None:
    assert repaired(wrong) == right


@given(st.text(alphabet="ab12 +-*/^=<>()&|,.!andort²×", max_size=20))
def test_a_repair_reads_further_than_before(text: str) -> None:
    mended = repaired(text)
    if mended is not None and mended != text:
        before, after = stops(text), stops(mended)
        assert after is None or before is None or len(mended) - after <= len(text) - before


def stops(text: str) -> int | None:
    """Where a formula is not understood; a function that is not known may be a plugin's."""
    try:
        parse(text)
    except ValueError as error:
        if str(error).startswith("there is no function"):
            return None
        return error.span.start  # type: ignore[attr-defined,no-any-return]
    return None


def repaired(text: str) -> str | None:
    try:
        parse(text)
    except ValueError as error:
        edits = repair(text, error.span.start, error.span.end, error.help)  # type: ignore[attr-defined]
        for start, end, new in reversed(edits or ()):
            text = text[:start] + new + text[end:]
        return text if edits else None
    return None


# --- former keys -------------------------------------------------------------------------------------


def listed() -> list[tuple[tuple[str, ...], former.Former]]:
    return [(path, what) for table in former._TABLE.values() for path, what in table.items()]


@pytest.mark.parametrize(
    ("path", "what"), listed(), ids=lambda v: ".".join(v) if isinstance(v, tuple) else ""
)
def test_a_former_key_is_none_of_todays_and_leads_to_one(path, what) -> None:
    table = tuple("param" if step == former.ANY else step for step in path[:-1])
    today = keys_of(table)
    assert path[-1] not in today
    assert today
    assert what.key is None or what.key in today
    assert what.pair is None or what.pair[0] in today
    assert what.help.split()[0] in ("write", "remove", "give", "list")
    assert former.former((*table, path[-1])) == what
    assert {field.name for field in fields(what)} == {"help", "key", "pair", "is_gone"}


def test_a_config_in_the_words_of_other_tools_is_mended(environment) -> None:
    text = """\
dsl = 1
[task]
name = "Small Task"
surface = "feed"
[features]
p_click = {}
p_like = {}
[pipeline.ranking]
limit = 10
expression = "p_click + w_like * p_like ^ 2"
[pipeline.ranking.parameters]
w_like = { default = "1.0", lower_bound = 0.1, upper_bound = 10.0, log = true, step = 0.1 }
[metrics]
likes = { maximize = true }
[experiment]
sample_size = 1000
duration_days = 3
[confirmation]
users = 1000
duration = 3
"""
    done = mended(Source("t", text), environment)
    assert check(Source("t", done.text), environment).problems == ()
    assert done.text.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("where(not (p_like > 0.5), 1, 0) + p_click", "where(1 - ((p_like > 0.5)), 1, 0) + p_click"),
        ("where(p_like > 0.1 and p_click > 0.2, 1, 0)", "where((p_like > 0.1) * (p_click > 0.2), 1, 0)"),
        ("p_like * (p_click > 0.1 or p_like > 0.2)", "p_like * (max(p_click > 0.1, p_like > 0.2))"),
    ],
)
def test_a_condition_is_mended_within_its_parentheses(wrong: str, right: str) -> None:
    from rectune_dsl.dsl.formula import FormulaError, parse
    from rectune_dsl.dsl.repair import repair

    with pytest.raises(FormulaError) as caught:
        parse(wrong)
    edits = repair(wrong, caught.value.span.start, caught.value.span.end, caught.value.help)
    assert edits is not None
    text = wrong
    for start, end, new in reversed(edits):
        text = text[:start] + new + text[end:]
    assert text == right


@pytest.mark.parametrize("text", ["p_like > 0.1 and p_click > 0.2 or p_like > 0.3", "a && b || c"])
def test_what_could_be_meant_in_two_ways_is_not_mended(text: str) -> None:
    from rectune_dsl.dsl.formula import FormulaError, parse
    from rectune_dsl.dsl.repair import repair

    with pytest.raises(FormulaError) as caught:
        parse(text)
    assert repair(text, caught.value.span.start, caught.value.span.end, caught.value.help) is None


BARE = """
dsl = 1
task = { name = "small", surface = "feed" }
signals.p_click = {}
signals.p_like = {}
[stages.ranking]
keep = 10
score = "p_click + w * p_like"
params.w = { production = 1.0, low = 0.1, high = 2.0 }
[metrics]
clicks = { goal = "maximize" }
[experiment]
users_per_arm = 1000
days = 3
[confirm]
users_per_arm = 1000
days = 3
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("[confirm]\nusers_per_arm = 1000\ndays = 3\n", ""),  # how much traffic
        ("low = 0.1", "low = -inf"),  # how far the search goes
        ("low = 0.1", 'low = 0.0, scale = "log"'),
        ('score = "', 'score = "value = '),  # a term or a comparison
    ],
)
def test_what_the_author_has_to_decide_is_not_mended(right: str, wrong: str, environment) -> None:
    text = BARE.replace(right, wrong)
    assert text != BARE
    source = Source("task.toml", text)
    assert check(source, environment).errors
    assert mended(source, environment).text == text


def test_a_signal_is_not_removed_while_a_segment_misspells_it(environment) -> None:
    text = BARE.replace("signals.p_like = {}", 'signals.p_like = {}\nsignals.is_new = { kind = "user" }')
    text = text.replace("[metrics]", '[segments.new]\nwhen = "is_nwe_at_all_7"\n[metrics]')
    problems = check(Source("task.toml", text), environment).problems
    assert {p.code: p.fix for p in problems}["RT110"] is None
