"""What a backend does not have is said before anything is launched, at its place in the file."""

from pathlib import Path

import pytest

from rectune_dsl.workflow.prepare import InvalidTaskError

TASK = (Path(__file__).parent / "planted.toml").read_text()

TABLES = """
[segments.new]
when = "fresh_user"
[segments.new.guardrails]
harm = "<= +9%"
[sources.fresh]
min = 1
"""


def test_sources_and_segments_that_a_backend_does_not_have(lab):
    text = (TASK + TABLES).replace("q = {}\n", 'q = {}\nfresh_user = { kind = "user" }\n')
    with pytest.raises(InvalidTaskError) as refused:
        lab.load(text)
    found = {(p.code, p.message, p.line) for p in refused.value.problems}
    lines = text.splitlines()
    guardrail, source = lines.index('harm = "<= +9%"') + 1, lines.index("[sources.fresh]") + 1
    assert found == {
        ("RT901", "the backend does not measure `harm` of segment `new`", guardrail),
        ("RT901", "the backend does not measure `users` of segment `new`", guardrail),
        ("RT902", "the backend has no candidates from source `fresh`", source),
    }
