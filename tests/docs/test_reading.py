"""What reads and runs pages sees what is wrong with them."""

import subprocess

import page_shell
import pytest
from page_blocks import blocks, is_part
from page_shell import Shell, commands, missing

PAGE = """\
# A page

<!-- part of: whole.py -->

```python
a = 1
```

<!-- not run: it needs
a key -->
```sh
ask
```

- in a list

  <!-- file: rates.csv -->
  ```text
  a,b
  ```

Something between.

    indented

## Below

```toml
# deep/task.toml
```
"""


def test_a_comment_is_about_the_block_below_it_or_below_a_title_about_all(tmp_path):
    (tmp_path / "page.md").write_text(PAGE)
    found = [(block.line, block.language, block.mark, block.about) for block in blocks(tmp_path / "page.md")]
    assert found == [
        (5, "python", "part of", "whole.py"),
        (11, "sh", "not run", "it needs\na key"),
        (18, "text", "file", "rates.csv"),
        (24, "", "part of", "whole.py"),
        (28, "toml", "part of", "whole.py"),
    ]
    assert [block.name for block in blocks(tmp_path / "page.md")] == [
        "",
        "",
        "rates.csv",
        "",
        "deep/task.toml",
    ]


@pytest.mark.parametrize(
    ("told", "lacks"),
    [
        ("one two\nthree\n", None),
        ("one\n...\n", None),
        ("...\nthree\n", None),
        ("...\ntwo\n...\n", None),
        ("two\n...\n", "two"),
        ("one\n", "two three"),
        ("...\ntwo\n", "three"),
        ("...\nthree\n...\ntwo\n...", "two"),
        ("", "one two three"),
    ],
)
def test_a_transcript_is_compared_from_its_first_word_to_its_last(told, lacks):
    assert missing("rectune check", "one two three", told) == lacks


def test_ids_dates_and_times_may_differ_and_numbers_where_they_are_estimates():
    said = "run feed-20261130-065825-b046 of 2026-11-30 took 3.5 s: U +1.25 %"
    told = "run my-feed-20270101-000000-ffff of 2027-01-01\n took 12 s: U +1.26 %"
    assert missing("rectune run task.toml", said, told) is None
    assert missing("rectune check task.toml", said, told) is not None


def test_commands_are_told_from_what_they_say():
    transcript = "$ rectune ls      # which are there\nnone\n\n$ cd feed\n$ ls\n"
    assert list(commands(transcript)) == [("rectune ls", "none\n\n"), ("cd feed", ""), ("ls", "")]


def test_lines_of_a_file_may_be_left_out_and_not_turned_around():
    assert is_part("a = 1\n\nc", "a  =  1\nb\n  c\n")
    assert not is_part("c\na = 1", "a = 1\nb\nc\n")


def test_a_shell_goes_on_where_it_was_and_ends_what_takes_too_long(tmp_path, monkeypatch):
    shell = Shell(tmp_path)
    assert shell.run("mkdir deep && cd deep && exit 3") == (3, "")
    assert shell.run("basename $PWD") == (0, "deep\n")
    monkeypatch.setattr(page_shell, "LONGEST", 0.5)
    with pytest.raises(subprocess.TimeoutExpired):
        shell.run("sleep 60 & sleep 61")
