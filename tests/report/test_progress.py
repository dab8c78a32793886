"""The time left is told by what was done since the bar began, and not by what a resumed run repeats."""

import io

import pytest
from rich.console import Console

from rectune_dsl.report.progress import Campaign, TimeLeft


@pytest.fixture
def bar():
    """A campaign of 40 days on a terminal, and its clock."""
    now = [0.0]
    console = Console(file=io.StringIO(), force_terminal=True, get_time=lambda: now[0])
    made = Campaign(console, 40, timed=True)

    def left():
        return TimeLeft().render(made._progress.tasks[0]).plain

    return made, now, left


def test_the_rest_takes_as_long_as_what_was_done(bar):
    campaign, now, left = bar
    campaign.reached(0)
    assert left() == ""
    now[0] = 30.0
    campaign.reached(10)
    assert left() == "0:01:30 left"


def test_what_a_resumed_run_repeats_took_no_time(bar):
    campaign, now, left = bar
    campaign.reached(0)
    for day in (5, 10, 20):
        campaign.reached(day, replayed=True)
    now[0] = 10.0
    campaign.reached(21)
    assert left() == "0:03:10 left"


def test_it_never_goes_back(bar):
    campaign, now, left = bar
    campaign.reached(0)
    now[0] = 10.0
    campaign.reached(20)
    campaign.reached(15)
    assert left() == "0:00:10 left"
