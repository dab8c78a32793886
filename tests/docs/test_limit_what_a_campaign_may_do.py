"""The how-to on limits shows a task that is right, and names every table and key of them."""

import re
from pathlib import Path

from rectune_dsl.dsl.traffic import Exclusion, FreezeWindow, Limits, Ramp

DOCS = Path(__file__).parents[2] / "docs/how-to"
PAGE = (DOCS / "limit-what-a-campaign-may-do.md").read_text(encoding="utf-8")
BASE = (DOCS / "rehearse-faults.md").read_text(encoding="utf-8")


def test_its_task_is_right(rectune_project):
    for name, page in (("feed.toml", BASE), ("limited.toml", PAGE)):
        (text,) = re.findall(rf"```toml\n(# {name}\n.*?)```", page, re.DOTALL)
        rectune_project.write(name, text)
    checked = rectune_project.run("check", "limited.toml")
    assert (checked.exit_code, checked.stdout) == (0, "1 file: no problems\n")
    planned = rectune_project.run("plan", "limited.toml").stdout
    assert "ramp: each begins with 0.01, 0.1, 0.5 of its users, 3 days before all are served" in planned


def test_it_shows_every_key():
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    for table in (Limits, Ramp, FreezeWindow, Exclusion):
        for key in table.model_fields:
            assert re.search(rf"\b{key}\b *=", text), key
