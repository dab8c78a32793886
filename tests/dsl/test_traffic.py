"""Limits on traffic: days are days, and freezes that leave room are right."""

import pytest


@pytest.mark.parametrize("written", ['"2026-12-20"', "2026-12-20T08:00:00Z", "2026-12-20 08:00:00"])
def test_a_day_in_quotes_or_with_a_time_is_mended(check_text, written):
    text = check_text().source.text + f"[freeze]\nholidays = {{ first = {written}, last = 2027-01-03 }}\n"
    [problem] = check_text(text=text).problems
    assert (problem.code, problem.fix[0].text) == ("RT103", "2026-12-20")


@pytest.mark.parametrize(("last", "codes"), [("16", []), ("17", ["RT511"]), ("19", []), ("20", ["RT510"])])
def test_between_freezes_an_experiment_fits_or_no_day_is_free(check_text, last, codes):
    """The task's experiments take three days."""
    text = check_text().source.text + (
        f"[freeze]\nmigration = {{ first = 2026-12-01, last = 2026-12-{last} }}\n"
        "holidays = { first = 2026-12-20, last = 2027-01-03 }\n"
    )
    assert [problem.code for problem in check_text(text=text).problems] == codes
