"""What the pages on the numeric agents and on evidence say in numbers is what the code does."""

from pathlib import Path

from rectune_dsl.agents.critic_numeric import HEDGED
from rectune_dsl.agents.pursuit import SPENT
from rectune_dsl.agents.recommend import DOUBTED, FEW, SAFE
from rectune_dsl.agents.trust import LEAST_OVERLAPS
from rectune_dsl.surrogate.slates import AMPLITUDE, PER_MARGIN

FOLDER = Path(__file__).parents[2] / "docs/explanation"


def read(name):
    return " ".join((FOLDER / name).read_text(encoding="utf-8").split())


def test_what_a_recommendation_has_to_keep():
    page = read("evidence.md")
    assert f"guardrails with probability {SAFE} at least ({DOUBTED} while fewer than {FEW} rounds" in page


def test_sizes_risks_and_trust():
    page = read("numeric-mind.md")
    first, *middle, last = (f"{share:.0%}".removesuffix("%") for share in SPENT[1:])
    assert SPENT[0] == 1.0  # nothing has been measured, so nothing looks good by luck
    assert f"only {first} % of `risk` are spent, {', '.join(middle)} and {last} % with more rounds" in page
    first, *middle, last = (f"{share:.0%}".removesuffix("%") for share in LEAST_OVERLAPS)
    assert f"at least {first} % of production's items in the first round" in page
    assert f"then {', '.join(middle)} and {last} %" in page
    assert (
        f"{PER_MARGIN:g} margins for a config from anywhere in the box; {AMPLITUDE:.0%}".replace("%", " %")
        in page
    )
    assert f"And {HEDGED:.0%} of the first round's arms".replace("%", " %") in page
